"""The on-air guard on the real relay, by the command line, with receivers connected."""

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import pytest

from benchmarks.stage.arrivals import Arrivals, arriving
from benchmarks.stage.desk import Desk, Said, flow_document, output_document
from benchmarks.stage.publishing import published
from benchmarks.stage.relay import StagedRelay
from reconciler.domain.model import FoundFlow, FoundOutput
from reconciler.media.far_ends import probe_source
from tests.media.ends import AAC, H264, PICTURE, TONE, killed, publisher, receiver
from tests.media.watching import until, until_true

pytestmark = [pytest.mark.anyio, pytest.mark.media]

Json = dict[str, Any]
FLOW, WATCHED, SIBLING, SPARE = "news", "watched", "sibling", "spare"
LISTENER: Json = {"protocol": "SRT", "srt": {"mode": "listener", "latency": 120}}
SLOWER: Json = {"protocol": "SRT", "srt": {"mode": "listener", "latency": 400}}
RTMP: Json = {"protocol": "RTMP_PULL", "maxConcurrent": 4}
RTSP: Json = {"protocol": "RTSP", "maxConcurrent": 4}
PROOF_S = 5.0
FLOOR_BPS = 100_000
FEW_BITS = ("-re", "-f", "lavfi", "-i", "testsrc2=size=64x36:rate=5", *H264, "-b:v", "10k")
MANY_BITS = (*PICTURE, *TONE, *H264, *AAC)


def fewer(output: Json) -> Json:
    """Return the output with places for fewer players, whom an edit may cut off."""
    return {**output, "maxConcurrent": 2}


def tree(source: Json, **outputs: Json) -> tuple[Json, ...]:
    """Return the manifests of a flow and its outputs."""
    return (
        flow_document(FLOW, source),
        *(output_document(FLOW, name, output) for name, output in outputs.items()),
    )


async def outputs_of(relay: StagedRelay) -> dict[str, FoundOutput]:
    """Return the outputs that are there, by live name."""
    return {output.live_name: output for output in (await relay.flows())[FLOW].outputs}


async def audience(relay: StagedRelay, stack: AsyncExitStack, *names: str) -> list[Arrivals]:
    """Publish to the flow, and return receivers at these outputs once each of them has got two seconds of picture."""
    await stack.enter_async_context(published((await relay.flows())[FLOW]))
    found = await outputs_of(relay)
    seated = [await stack.enter_async_context(arriving(probe_source(found[name]))) for name in names]
    for each in seated:
        await each.more(50)
    return seated


async def timed(desk: Desk) -> tuple[Said, float]:
    """Apply, and return how many seconds it took as well."""
    began_s = time.monotonic()
    said = await desk.apply()
    return said, time.monotonic() - began_s


@pytest.mark.parametrize(
    ("kind", "output", "edited"),
    [
        pytest.param("SRT", LISTENER, SLOWER, id="SRT"),
        pytest.param("RTMP", RTMP, fewer(RTMP), id="RTMP_PULL"),
        pytest.param("RTSP", RTSP, fewer(RTSP), id="RTSP"),
    ],
)
async def test_a_delete_is_blocked_on_air_while_an_edit_off_air_goes(
    free_port: Callable[[], int], kind: str, output: Json, edited: Json
) -> None:
    """
    One commit deletes an output that somebody receives from, and edits one that nobody does.

    The delete is blocked with exit 4 and its receiver sees nothing; the edit is made once it is proven that nobody
    receives there, which takes five seconds. Approved, the delete goes, and the sibling's receiver sees nothing of it.
    """
    source: Json = {"protocol": kind}
    if kind == "RTSP":
        source["rtsp"] = {"url": f"rtsp://127.0.0.1:{free_port()}/live"}
    async with StagedRelay() as relay, AsyncExitStack() as stack:
        desk = Desk(relay)
        desk.write(tree(source, **dict.fromkeys((WATCHED, SIBLING, SPARE), output)))
        await desk.must_apply()
        before = await outputs_of(relay)
        watching, beside = await audience(relay, stack, WATCHED, SIBLING)
        desk.write(tree(source, **{SIBLING: output, SPARE: edited}))

        blocked, took_s = await timed(desk)
        between, undisturbed = await outputs_of(relay), await watching.more(25)
        approved = await desk.apply(*blocked.approvals)
        after, kept = await outputs_of(relay), await beside.more(25)

    assert (blocked.status, len(blocked.approvals), approved.status) == (4, 1, 0), blocked.text + approved.text
    assert (between[WATCHED] == before[WATCHED], between[SPARE] == before[SPARE]) == (True, False)
    assert took_s >= PROOF_S
    assert [(seen.discontinuities, seen.connections) for seen in (undisturbed, kept)] == [(0, 1), (0, 1)]
    assert after.keys() == {SIBLING, SPARE}


