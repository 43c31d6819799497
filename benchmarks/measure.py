"""Run whole processes side by side and compare what they cost."""

import os
import statistics
import subprocess
import tempfile
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


class MeasuredProgramError(Exception):
    """A program that should be measured did not do its work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one run of a program cost."""

    cpu_s: float
    """User and system time of the process and the children it waited for."""
    peak_mib: float
    """Largest resident set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A number to hold: the CPU time of one program as a share of another's in the same rounds."""

    program: str
    peer: str
    at_most: float


def run(argv: Sequence[str], *, cwd: Path, statuses: Container[int] = (0,)) -> Cost:
    """
    Run a program to its end and return what it cost.

    Args:
        argv: the program and its arguments.
        cwd: where it runs.
        statuses: with which it has done its work.

    Raises:
        MeasuredProgramError: it ended with another status, so what it cost means nothing.

    """
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)  # noqa: S603 -- argv is built here
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in statuses:
            said.seek(0)
            last = said.read()[-400:].decode(errors="replace")
            raise MeasuredProgramError(f"{' '.join(argv[:3])} … exited with {child.returncode}: {last}")
    return Cost(cpu_s=usage.ru_utime + usage.ru_stime, peak_mib=usage.ru_maxrss / 1024)


def interleaved(
    programs: Mapping[str, Sequence[str]], *, rounds: int, cwd: Path, statuses: Container[int] = (0,)
) -> dict[str, list[Cost]]:
    """Run every program once a round, so that other load meets them all alike; one round more, the first, warms up."""
    costs: dict[str, list[Cost]] = {name: [] for name in programs}
    for number in range(rounds + 1):
        for name, argv in programs.items():
            cost = run(argv, cwd=cwd, statuses=statuses)
            if number > 0:
                costs[name].append(cost)
    return costs


def ratio(costs: Mapping[str, Sequence[Cost]], program: str, peer: str) -> float:
    """Return the median over the rounds of the program's CPU time as a share of its peer's in the same round."""
    pairs = zip(costs[program], costs[peer], strict=True)
    return statistics.median(ours.cpu_s / theirs.cpu_s for ours, theirs in pairs)


def show(title: str, costs: Mapping[str, Sequence[Cost]], limits: Sequence[Limit]) -> None:
    """Print the medians of every program, and each ratio beside the number to hold."""
    console = Console()
    table = Table("program", "CPU s", "min to max", "peak MiB", title=title, title_justify="left")
    for name, runs in costs.items():
        times = [cost.cpu_s for cost in runs]
        peak = max(cost.peak_mib for cost in runs)
        table.add_row(name, f"{statistics.median(times):.3f}", f"{min(times):.3f} to {max(times):.3f}", f"{peak:.0f}")
    console.print(table)
    for limit in limits:
        found = ratio(costs, limit.program, limit.peer)
        verdict = "held" if found <= limit.at_most else "NOT held"
        console.print(f"{limit.program} / {limit.peer}: {found:.3f} of its CPU, at most {limit.at_most:.3f}: {verdict}")
