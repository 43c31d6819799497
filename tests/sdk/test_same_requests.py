"""Our requests mean what those of the official SDK mean, field by field, for every protocol."""

import json
from dataclasses import replace
from typing import Final

import pytest

from reconciler.domain.changes import Call, Create, Delete, Edit, FlowAt, Start, Stop
from reconciler.domain.impact import Impact
from reconciler.domain.marks import Mark, Owner
from reconciler.domain.model import Address, FoundOutput, Srt
from reconciler.domain.properties import PropertyChange
from reconciler.domain.protocols import SrtMode
from reconciler.streamlink.backend import StreamLinkBackend
from reconciler.streamlink.client import ClientSettings, StreamLinkClient
from reconciler.streamlink.signing import Signer, verify
from reconciler.streamlink.wire import ACTIONS, check
from tests.fakes.api import KEYS
from tests.fakes.clock import FakeClock
from tests.fakes.samples import FLOW_OF, FLOWS, OUTPUTS, REGION, SRT_CALLER, SRT_FLOW
from tests.sdk.by_sdk import sdk_requests
from tests.sdk.recorder import OUTPUT_ID, Recorded, recorder

pytestmark = pytest.mark.anyio

LATER: Final = replace(
    SRT_CALLER,
    spec=replace(SRT_CALLER.spec, settings=Srt(mode=SrtMode.CALLER, latency_ms=200, peer=Address("b.example", 1))),
)
AT: Final = FlowAt(REGION, SRT_FLOW.live_name)
FOUND_OUTPUT: Final = FoundOutput(
    id=OUTPUT_ID, live_name="caller", mark=Mark(owner=Owner("us"), name="caller"), spec=None
)


async def our_calls(backend: StreamLinkBackend) -> list[Call]:
    """Return every kind of call, on the samples."""
    found = {flow.live_name: flow for flow in await backend.observe(REGION)}
    flow = found[SRT_FLOW.live_name]
    changed = (PropertyChange(path="srt.latency", found=1, wanted=2),)
    return [
        *(Create(key=flow.key, at=FlowAt(REGION, flow.live_name), wanted=flow) for flow in FLOWS),
        *(
            Create(key=output.key, at=FlowAt(REGION, FLOW_OF[output.key.flow_key].live_name), wanted=output)
            for output in OUTPUTS
        ),
        Edit(key=SRT_FLOW.key, at=AT, wanted=SRT_FLOW, found=flow, differences=changed, impact=Impact.RECONNECT),
        Edit(key=LATER.key, at=AT, wanted=LATER, found=FOUND_OUTPUT, differences=changed, impact=Impact.RECONNECT),
        Start(key=SRT_FLOW.key, at=AT),
        Stop(key=SRT_FLOW.key, at=AT),
        Delete(key=SRT_CALLER.key, at=AT, found=FOUND_OUTPUT, impact=Impact.INTERRUPT),
        Delete(key=SRT_FLOW.key, at=AT, found=flow, impact=Impact.INTERRUPT),
    ]


async def our_requests() -> list[Recorded]:
    """Return what our backend sends."""
    clock = FakeClock()
    with recorder() as server:
        client = StreamLinkClient(
            ClientSettings(credentials=KEYS, endpoint=server.endpoint), clock=clock, random_fraction=lambda: 0.0
        )
        backend = StreamLinkBackend(client, owner=Owner("us"), regions=(REGION,), clock=clock)
        for call in await our_calls(backend):
            await backend.apply(call)
        await backend.close()
    return server.writes()


async def test_our_requests_mean_what_those_of_the_sdk_mean() -> None:
    """For every input, output and kind of change, both send the same action with the same fields."""
    theirs = [request.meaning for request in sdk_requests()]

    ours = [request.meaning for request in await our_requests()]

    assert len(ours) == len(FLOWS) + len(OUTPUTS) + 6
    assert ours == theirs


async def test_both_sign_so_that_we_accept_them() -> None:
    """The checker of the relay takes the SDK's signatures and ours, though they cover different headers."""
    recorded = [*sdk_requests(), *(await our_requests())]

    signers = {
        verify(
            request.headers,
            request.body,
            secret_key_of={KEYS.secret_id: KEYS.secret_key}.get,
            now_s=float(request.headers["X-TC-Timestamp"]),
        )
        for request in recorded
    }

    assert signers == {Signer(secret_id=KEYS.secret_id, service="mps")}


async def test_both_keep_the_shapes_of_the_api() -> None:
    """The shapes that the relay checks take what the official SDK sends, and what we send."""
    recorded = [*sdk_requests(), *(await our_requests())]

    problems = [
        (request.meaning[0], problem.field, problem.code)
        for request in recorded
        for problem in check(ACTIONS[request.meaning[0]].request, json.loads(request.body))
    ]

    assert problems == []