async def test_an_edit_on_air_is_blocked_and_goes_approved() -> None:
    """Another latency has receivers connect again: it waits for an approval of this very edit, and goes with it."""
    async with StagedRelay() as relay, AsyncExitStack() as stack:
        desk = Desk(relay)
        desk.write(tree({"protocol": "SRT"}, **{WATCHED: LISTENER}))
        await desk.must_apply()
        (watching,) = await audience(relay, stack, WATCHED)
        desk.write(
            tree({"protocol": "SRT"}, **{WATCHED: {"protocol": "SRT", "srt": {**SLOWER["srt"], "latency": 300}}})
        )
        other = (await desk.apply()).approvals
        desk.write(tree({"protocol": "SRT"}, **{WATCHED: SLOWER}))

        blocked = await desk.apply(*other)
        before = await watching.more(25)
        done = await desk.apply(*blocked.approvals)
        after = await watching.more(25)

    assert (blocked.status, done.status) == (4, 0)
    assert set(blocked.approvals).isdisjoint(other)
    assert (before.discontinuities, before.connections) == (0, 1)
    assert after.connections > 1


async def test_less_than_the_floor_is_off_air() -> None:
    """A receiver of less than 100 kb/s does not hold an edit back; the same receiver of more does."""
    source: Json = {"protocol": "SRT"}
    async with StagedRelay() as relay:
        desk = Desk(relay)
        desk.write(tree(source, **{WATCHED: LISTENER}))
        await desk.must_apply()
        desk.write(tree(source, **{WATCHED: SLOWER}))
        flow = (await relay.flows())[FLOW]
        port = flow.input_addresses[0].port
        told = []
        for stream in (MANY_BITS, FEW_BITS):
            async with publisher(port, stream=stream), receiver(_port(flow.outputs[0]), again="yes") as received:
                await until_true(received.more(20_000))
                # A bitrate is a mean of some seconds: what came before is in it for a while.
                await until(partial(_is_told_of, relay, flow, many=stream is MANY_BITS))
                told.append(await desk.apply())
            # Killed, it says no farewell: the next one is refused till then, and with few bits hardly tries again.
            await until(partial(_is_free, relay, flow))

    assert [said.status for said in told] == [4, 0], told[-1].text


async def test_a_receiver_that_was_killed_holds_nothing_back_for_long() -> None:
    """It says no farewell; the edit waits until the relay has missed it, and goes then without an approval."""
    source: Json = {"protocol": "SRT"}
    async with StagedRelay() as relay:
        desk = Desk(relay)
        desk.write(tree(source, **{WATCHED: LISTENER}))
        await desk.must_apply()
        desk.write(tree(source, **{WATCHED: SLOWER}))
        flow = (await relay.flows())[FLOW]
        async with publisher(flow.input_addresses[0].port), receiver(_port(flow.outputs[0])) as received:
            await until_true(received.more(100_000))
            held = await desk.apply()
            await killed(received.child)
            await until(lambda: _goes(desk))

    assert held.status == 4


async def _is_told_of(relay: StagedRelay, flow: FoundFlow, *, many: bool) -> bool:
    """Return whether the relay says that the only output is received from, and more, or less, than the floor."""
    (output,) = (end for end in await relay.status(flow) if not end.is_input)
    return output.state == "Connected" and (output.bitrate_bps >= FLOOR_BPS) is many


async def _is_free(relay: StagedRelay, flow: FoundFlow) -> bool:
    """Return whether nobody publishes to the flow any more, as the relay says."""
    return all(end.state != "Connected" for end in await relay.status(flow) if end.is_input)


async def _goes(desk: Desk) -> bool:
    return (await desk.apply()).status == 0


def _port(output: FoundOutput) -> int:
    return int(output.pull_urls[0].partition("?")[0].rpartition(":")[2])
