"""Do each piece of work in turn, at each size, and print what it cost."""

import asyncio
import platform
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.bill import works
from benchmarks.stage import film
from benchmarks.stage.costs import Usage, of_sessions
from benchmarks.stage.relay import StageError
from benchmarks.stage.terminal import console, say

MBPS: Final = 5.0
WINDOW_S: Final = 10.0
_SETTLE_S: Final = 4.0
_PATIENCE_S: Final = 90.0


SRT_CPU_RATIO: Final = 1.2
SRT_MIB: Final = 5.0
"""What an SRT output on a port of its own may cost: CPU beside srt-live-transmit, and memory."""


@dataclass(frozen=True, slots=True)
class Case:
    """One way to do one kind of work."""

    row: str
    who: str
    do: works.Doing
    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What one piece of work cost while it was measured."""

    case: Case
    size: int
    cpu_percent: float
    """Of one core, all outputs and the input together."""
    pss_mib: float
    least_mbps: float
    """At the far end that got least."""
    median_mbps: float


CASES: Final = (
    Case("SRT listener", "relay", works.relay_srt_listeners, (1, 10, 50, 100)),
    Case("SRT listener", "srt-live-transmit", works.srt_live_transmit, (1, 10, 50)),
    Case("SRT listener", "ffmpeg", works.ffmpeg_srt, (1, 10)),
    Case("SRT caller", "relay", works.relay_srt_callers, (1, 10, 50, 100)),
    Case("RTP", "relay", works.relay_rtp, (1, 10, 50, 100)),
    Case("RTP", "ffmpeg", works.ffmpeg_rtp, (1, 10)),
    Case("RTMP_PULL", "relay", works.relay_players, (1, 10, 50)),
    Case("RTSP", "relay", works.relay_rtsp, (1, 10, 50)),
    Case("RTMP to RTMP_PUSH", "relay", works.relay_pushes, (1, 10, 50)),
    Case("SRT to RTMP_PUSH", "relay", works.relay_pushes_from_srt, (1, 10, 50)),
    Case("RTMP_PUSH", "ffmpeg", works.ffmpeg_pushes, (1, 10)),
)


def measure(*, only: Sequence[str] = (), most: int = 100) -> None:
    """Measure every row, or those whose name holds one of these words, up to a size; print the table."""
    cases = [case for case in CASES if not only or any(word.lower() in case.row.lower() for word in only)]
    bills = asyncio.run(_measure(cases, most))
    _show(bills)


async def _measure(cases: Sequence[Case], most: int) -> list[Bill]:
    bills = []
    with tempfile.TemporaryDirectory(prefix="reconciler-bill-") as folder:
        path = await asyncio.to_thread(film.make, Path(folder) / "film.ts", mbps=MBPS)
        # All ways at one size after each other, so that other load on the machine meets them alike.
        for size in sorted({size for case in cases for size in case.sizes if size <= most}):
            for case in cases:
                if size in case.sizes:
                    say(f"{case.row}, {size} by {case.who}")
                    bills.append(await _one(case, size, path))
    say("")
    return bills


async def _one(case: Case, size: int, path: Path) -> Bill:
    async with case.do(path, size) as work:
        await _flowing(work, case)
        await asyncio.sleep(_SETTLE_S)
        before, came = await _reading(work)
        began_s = time.monotonic()
        await asyncio.sleep(WINDOW_S)
        after, come = await _reading(work)
        took_s = time.monotonic() - began_s
    rates = [8e-6 * (last - first) / took_s for first, last in zip(came, come, strict=True)]
    return Bill(
        case=case,
        size=size,
        cpu_percent=100 * (after.cpu_s - before.cpu_s) / took_s,
        pss_mib=after.pss_mib,
        least_mbps=min(rates),
        median_mbps=median(rates),
    )


async def _reading(work: works.Work) -> tuple[Usage, list[int]]:
    if work.look is not None:
        await work.look()
    return await asyncio.to_thread(of_sessions, work.leaders()), [counter() for counter in work.counters]


async def _flowing(work: works.Work, case: Case) -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while True:
        if work.look is not None:
            await work.look()
        served = sum(counter() > 0 for counter in work.counters)
        if served == len(work.counters):
            return
        if time.monotonic() > until_s:
            raise StageError(f"{case.row} by {case.who}: {served} of {len(work.counters)} far ends got something")
        await asyncio.sleep(0.2)


def _show(bills: Sequence[Bill]) -> None:
    shown = console()
    table = Table(title=f"{MBPS:g} Mb/s copied, {WINDOW_S:g} s each; 100 % is one core", title_justify="left")
    for heading in ("row", "by"):
        table.add_column(heading, no_wrap=True)
    for heading in ("outputs", "CPU %", "an output", "MiB", "an output", "Mb/s least", "median"):
        table.add_column(heading, justify="right", no_wrap=True)
    for bill in sorted(bills, key=lambda bill: (CASES.index(bill.case), bill.size)):
        table.add_row(
            bill.case.row,
            bill.case.who,
            str(bill.size),
            f"{bill.cpu_percent:.1f}",
            f"{bill.cpu_percent / bill.size:.2f}",
            f"{bill.pss_mib:.0f}",
            f"{bill.pss_mib / bill.size:.1f}",
            f"{bill.least_mbps:.2f}",
            f"{bill.median_mbps:.2f}",
        )
    shown.print(table)
    _judge(shown, bills)
    shown.print(f"{platform.machine()}, {_processor()}, Linux {platform.release()}; {_version('ffmpeg', '-version')}")


def _judge(shown: Console, bills: Sequence[Bill]) -> None:
    by = {(bill.case.row, bill.case.who, bill.size): bill for bill in bills}
    for (row, who, size), ours in by.items():
        theirs = by.get((row, "srt-live-transmit", size))
        if who == "relay" and theirs is not None:
            ratio = ours.cpu_percent / theirs.cpu_percent
            verdict = "held" if ratio <= SRT_CPU_RATIO else "NOT held"
            memory = "held" if ours.pss_mib / size <= SRT_MIB else "NOT held"
            shown.print(
                f"{row}, {size}: {ratio:.2f} of srt-live-transmit's CPU, at most {SRT_CPU_RATIO:g}: {verdict}; "
                f"{ours.pss_mib / size:.1f} MiB an output, at most {SRT_MIB:g}: {memory}"
            )


def _processor() -> str:
    lines = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return f"{len(lines)} cores of {lines[0].partition(':')[2].strip()}" if lines else "cores unknown"


def _version(*command: str) -> str:
    said = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- argv is built here
    return " ".join(said.stdout.splitlines()[0].split()[:3]) if said.stdout else command[0]
