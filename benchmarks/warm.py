"""What one changed file costs in the loop: a tree is read, one file of it changes, and it is read again."""

import gc
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks import tree
from benchmarks.measure import run
from reconciler.manifests.reader import ManifestReader
from reconciler.sources.scanning import Scanner

AHEAD_NS: Final = 60_000_000_000
LIMIT: Final = 0.05
"""CPU time of a change as a share of a cold validation's."""


def measure(*, documents: int, rounds: int) -> None:
    """Read a tree, change a file of it again and again, and print what that costs beside `reconciler validate`."""
    for per_file in (10, 1):
        with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder:
            _measure(Path(folder), documents=documents, per_file=per_file, rounds=rounds)


def _measure(home: Path, *, documents: int, per_file: int, rounds: int) -> None:
    manifests = home / "manifests"
    tree.write(manifests, documents=documents, per_file=per_file)
    path = sorted(manifests.rglob("*.yaml"))[documents // per_file // 2]
    text = path.read_text(encoding="utf-8")
    # By a clock that is ahead: what was written just now is else read twice, for it may change within a tick.
    scanner, reader = Scanner((manifests,), now_ns=lambda: time.time_ns() + AHEAD_NS), ManifestReader()
    _timed(scanner, reader)
    command = (str(Path(sys.executable).with_name("reconciler")), "validate", str(manifests))
    cold_s, warm_s = [], []
    for number in range(rounds):
        cold_s.append(run(command, cwd=home).cpu_s)
        path.write_text(text.replace("port: 90", f"port: {number + 1}90"), encoding="utf-8")
        warm_s.append(_timed(scanner, reader))
    share = statistics.median(warm / cold for warm, cold in zip(warm_s, cold_s, strict=True))
    verdict = "held" if share <= LIMIT else "NOT held"
    sys.stdout.write(
        f"{documents:,} documents, {per_file} a file, {rounds} rounds: {statistics.median(cold_s):.3f} s of CPU for "
        f"`reconciler validate`, {statistics.median(warm_s):.3f} s in the loop after one file changed: "
        f"{share:.3f} of it, at most {LIMIT:.3f}: {verdict}\n"
    )


def _timed(scanner: Scanner, reader: ManifestReader) -> float:
    gc.collect()
    began_s = time.process_time()
    reader.read(scanner.scan().files)
    return time.process_time() - began_s
