"""A redundant pair on the real relay: both legs are edited in one commit, and never off at once."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import pairwise
from typing import Any, Final

import pytest

from benchmarks.stage.arrivals import Arrivals, arriving
from benchmarks.stage.desk import Desk, Said, flow_document, output_document
from benchmarks.stage.publishing import published
from benchmarks.stage.relay import StagedRelay
from reconciler.domain.model import Srt
from reconciler.media.far_ends import probe_source
from tests.media.watching import until

pytestmark = [pytest.mark.anyio, pytest.mark.media]

Json = dict[str, Any]
FLOW: Final = "news"
LEGS: Final = ("one", "two")
OFF_S: Final = 0.3
"""A leg without a frame for so long is off: a frame takes 0.04 s."""


def tree(latency_ms: int) -> tuple[Json, ...]:
    """Return the manifests of a flow with two legs of this latency."""
    spec = {"protocol": "SRT", "srt": {"mode": "listener", "latency": latency_ms}}
    return (
        flow_document(FLOW, {"protocol": "SRT"}),
        *(output_document(FLOW, name, spec, redundancyGroup="pair") for name in LEGS),
    )


def pauses(leg: Arrivals) -> list[tuple[float, float]]:
    """Return when a leg was off, from the last frame to the next."""
    return [(last, following) for last, following in pairwise(leg.moments_s) if following - last > OFF_S]


def overlap(one: Sequence[tuple[float, float]], two: Sequence[tuple[float, float]]) -> float:
    """Return for how long both were off at once."""
    return sum(max(0.0, min(mine[1], theirs[1]) - max(mine[0], theirs[0])) for mine in one for theirs in two)


async def latencies(relay: StagedRelay) -> list[int]:
    """Return the latency of each leg."""
    outputs = {output.live_name: output for output in (await relay.flows())[FLOW].outputs}
    specs = [outputs[name].spec for name in LEGS]
    return [spec.settings.latency_ms for spec in specs if spec is not None and isinstance(spec.settings, Srt)]


async def test_both_legs_are_never_off_at_once() -> None:
    """
    Both edits are approved; the second is made only once the first leg is back on air.

    Their receivers, taken together, get a frame all the while. Without an approval neither is touched.
    """
    async with StagedRelay() as relay, AsyncExitStack() as stack:
        desk = Desk(relay)
        desk.write(tree(120))
        await desk.must_apply()
        flow = (await relay.flows())[FLOW]
        await stack.enter_async_context(published(flow))
        sources = {output.live_name: probe_source(output) for output in flow.outputs}
        one, two = [await stack.enter_async_context(arriving(sources[name])) for name in LEGS]
        await one.more(50)
        await two.more(50)
        desk.write(tree(250))

        blocked = await desk.apply()
        untouched = await latencies(relay)
        first = await desk.apply(*blocked.approvals)
        between = await latencies(relay)
        await until(lambda: _is_done(desk, blocked))
        await one.more(50)
        await two.more(50)

    assert (blocked.status, len(blocked.approvals), untouched) == (4, 2, [120, 120])
    assert between in ([250, 120], [250, 250]), first.text
    assert pauses(one)
    assert pauses(two)
    assert overlap(pauses(one), pauses(two)) == 0
    assert max(end for _, end in pauses(one)) < min(start for start, _ in pauses(two))


async def test_a_leg_is_not_touched_while_the_other_is_off() -> None:
    """Nobody receives from the other leg, so this one stays as it is, approved or not."""
    async with StagedRelay() as relay, AsyncExitStack() as stack:
        desk = Desk(relay)
        desk.write(tree(120))
        await desk.must_apply()
        flow = (await relay.flows())[FLOW]
        await stack.enter_async_context(published(flow))
        source = next(probe_source(output) for output in flow.outputs if output.live_name == "two")
        two = await stack.enter_async_context(arriving(source))
        await two.more(50)
        desk.write(tree(250))

        blocked = await desk.apply()
        said = await desk.apply(*blocked.approvals)
        after = await latencies(relay)
        seen = await two.more(25)

    assert (blocked.status, said.status, after) == (4, 4, [250, 120])
    assert "no other output of the redundancy group pair is on air" in said.text
    assert (seen.discontinuities, seen.connections) == (0, 1)


async def _is_done(desk: Desk, blocked: Said) -> bool:
    return (await desk.apply(*blocked.approvals)).status == 0
