"""The generated tree is what the benchmarks say it is."""

import subprocess
import sys
from pathlib import Path

import yaml

from benchmarks import tree


def documents(root: Path) -> list[tuple[str, str]]:
    """Return (kind, name) of every document below `root`, in path order."""
    return [
        (found["kind"], found["metadata"]["name"])
        for path in sorted(root.rglob("*.yaml"))
        for found in yaml.safe_load_all(path.read_bytes())
    ]


def test_the_shape_of_the_files_does_not_change_the_documents(tmp_path: Path) -> None:
    """Ten documents a file and one a file are the same tree, one Flow and nine outputs at a time."""
    tree.write(tmp_path / "tens", documents=20, per_file=10)
    tree.write(tmp_path / "ones", documents=20, per_file=1)

    tens, ones = documents(tmp_path / "tens"), documents(tmp_path / "ones")

    assert tens == ones
    assert [kind for kind, _ in tens] == (["Flow"] + ["Output"] * 9) * 2


def test_the_tree_is_the_same_every_time(tmp_path: Path) -> None:
    """Two runs compare like with like, because nothing in the tree is random."""
    tree.write(tmp_path / "first", documents=30, per_file=10)
    tree.write(tmp_path / "second", documents=30, per_file=10)

    first = [path.read_bytes() for path in sorted((tmp_path / "first").rglob("*.yaml"))]

    assert first == [path.read_bytes() for path in sorted((tmp_path / "second").rglob("*.yaml"))]


def test_the_tree_has_no_findings(tmp_path: Path) -> None:
    """What is timed is the good path, so not one document may be wrong or deserve a warning."""
    tree.write(tmp_path / "manifests", documents=30, per_file=10)

    checked = subprocess.run(
        [sys.executable, "-m", "reconciler", "validate", "--format", "json", str(tmp_path / "manifests")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "SL" not in checked.stdout
