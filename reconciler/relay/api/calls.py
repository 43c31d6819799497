"""One call of the API, read and checked, and what every action does with its flow."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from reconciler.relay.api.refusals import RefusalError
from reconciler.relay.flows import Flow
from reconciler.relay.plane import ControlPlane
from reconciler.streamlink.codes import Code
from reconciler.streamlink.wire import Profile

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that is proven, and has the shape that its action asks for."""

    action: str
    profile: Profile
    region: str
    payload: Json
    """Without nulls, its words in the API's own case."""


Handler = Callable[[ControlPlane, Call], Awaitable[Json]]
"""Carries out an action; returns the fields of its answer."""


def flow_of(plane: ControlPlane, call: Call) -> Flow:
    """
    Return the flow that the call names.

    Raises:
        RefusalError: the call's region has no such flow.

    """
    flow = plane.catalogue.flow(call.payload["FlowId"])
    if flow is None or flow.region != call.region:
        raise RefusalError(Code.ID, f"There is no flow of this FlowId in {call.region}.")
    return flow


@asynccontextmanager
async def flow_alone(plane: ControlPlane, call: Call) -> AsyncIterator[Flow]:
    """Within it, no other call changes the flow that this one names; its state is that of now."""
    flow_of(plane, call)
    async with plane.alone(call.payload["FlowId"]):
        yield flow_of(plane, call)
