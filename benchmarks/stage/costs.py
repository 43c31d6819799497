"""What processes cost, as the kernel tells it."""

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_PROC: Final = Path("/proc")
_SESSION, _USER, _SYSTEM = 3, 11, 12
"""Where /proc/PID/stat tells these, counted from the state on. Source: proc(5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What some processes have used up to a moment."""

    cpu_s: float = 0.0
    """User and system time."""
    pss_mib: float = 0.0
    """Memory; what several processes share counts once."""
    descriptors: int = 0
    processes: int = 0

    def __add__(self, other: Self) -> "Usage":
        return Usage(
            cpu_s=self.cpu_s + other.cpu_s,
            pss_mib=self.pss_mib + other.pss_mib,
            descriptors=self.descriptors + other.descriptors,
            processes=self.processes + other.processes,
        )


def of_process(pid: int) -> Usage:
    """Return what one process has used; nothing where it is gone."""
    folder = _PROC / str(pid)
    try:
        fields = _stat(folder)
        shares = [line.split() for line in (folder / "smaps_rollup").read_text().splitlines()]
        pss_kib = sum(int(share[1]) for share in shares if share[0] == "Pss:")
        descriptors = sum(1 for _ in (folder / "fd").iterdir())
    except (OSError, IndexError, ValueError):
        return Usage()
    cpu_s = (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS_PER_S
    return Usage(cpu_s=cpu_s, pss_mib=pss_kib / 1024, descriptors=descriptors, processes=1)


def of_sessions(leaders: Iterable[int]) -> Usage:
    """Return what all processes of these sessions have used together."""
    wanted = frozenset(leaders)
    total = Usage()
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                if int(_stat(folder)[_SESSION]) in wanted:
                    total += of_process(int(folder.name))
    return total


def slope_per_minute(samples: Iterable[tuple[float, float]]) -> float:
    """Return how much a figure grows in a minute: the slope of the least squares line through (seconds, figure)."""
    points = list(samples)
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return 60 * sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def _stat(folder: Path) -> list[str]:
    return (folder / "stat").read_text().rsplit(")", 1)[1].split()
