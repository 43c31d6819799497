"""The long runs of the garbage collector: while the loop rests, and not in the middle of a pass."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from reconciler.ports.clock import Clock
    from reconciler.ports.status import Board

LEAST_S: Final = 60.0
"""Between two long runs, at least."""
SHARE: Final = 1000
"""Times as long as one took, until the next: a push seldom meets one, however large the tree is."""
LATE_S: Final = 600.0
"""How long one that is due waits for a rest. Cycles that outlive the short runs are rare, and each is small."""
LOOK_S: Final = 1.0
_SELDOM: Final = 10_000
"""Short runs after which there is a long one in any case; by itself the collector makes one after ten."""


@contextlib.asynccontextmanager
async def collected_at_rest(board: "Board", clock: "Clock") -> AsyncIterator[None]:
    """
    Have what bears no young objects looked through while the loop rests.

    A pass over a large account makes many objects and few cycles; a long run walks through all that there is, takes a
    quarter of a second for ten thousand resources, and finds next to nothing. The short ones go on as ever.
    """
    from reconciler.ports.status import Phase

    async def collect() -> None:
        pause_s = LEAST_S
        while True:
            await clock.sleep(pause_s)
            late_at_s = clock.monotonic_s() + LATE_S
            while board.vitals().phase is not Phase.RESTING and clock.monotonic_s() < late_at_s:
                await clock.sleep(LOOK_S)
            began_s = clock.monotonic_s()
            gc.collect()
            pause_s = max(LEAST_S, (clock.monotonic_s() - began_s) * SHARE)

    young, middle, old = gc.get_threshold()
    gc.set_threshold(young, middle, _SELDOM)
    collecting = asyncio.create_task(collect())
    try:
        yield
    finally:
        collecting.cancel()
        await asyncio.wait({collecting})
        gc.set_threshold(young, middle, old)
