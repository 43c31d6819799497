"""The backend: what holds the actual state, and carries the streams."""

from dataclasses import dataclass
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


class Backend(Protocol):
    """
    Reads and changes one streaming account.

    Implementations translate their client's exceptions: only `BackendError` may escape.
    `tests/contract/test_backend.py` is the definition; every implementation must pass it.
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

        A create whose outcome is unknown is settled by listing: it is sent once, and never again blindly.

        Raises:
            UnavailableError: with `maybe_applied` where the call may have reached the service; the caller
                observes again before anything else.
            BackendError: any other refusal.

        """
        ...

    async def status(self, region: Region, flow_id: str) -> tuple[EndStatus, ...]:
        """Return the realtime status of every end of a flow."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
