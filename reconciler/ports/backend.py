"""The backend: what holds the actual state, and carries the streams."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from reconciler.domain.changes import Call
from reconciler.domain.impact import Capabilities
from reconciler.domain.model import FoundFlow, Region


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A call that the backend carried out."""

    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndStatus:
    """What the backend says of one input or output right now."""

    id: str
    """Of the input or output."""
    is_input: bool
    state: str
    """`Connected`, `Waiting` or `Idle`."""
    bitrate_bps: int
    connected_ms: int
    reconnections: int
    protocol: str = ""
    """In the API's words."""
    is_called: bool = False
    """Whether the other side connects to it."""
    rtt_ms: int | None = None
    """None where the backend does not say, as for the figures below."""
    loss: float | None = None
    """Share of the packets that were lost, 0..1."""
    retransmitted: float | None = None
    """Share of the packets that were sent again, 0..1."""
    packets_dropped: int | None = None
    encrypted: bool | None = None
    video_fps: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndEvent:
    """Something that happened to an input or output, as the backend's log tells it."""

    at: datetime
    """To the second, in UTC."""
    end_id: str
    is_input: bool
    code: str
    """The backend's own."""
    message: str
    """The backend's own words."""
    remote: str = ""
    """Address of the other side, without its port; empty where none is known."""
    pipeline: int = 0

    @property
    def is_connection(self) -> bool:
        """Return whether the other side was there from then on."""
        return self.code.lower().endswith("connected") and not self.is_disconnection

    @property
    def is_disconnection(self) -> bool:
        """Return whether the other side was gone from then on."""
        return "disconnect" in self.code.lower()


class Backend(Protocol):
    """
    Reads and changes one streaming account.

    Implementations translate their client's exceptions: only `BackendError` may escape.
    `tests/contract/test_backend.py` and `test_meanwhile.py` are the definition; every implementation must pass them.
    """

    @property
    def name(self) -> str:
        """Say which backend this is, for people: kind, endpoint, owner; no secret."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """Return what this backend can and cannot do."""
        ...

    async def regions(self) -> tuple[Region, ...]:
        """Return the regions that a pass reads, sorted."""
        ...

    async def observe(self, region: Region) -> tuple[FoundFlow, ...]:
        """Return all flows of the region with inputs and outputs, ours or not; never a partial list."""
        ...

    async def apply(self, call: Call) -> Applied:
        """
        Make one call. A delete of what is gone, a start of what runs, a stop of what is idle are done, not errors.

        A create whose outcome is unknown is settled by listing: it is sent once, and never again blindly. Right before
        an edit, a delete or a stop the object is read, and the call is refused where it does not bear our mark any more
        or is not what `found` says; a flow also where it has outputs that nobody decided about. A start never is.

        Raises:
            RejectedError: that, or the service does not take it.
            UnavailableError: with `maybe_applied` where the call may have reached the service; the caller
                observes again before anything else.
            BackendError: any other refusal.

        """
        ...

    async def status(self, region: Region, flow_id: str) -> tuple[EndStatus, ...]:
        """Return the realtime status of every end of a flow."""
        ...

    async def events(self, region: Region, flow_id: str, *, since: datetime, until: datetime) -> tuple[EndEvent, ...]:
        """
        Return what happened to the ends of a flow, the newest first; of a long log the newest thousand.

        The service tells of the last 7 days, and of at most 24 hours at once.
        """
        ...

    async def sessions(self, region: Region, flow_id: str, end: EndStatus, *, at: datetime) -> int:
        """Return how many connections an end has, as last counted within the 30 seconds before `at`; 0 for none."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
