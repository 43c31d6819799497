"""A program that goes on, and the moment at which it said each of its lines."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.stage.relay import StageError

PATIENCE_S: Final = 60.0
"""How long a line may be waited for."""
_LONGEST_LINE_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Line:
    """What it said, and when."""

    at_s: float
    """Of the clock that never runs backwards."""
    text: str

    @property
    def event(self) -> dict[str, Any]:
        """The event that it is; empty for a line of another kind."""
        return dict(json.loads(self.text)) if self.text.startswith("{") else {}


class Program:
    """A process that leads a session of its own; both of its streams are heard."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child
        self._news = asyncio.Condition()
        self.lines: Final[list[Line]] = []

    async def listen(self) -> None:
        """Hear it to its end."""
        if self._child.stdout is not None:
            async for line in self._child.stdout:
                await self._tell(Line(time.monotonic(), line.decode(errors="replace").rstrip()))
        await self._child.wait()
        await self._tell()

    async def line(self, holds: Callable[[Line], bool], what: str, *, since_s: float = 0.0) -> Line:
        """
        Return the first line since a moment to which `holds` says yes, once it is there.

        Raises:
            StageError: it does not come.

        """
        found: list[Line] = []

        def look() -> bool:
            found.extend(line for line in self.lines if line.at_s >= since_s and holds(line))
            return bool(found) or self._child.returncode is not None

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S), self._news:
                await self._news.wait_for(look)
        if not found:
            last = "\n".join(line.text for line in self.lines[-10:])
            raise StageError(f"there is no sign of {what} within {PATIENCE_S:g} s; the last lines:\n{last}")
        return found[0]

    async def event(self, name: str, *, since_s: float = 0.0, **fields: Any) -> Line:
        """
        Return the first event of this name and with these fields since a moment, once it is there.

        Raises:
            StageError: it does not come.

        """

        def holds(line: Line) -> bool:
            event = line.event
            return event.get("event") == name and all(event.get(key) == value for key, value in fields.items())

        return await self.line(holds, name, since_s=since_s)

    async def ended(self) -> int:
        """Return how it ended, once it has."""
        return await self._child.wait()

    async def end(self, how: signal.Signals = signal.SIGTERM) -> float:
        """Send it a signal that ends it, and return how many seconds that took."""
        began_s = time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            self._child.send_signal(how)
        await self._child.wait()
        return time.monotonic() - began_s

    async def clear(self) -> None:
        """End what is left of its session."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        await self._child.wait()

    async def _tell(self, *lines: Line) -> None:
        async with self._news:
            self.lines.extend(lines)
            self._news.notify_all()


@asynccontextmanager
async def hearing(*command: str, cwd: Path, environment: Mapping[str, str] | None = None) -> AsyncIterator[Program]:
    """Run a program meanwhile, and hear it."""
    child = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        limit=_LONGEST_LINE_BYTES,
    )
    program = Program(child)
    task = asyncio.create_task(program.listen())
    try:
        yield program
    finally:
        await program.clear()
        await asyncio.wait({task})
