"""The runs of the garbage collector: while the loop rests, and not in the middle of a pass."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from reconciler.ports.clock import Clock
    from reconciler.ports.status import Board, Vitals

LEAST_S: Final = 60.0
"""Between two long runs, at least; the first one comes as soon as what was read first is at rest."""
SHARE: Final = 1000
"""Times as long as one took, until the next: a push seldom meets one, however large the tree is."""
MOST_S: Final = 3600.0
"""At most, whatever it took: on a machine that swaps, memory is wanted back the more."""
LATE_S: Final = 600.0
"""How long one that is due waits for a rest. Cycles that outlive the short runs are rare, and each is small."""
LOOK_S: Final = 1.0
"""Between two looks at whether the loop rests."""
YOUNG: Final = 700
"""Objects since the last run, for which a short one is made at rest."""
_MANY: Final = 100_000
"""So many, for which it makes a short run by itself, rest or not: a pass over a large account makes fewer."""
_SELDOM: Final = 10_000
"""Runs through the middle generation, after which the collector may make a long one by itself; it takes ten else."""


@contextlib.asynccontextmanager
async def collected_at_rest(board: "Board", clock: "Clock") -> AsyncIterator[None]:
    """
    Have what was made looked through while the loop rests.

    A pass over a large account makes many objects and few cycles. A long run walks through all that there is, takes a
    quarter of a second for ten thousand resources, and finds next to nothing; short ones take a tenth of a pass.
    """

    async def collect() -> None:
        due_s = clock.monotonic_s()
        while True:
            await clock.sleep(LOOK_S)
            began_s = clock.monotonic_s()
            if not _rests(board.vitals()) and began_s < due_s + LATE_S:
                continue
            if began_s >= due_s:
                gc.collect()
                ended_s = clock.monotonic_s()
                due_s = ended_s + min(MOST_S, max(LEAST_S, (ended_s - began_s) * SHARE))
            elif gc.get_count()[0] >= YOUNG:
                gc.collect(1)

    young, middle, old = gc.get_threshold()
    gc.set_threshold(max(young, _MANY), middle, _SELDOM)
    collecting = asyncio.create_task(collect())
    try:
        yield
    finally:
        gc.set_threshold(young, middle, old)
        collecting.cancel()
        await asyncio.wait({collecting})


def _rests(vitals: "Vitals") -> bool:
    """Return whether there is something to look through, and nobody at work: until a first pass nothing was read."""
    from reconciler.ports.status import Phase

    return vitals.phase is Phase.RESTING and vitals.passed_at is not None
