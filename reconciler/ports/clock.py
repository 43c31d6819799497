"""Time, which tests control."""

import asyncio
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The only source of time in the engine and the adapters."""

    def now(self) -> datetime:
        """Return the time of day, in UTC, with its zone."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds that never run backwards; only differences mean anything."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait this long."""
        ...

    async def wait(self, event: asyncio.Event, timeout_s: float) -> bool:
        """Wait until the event is set, at most this long; return whether it is set."""
        ...
