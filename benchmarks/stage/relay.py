"""A relay as an operator runs it: the command itself, on a state directory that is thrown away afterwards."""

import asyncio
import contextlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from reconciler import wiring
from reconciler.domain.model import FoundFlow, Region
from reconciler.media.processes import load
from reconciler.ports.backend import EndStatus
from reconciler.relay import credentials, registration
from reconciler.relay.supervisor import FOLDER
from reconciler.sources.clock import SystemClock
from reconciler.streamlink.client import ClientSettings, StreamLinkClient

REGION: Final = "local"
_READY_S: Final = 30.0
_STOP_S: Final = 30.0
_POLL_S: Final = 0.05
_PATIENCE_S: Final = 60.0
_RATE_PER_S: Final = 1000.0

Json = dict[str, Any]
Thing = TypeVar("Thing")


class StageError(Exception):
    """A show cannot go on; the message says why."""


class StagedRelay:
    """Serves within `async with`; it can be killed and started again meanwhile."""

    def __init__(self, *options: str) -> None:
        self._options = options
        self._folder = tempfile.TemporaryDirectory(prefix="reconciler-stage-", ignore_cleanup_errors=True)
        self.home: Final = Path(self._folder.name)
        self.state: Final = self.home / "state"
        self._process: subprocess.Popen[bytes] | None = None
        self._client: StreamLinkClient | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        self._folder.cleanup()

    @property
    def pid(self) -> int:
        """The control plane's process."""
        return self._running.pid

    @property
    def leaders(self) -> list[int]:
        """The process that leads each engine's session: engines, their servers and what they push with."""
        return self._leaders("*")

    def leaders_of(self, flow: FoundFlow) -> list[int]:
        """Return those of one flow."""
        return self._leaders(f"flow-{flow.id}")

    def _leaders(self, folder: str) -> list[int]:
        found = [load(path) for path in sorted((self.state / FOLDER).glob(f"{folder}/*.identity"))]
        return [identity.pid for identity in found if identity is not None]

    @property
    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            raise StageError("the relay is not running")
        return self._process

    async def start(self) -> None:
        """
        Start it, and return once it answers.

        Raises:
            StageError: it does not start.

        """
        (self.state / registration.FILE_NAME).unlink(missing_ok=True)
        command = (sys.executable, "-m", "reconciler", "relay", "--state", str(self.state), *self._options)
        with (self.home / "relay.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220, S603 -- argv is built here; starting it is instant
                command, cwd=self.home, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        until_s = time.monotonic() + _READY_S
        while (found := registration.read(self.state)) is None or found.pid != self._process.pid:
            if self._process.poll() is not None or time.monotonic() > until_s:
                raise StageError(f"the relay does not start:\n{self.said()}")
            await asyncio.sleep(_POLL_S)
        keys = credentials.load(self.state)
        if keys is None:
            raise StageError("the relay made no credentials")
        self._client = StreamLinkClient(
            ClientSettings(credentials=keys, endpoint=found.endpoint, rate_per_s=_RATE_PER_S),
            clock=SystemClock(),
            random_fraction=random.SystemRandom().random,
        )

    async def kill(self) -> None:
        """Kill the control plane at once, as `kill -9` does; its engines go on."""
        self._running.kill()
        await asyncio.to_thread(self._running.wait)
        await self._let_go()

    async def stop(self) -> None:
        """End it as an operator would, and all that it carries."""
        process, self._process = self._process, None
        await self._let_go()
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(process.wait, _STOP_S)
            return
        process.kill()
        await asyncio.to_thread(process.wait)

    async def call(self, action: str, **members: Any) -> Json:
        """Call an action of the API, and return its answer."""
        if self._client is None:
            raise StageError("the relay is not running")
        answer = await self._client.call(action, members, region=REGION)
        return dict(answer.response)

    async def flows(self) -> dict[str, FoundFlow]:
        """Return the flows as a backend of the product has them, by live name."""
        async with wiring.relay_on(self.state) as backend:
            return {flow.live_name: flow for flow in await backend.observe(Region(REGION))}

    async def status(self, flow: FoundFlow) -> tuple[EndStatus, ...]:
        """Return what a backend of the product says of the ends of a flow right now."""
        async with wiring.relay_on(self.state) as backend:
            return await backend.status(flow.region, flow.id)

    def said(self) -> str:
        """Return the last lines that it wrote."""
        log = self.home / "relay.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else ""

    async def _let_go(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None


async def until_there(look: Callable[[], Awaitable[Thing | None]], what: str) -> Thing:
    """
    Return what `look` finds, once it finds something.

    Raises:
        StageError: it has not within a minute.

    """
    until_s = time.monotonic() + _PATIENCE_S
    while (found := await look()) is None:
        if time.monotonic() > until_s:
            raise StageError(f"there is no sign of {what}")
        await asyncio.sleep(_POLL_S)
    return found
