"""An engine program that carries a flow: told how the flow should be, and asked how it is."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from reconciler.media.rates import RateWindow
from reconciler.relay.engines.home import FlowHome
from reconciler.relay.engines.program import EngineFailedError, EngineProgram
from reconciler.relay.engines.words import WAITING, after, waiting
from reconciler.relay.media import EndHealth, EndId


class Carrier:
    """One program, what it was told last, and what was learned from it since; a run that began anew knows nothing."""

    def __init__(self, home: FlowHome, module: str) -> None:
        self._program = EngineProgram(home, module)
        self._told: Mapping[str, Any] | None = None
        self.rates: Final = Rates()
        self.learned: dict[EndId, EndHealth] = {}
        """How each end was at the last look; whoever looks replaces it as a whole."""

    @property
    def session(self) -> str:
        """What tells this run of the program from any other; empty while none runs."""
        return self._program.session

    @property
    def carries(self) -> bool:
        """Whether the program has taken what it was told, as far as we know."""
        return self._told is not None

    async def tell(self, order: Mapping[str, Any]) -> None:
        """Have the program carry this; one that has died is started anew, after a pause that grows."""
        session = self._program.session
        if not await self._program.ready():
            self._forget()
            return
        if self._program.session != session:
            self._forget()
        if order != self._told and await self._ask(order) is not None:
            self._told = order

    async def figures(self) -> dict[str, Any] | None:
        """Return what the program counts now, and begin another look; None while it carries nothing."""
        if self._told is None:
            return None
        told = await self._ask({"do": "stats"})
        if told is not None:
            self.rates.begin(asyncio.get_running_loop().time())
        return told

    def health(self, end: EndId) -> EndHealth:
        """Return how an end was at the last look, or why nothing is known of it."""
        if self._program.last_error:
            return waiting(self._program.last_error)
        return after(self._program.mishap, self.learned.get(end, WAITING))

    def after_mishap(self, health: EndHealth) -> EndHealth:
        """Return the health of an end that another program serves: it tells of our trouble where it has none."""
        return after(self._program.mishap, health)

    async def close(self) -> None:
        """End the program."""
        await self._program.end()

    async def _ask(self, command: Mapping[str, Any]) -> dict[str, Any] | None:
        try:
            return await self._program.ask(command)
        except EngineFailedError:
            self._forget()
            return None

    def _forget(self) -> None:
        self._told = None
        self.learned = {}
        self.rates.clear()


class Rates:
    """Bit rates of connections, from their counters; a connection that a look does not meet is forgotten."""

    def __init__(self) -> None:
        self._before: dict[tuple[EndId, str], RateWindow] = {}
        self._now: dict[tuple[EndId, str], RateWindow] = {}
        self._now_s = 0.0

    def begin(self, now_s: float) -> None:
        """Begin another look."""
        self._before, self._now, self._now_s = self._now, {}, now_s

    def bitrate_bps(self, end: EndId, connection: str, total_bytes: int) -> int:
        """Return the bit rate of a connection whose counter is at this now."""
        key = (end, connection)
        window = self._now[key] = self._before.get(key, RateWindow())
        window.feed(self._now_s, total_bytes)
        return window.bitrate_bps

    def clear(self) -> None:
        """Forget all of them."""
        self._before, self._now = {}, {}
