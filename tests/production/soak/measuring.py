"""What a process takes of the machine, counted exactly enough to see one object that is forgotten with every pass."""

import gc
import os
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """One moment."""

    at_s: float
    rss_bytes: int
    """Resident memory of the whole process."""
    descriptors: int
    blocks: int
    """Pieces of memory that Python objects take, after a collection."""
    objects: Counter[str] = field(default_factory=Counter)
    """Containers that are alive, by their type."""

    def grown(self, before: "Footprint") -> Counter[str]:
        """Return of which types there are more by now, and how many."""
        grown = self.objects - before.objects
        # A connection of sqlite3 clears the list of its cursors away at every two hundredth.
        del grown["weakref.ReferenceType"]
        return grown


def footprint(at_s: float, *, counts: bool = False) -> Footprint:
    """Return what this process takes now; with its objects one by one where that is asked for."""
    gc.collect()
    objects = Counter(_name(type(each)) for each in gc.get_objects()) if counts else Counter[str]()
    return Footprint(
        at_s=at_s,
        rss_bytes=int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE,
        descriptors=sum(1 for _ in Path("/proc/self/fd").iterdir()),
        blocks=sys.getallocatedblocks(),
        objects=objects,
    )


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
