"""A flow as the relay keeps it: what its maker asked for, and what the relay gave it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any


class FlowState(StrEnum):
    """The two states that the API documents."""

    IDLE = "IDLE"
    RUNNING = "RUNNING"


class Side(StrEnum):
    """Which end of a flow."""

    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """An input or output."""

    id: str
    side: Side
    asked: Mapping[str, Any]
    """The API's object as last created or modified, defaults filled in; fields that the relay does not use too."""
    port: int | None = None
    """Given when the end first needed one of its own; kept until the end is deleted."""
    stream_key: str | None = None
    """Made here, like the port; None until the end needs one."""

    def __repr__(self) -> str:
        """Return the id alone: the rest may hold passphrases and keys."""
        return f"End({self.id})"

    @property
    def name(self) -> str:
        """The name that its maker gave it."""
        return str(self.asked["InputName" if self.side is Side.INPUT else "OutputName"])

    @property
    def protocol(self) -> str:
        """The protocol, in the API's words."""
        return str(self.asked["Protocol"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A flow with its ends; the ends of one side are in the order of their creation."""

    id: str
    region: str
    name: str
    state: FlowState = FlowState.IDLE
    max_bandwidth_bps: int
    host: str
    """Address of the ports given to it; the relay's own, which may be another after a restart."""
    rtmp_port: int | None = None
    """TCP port of its RTMP ingest, which its RTMP_PULL outputs share."""
    inputs: tuple[End, ...] = ()
    outputs: tuple[End, ...] = ()

    @property
    def ends(self) -> tuple[End, ...]:
        """Inputs, then outputs."""
        return (*self.inputs, *self.outputs)

    @property
    def input(self) -> End | None:
        """The input, where the flow has one already."""
        return self.inputs[0] if self.inputs else None

    def output(self, output_id: str) -> End | None:
        """Return one output."""
        return next((output for output in self.outputs if output.id == output_id), None)

    def with_end(self, end: End) -> "Flow":
        """Return the flow with this end in place of the one of its id, or added last."""
        if end.side is Side.INPUT:
            return replace(self, inputs=_put(self.inputs, end))
        return replace(self, outputs=_put(self.outputs, end))

    def without_output(self, output_id: str) -> "Flow":
        """Return the flow without this output."""
        return replace(self, outputs=tuple(output for output in self.outputs if output.id != output_id))


def _put(ends: tuple[End, ...], end: End) -> tuple[End, ...]:
    if any(known.id == end.id for known in ends):
        return tuple(end if known.id == end.id else known for known in ends)
    return (*ends, end)
