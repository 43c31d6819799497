"""`reconciler validate`, cold, beside a bare YAML load of the same files and beside check-jsonschema."""

import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks import tree
from benchmarks.measure import Limit, interleaved, show

SCHEMAS: Final = Path(__file__).parents[1] / "schemas" / "v1"

BARE_LOAD: Final = """
import pathlib, sys, yaml
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.yaml")):
    with path.open("rb") as text:
        for document in yaml.load_all(text, Loader=yaml.CSafeLoader):
            pass
"""
"""The floor that people know: data only, no positions, no checks."""

BY_KIND: Final = """
import pathlib, subprocess, sys
checker, schemas, lists = sys.argv[1:]
for kind in ("flow", "output"):
    paths = (pathlib.Path(lists) / kind).read_text().split()
    subprocess.run([checker, "--schemafile", f"{schemas}/{kind}.json", *paths], check=True)
"""
"""check-jsonschema takes one schema a run, so one run for each kind."""


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def measure(*, documents: int, rounds: int) -> None:
    """Measure both shapes of a tree: ten documents a file, and one."""
    for per_file in (10, 1):
        with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder:
            manifests = Path(folder) / "manifests"
            tree.write(manifests, documents=documents, per_file=per_file)
            programs = {
                "reconciler validate": (_program("reconciler"), "validate", str(manifests)),
                "yaml.load_all(CSafeLoader)": (sys.executable, "-c", BARE_LOAD, str(manifests)),
            }
            costs = interleaved(programs, rounds=rounds, cwd=Path(folder))
            show(
                f"{documents:,} documents, {per_file} a file, {rounds} rounds",
                costs,
                [Limit(program="reconciler validate", peer="yaml.load_all(CSafeLoader)", at_most=0.8)],
            )


def measure_beside_check_jsonschema(*, documents: int, rounds: int) -> None:
    """Measure one document a file, which is all that check-jsonschema reads, with the same schemas."""
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder:
        manifests = Path(folder) / "manifests"
        tree.write(manifests, documents=documents, per_file=1)
        lists: dict[str, list[str]] = {"flow": [], "output": []}
        for path in sorted(manifests.rglob("*.yaml")):
            is_flow = "\nkind: Flow\n" in path.read_text(encoding="utf-8")
            lists["flow" if is_flow else "output"].append(str(path))
        for kind, paths in lists.items():
            (Path(folder) / kind).write_text("\n".join(paths), encoding="utf-8")
        programs = {
            "reconciler validate": (_program("reconciler"), "validate", str(manifests)),
            "check-jsonschema": (sys.executable, "-c", BY_KIND, _program("check-jsonschema"), str(SCHEMAS), folder),
        }
        costs = interleaved(programs, rounds=rounds, cwd=Path(folder))
        show(
            f"{documents:,} documents, 1 a file, {rounds} rounds",
            costs,
            [Limit(program="reconciler validate", peer="check-jsonschema", at_most=1 / 8)],
        )
