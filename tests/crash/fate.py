"""Where a process dies: around one of its writes, by SIGKILL."""

import os
import signal
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import httpx

from reconciler.domain.changes import Call
from reconciler.domain.impact import Capabilities
from reconciler.domain.model import FoundFlow, Region
from reconciler.ports.backend import Applied, Backend, EndEvent, EndStatus
from reconciler.ports.journal import Intent, Journal, Note, Noted, Settled, Step, Written
from reconciler.streamlink.wire import ACTIONS

_NUMBER: Final = ContextVar("number", default=0)
"""The journal's number of the write that the running task makes."""
_CARRIES_BPS: Final = 5_000_000


class Point(StrEnum):
    """Where a process dies, around one write."""

    BEFORE = "before it is sent"
    SENT = "when it is sent"
    ANSWERED = "when it is answered and not journalled"
    JOURNALLED = "when it is journalled"


@dataclass(slots=True)
class Fate:
    """Which write is the last one, and at which point of it."""

    write: int = 0
    """Counted from 1; 0 for none."""
    point: Point = Point.BEFORE
    begun: int = 0
    """Writes that were begun."""
    doomed: int = -1
    """The journal's number of the last one."""

    def strike(self, point: Point, number: int) -> None:
        """Die, where this is the point."""
        if self.doomed == number and self.point is point:
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(slots=True)
class FatefulJournal:
    """A journal that counts what is about to be written; implements `ports.journal.Journal`."""

    journal: Journal
    fate: Fate

    def intend(self, intent: Intent) -> int:
        """Write down an intent; it may be the last word."""
        number = self.journal.intend(intent)
        self.fate.begun += 1
        if self.fate.begun == self.fate.write:
            self.fate.doomed = number
        _NUMBER.set(number)
        self.fate.strike(Point.BEFORE, number)
        return number

    def settle(
        self, number: int, settled: Settled, *, request_id: str = "", why: str = "", duration_s: float = 0.0
    ) -> None:
        """Write down what came of it; it may be the last word."""
        self.journal.settle(number, settled, request_id=request_id, why=why, duration_s=duration_s)
        self.fate.strike(Point.JOURNALLED, number)

    def note(self, note: Note) -> None:
        """Write down a note."""
        self.journal.note(note)

    def keep(self, steps: Sequence[Step]) -> bool:
        """Write down with what resources are in step."""
        return self.journal.keep(steps)

    def steps(self) -> tuple[Step, ...] | None:
        """Return with what resources were last in step."""
        return self.journal.steps()

    def unsettled(self) -> tuple[Written, ...]:
        """Return what is not settled."""
        return self.journal.unsettled()

    def calls(self, *, resource: str = "", limit: int = 100) -> tuple[Written, ...]:
        """Return calls."""
        return self.journal.calls(resource=resource, limit=limit)

    def notes(self, *, resource: str = "", kind: str = "", limit: int = 100) -> tuple[Noted, ...]:
        """Return notes."""
        return self.journal.notes(resource=resource, kind=kind, limit=limit)

    def close(self) -> None:
        """Let go of the file."""
        self.journal.close()


@dataclass(slots=True)
class FatefulTransport(httpx.AsyncBaseTransport):
    """A transport that dies when the doomed write has left, and before its answer is read."""

    inner: httpx.AsyncBaseTransport
    fate: Fate

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; it may be the last one."""
        number = _NUMBER.get()
        if ACTIONS[request.headers["X-TC-Action"]].writes:

            async def trace(event: str, _: Any) -> None:
                if event.endswith("send_request_body.complete"):
                    self.fate.strike(Point.SENT, number)

            request.extensions["trace"] = trace
        return await self.inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Let go of connections."""
        await self.inner.aclose()


@dataclass(slots=True)
class FatefulBackend:
    """A backend that has an audience, and dies with an answer in its hand; implements `ports.backend.Backend`."""

    inner: Backend
    fate: Fate
    watched: str
    """How the live names of outputs begin that somebody watches; the same is true of their twins."""

    @property
    def name(self) -> str:
        """Say which backend this is."""
        return self.inner.name

    @property
    def capabilities(self) -> Capabilities:
        """Return what it can do."""
        return self.inner.capabilities

    async def regions(self) -> tuple[Region, ...]:
        """Return the regions."""
        return await self.inner.regions()

    async def observe(self, region: Region) -> tuple[FoundFlow, ...]:
        """Return the flows."""
        return await self.inner.observe(region)

    async def apply(self, call: Call) -> Applied:
        """Make one call."""
        applied = await self.inner.apply(call)
        self.fate.strike(Point.ANSWERED, _NUMBER.get())
        return applied

    async def status(self, region: Region, flow_id: str) -> tuple[EndStatus, ...]:
        """Return the status of every end; what is watched carries something."""
        flows = await self.inner.observe(region)
        outputs = [output for flow in flows if flow.id == flow_id for output in flow.outputs]
        watched = {output.id for output in outputs if output.live_name.startswith(self.watched)}
        said = await self.inner.status(region, flow_id)
        return tuple(_carrying(end) if end.id in watched and end.state != "Idle" else end for end in said)

    async def events(self, region: Region, flow_id: str, *, since: datetime, until: datetime) -> tuple[EndEvent, ...]:
        """Return what happened."""
        return await self.inner.events(region, flow_id, since=since, until=until)

    async def sessions(self, region: Region, flow_id: str, end: EndStatus, *, at: datetime) -> int:
        """Return how many are connected."""
        return await self.inner.sessions(region, flow_id, end, at=at)

    async def close(self) -> None:
        """Let go of connections."""
        await self.inner.close()


def _carrying(end: EndStatus) -> EndStatus:
    return EndStatus(
        id=end.id,
        is_input=end.is_input,
        state="Connected",
        bitrate_bps=_CARRIES_BPS,
        connected_ms=60_000,
        reconnections=0,
    )
