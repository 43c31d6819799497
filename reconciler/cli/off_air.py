"""Before a relay ends: what would go off air with it, and the second Ctrl-C that says that this is meant."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from reconciler.domain.errors import ReconcilerError

if TYPE_CHECKING:
    from reconciler.ports.clock import Clock

AGAIN_S: Final = 10.0
"""How long after it was said what would go off air another Ctrl-C means just that."""
_LOOK_S: Final = 5.0
"""How long the relay may take to say what is on air."""
_MOST: Final = 10
"""Flows that are named; the rest is counted."""
Look = Callable[[], Awaitable[tuple[str, ...]]]
"""Returns a sentence for each flow that would go off air."""


class Ending:
    """
    What Ctrl-C does to a verb that carries streams.

    With nothing on air it ends it. Otherwise the first one only says what would go off air, and another one within
    `AGAIN_S` of that ends it; while that is still being looked at, nobody has been told, and more of them do nothing.
    A verb that is ending already carries nothing that could be kept.
    """

    def __init__(self, end: Callable[[], None], clock: "Clock", *, on_terminal: bool | None = None) -> None:
        """
        Prepare to be interrupted.

        Args:
            end: ends the verb.
            clock: of the `AGAIN_S`.
            on_terminal: whether somebody reads what is said; None looks whether stderr is a terminal.

        """
        self._end = end
        self._look: Look = _nothing
        self._clock = clock
        self._on_terminal = sys.stderr.isatty() if on_terminal is None else on_terminal
        self._looking: asyncio.Task[None] | None = None
        self._told_s: float | None = None

    def carries(self, look: Look) -> None:
        """From now on something may be on air."""
        self._look = look

    def end(self) -> None:
        """End the verb unasked."""
        self._look = _nothing
        self._end()

    def interrupted(self) -> None:
        """Do what Ctrl-C asks for; where nobody could be told it ends the verb."""
        is_said = self._told_s is not None and self._clock.monotonic_s() - self._told_s <= AGAIN_S
        if is_said or not self._on_terminal:
            self.end()
        elif self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        try:
            carried = await self._look()
        finally:
            # Whatever became of the look, another Ctrl-C ends it.
            self._told_s = self._clock.monotonic_s()
        if not carried:
            self.end()
            return
        click.echo(f"Ending it cuts what is on air:\n{listed(carried)}", err=True)
        click.echo(f"It goes on. Ctrl-C once more within {AGAIN_S:.0f} s ends it all the same.", err=True)


async def _nothing() -> tuple[str, ...]:
    return ()


async def on_air_at(state: Path) -> tuple[str, ...]:
    """Return a sentence for each flow that the relay of a state directory has on air, or cannot tell of."""
    from reconciler import wiring
    from reconciler.engine.carried import on_air_now
    from reconciler.engine.deadline import within

    clock = wiring.clock()
    try:
        async with wiring.relay_on(state) as backend:
            return await within(_LOOK_S, on_air_now(backend, clock), clock=clock)
    except (ReconcilerError, TimeoutError) as error:
        return (f"the relay cannot be asked what is on air: {error}",)


def listed(carried: tuple[str, ...]) -> str:
    """Return what would go off air, a line each."""
    from reconciler.cli.formats.values import safe

    more = (f"{len(carried) - _MOST} more; `reconciler status` shows all",) if len(carried) > _MOST else ()
    return "\n".join(f"  {safe(sentence)}" for sentence in (*carried[:_MOST], *more))
