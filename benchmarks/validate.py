"""`reconciler validate`, cold, beside a bare YAML load of the same files and beside check-jsonschema."""

import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks import tree
from benchmarks.measure import Limit, interleaved, show

ROOT: Final = Path(__file__).parents[1]

BARE_LOAD: Final = """
import pathlib, sys, yaml
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.yaml")):
    with path.open("rb") as text:
        for document in yaml.load_all(text, Loader=yaml.CSafeLoader):
            pass
"""
"""The floor that people know: data only, no positions, no checks."""


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
        flows, outputs = [], []
        for path in sorted(manifests.rglob("*.yaml")):
            (flows if "\nkind: Flow\n" in path.read_text(encoding="utf-8") else outputs).append(str(path))
        checker, schemas = _program("check-jsonschema"), ROOT / "schemas" / "v1"
        ours, flow, output = "reconciler validate", "check-jsonschema, flows", "check-jsonschema, outputs"
        programs = {
            ours: (_program("reconciler"), "validate", str(manifests)),
            flow: (checker, "--schemafile", str(schemas / "flow.json"), *flows),
            output: (checker, "--schemafile", str(schemas / "output.json"), *outputs),
        }
        costs = interleaved(programs, rounds=rounds, cwd=Path(folder))
        show(
            f"{documents:,} documents, 1 a file, {rounds} rounds; check-jsonschema reads one kind a run",
            costs,
            [Limit(program=ours, peer=output, at_most=1 / 8 * (tree.OUTPUTS_PER_FLOW + 1) / tree.OUTPUTS_PER_FLOW)],
        )
