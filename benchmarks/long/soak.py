"""A day in production on a clock that is moved: what grows, what is counted, and how it comes to rest."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import structlog
from rich.table import Table

from benchmarks.stage.terminal import console, say
from tests.production.soak.day import HOUR_S, Course, Seen, play

_MIB: Final = 1024 * 1024
_SHOWN: Final = 20
"""Of what is wrong, so much is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the show took."""

    real_s: float
    cpu_s: float


def show(*, seed: int, hours: float) -> bool:
    """Live through it, print what was seen, and return whether nothing was wrong."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    with TemporaryDirectory() as directory:
        seen = play(Course(seed=seed, hours=hours, first_h=hours / 12, tell=say), Path(directory))
    cost = Cost(real_s=time.monotonic() - began_s, cpu_s=time.process_time() - began_cpu_s)
    say("")
    _print_footprints(seen)
    _print_counts(seen, cost)
    for each in seen.wrong[:_SHOWN]:
        console().print(f"WRONG: {each}", markup=False)
    console().print(f"seed {seed}: {len(seen.wrong)} wrong")
    return not seen.wrong


def _print_footprints(seen: Seen) -> None:
    table = Table(title="One process, twice in the same state of the world", title_justify="left")
    table.add_column("")
    first, last = seen.rests
    for rest in seen.rests:
        table.add_column(f"hour {rest.found.at_s / HOUR_S:.1f}", justify="right")
    table.add_row("resident memory, MiB", f"{first.found.rss_bytes / _MIB:.1f}", f"{last.found.rss_bytes / _MIB:.1f}")
    table.add_row("pieces of memory", f"{first.found.blocks:,}", f"{last.found.blocks:,}")
    most, of = max((more, kind) for kind, more in [*last.found.grown(first.found).items(), ("-", 0)])
    table.add_row(f"objects of one type more, at most ({of.rpartition('.')[2]})", "", str(most))
    table.add_row("open descriptors", str(first.found.descriptors), str(last.found.descriptors))
    table.add_row("passes from the last fault until nothing was left to do", str(first.passes), str(last.passes))
    table.add_row("seconds until then", f"{first.after_s:.0f}", f"{last.after_s:.0f}")
    console().print(table)


def _print_counts(seen: Seen, cost: Cost) -> None:
    table = Table(title="What happened", title_justify="left")
    table.add_column("what")
    table.add_column("how many", justify="right")
    for name, count in sorted(seen.told.items(), key=lambda item: (item[0].partition(":")[0], -item[1])):
        table.add_row(name, f"{count:,}")
    for name, size in seen.most.items():
        table.add_row(f"at most: {name}", f"{size:,}")
    lived_s = seen.hours[-1].at_s
    table.add_row("simulated hours", f"{lived_s / HOUR_S:.1f}")
    table.add_row("real seconds (CPU)", f"{cost.real_s:.0f} ({cost.cpu_s:.0f})")
    table.add_row("simulated seconds a second of CPU", f"{lived_s / cost.cpu_s:,.0f}")
    console().print(table)
