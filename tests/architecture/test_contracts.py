"""The import contracts of `.importlinter` hold, and a stray import breaks them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import grimp
import pytest

ROOT: Final = Path(__file__).parents[2]

PURE: Final = frozenset(
    {
        "abc",
        "bisect",
        "collections",
        "dataclasses",
        "datetime",
        "decimal",
        "difflib",
        "enum",
        "fractions",
        "functools",
        "graphlib",
        "hashlib",
        "heapq",
        "hmac",
        "ipaddress",
        "itertools",
        "json",
        "math",
        "operator",
        "re",
        "string",
        "textwrap",
        "types",
        "typing",
        "unicodedata",
    }
)
"""
What the domain may import: values and functions of values. The contract names what it may not.

`json` is one as long as it makes text of values: a change's id is a hash of such a text.
"""


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of the tree at `root`, and not of the one that is installed."""
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of the code and its contracts, free to be spoilt."""
    shutil.copytree(ROOT / "reconciler", tmp_path / "reconciler", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def test_the_tree_keeps_its_contracts() -> None:
    """Every import of the tree points the way that the architecture says."""
    checked = lint_imports(ROOT)

    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("room", "stray", "contract"),
    [
        pytest.param("domain", "os", "The domain is pure", id="the domain reads the environment"),
        pytest.param("domain", "reconciler.ports.backend", "Arrows point down", id="the domain looks up at a port"),
        pytest.param("engine", "reconciler.streamlink.codes", "Arrows point down", id="a use case knows a vendor"),
        pytest.param("wiring/state.py", "reconciler.wiring.worlds", "The wiring is put", id="a part knows the whole"),
        pytest.param("relay", "reconciler.engine", "Arrows point down", id="the relay knows the engine"),
        pytest.param("sources", "httpx", "Only the StreamLink client", id="a source speaks to the backend"),
        pytest.param("engine", "rich", "Only the command line", id="a use case draws tables"),
        pytest.param("sources", "yaml", "Only the manifests", id="a source reads YAML"),
        pytest.param("streamlink/codes.py", "reconciler.domain", "What the relay shares", id="shared words learn ours"),
    ],
)
def test_a_stray_import_breaks_a_contract(copy: Path, room: str, stray: str, contract: str) -> None:
    """An import against an arrow fails the check, naming the contract that it breaks."""
    spoilt = copy / "reconciler" / room
    module = spoilt if spoilt.is_file() else spoilt / "__init__.py"
    module.write_text(f"{module.read_text()}\nimport {stray}\n")

    checked = lint_imports(copy)

    assert checked.returncode == 1
    assert any(line.startswith(contract) and "BROKEN" in line for line in checked.stdout.splitlines())


def test_a_new_room_must_be_given_its_place(copy: Path) -> None:
    """A package that the layers do not name fails the check, so that no room stands outside the house."""
    annex = copy / "reconciler" / "annex"
    annex.mkdir()
    (annex / "__init__.py").write_text('"""A room without a place."""\n')

    checked = lint_imports(copy)

    assert checked.returncode == 1
    assert "reconciler.annex" in checked.stdout


def test_the_domain_imports_only_values() -> None:
    """What the domain takes from the standard library is on a short list, and it takes nothing else from outside."""
    graph = grimp.build_graph("reconciler", include_external_packages=True, cache_dir=None)
    rooms = {"reconciler.domain", *graph.find_descendants("reconciler.domain")}

    taken = {name for room in rooms for name in graph.find_modules_directly_imported_by(room)} - rooms

    assert taken <= PURE
