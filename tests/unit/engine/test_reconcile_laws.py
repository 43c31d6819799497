"""Laws of a pass, on worlds that nobody thought of."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.model import Address, Flow, Output, Srt
from reconciler.domain.policies import Limit
from reconciler.domain.protocols import SrtMode
from reconciler.engine.apply import Terms
from reconciler.engine.reconcile import PassOutcome, reconcile
from tests.builders import flow, found_flow, found_output, output
from tests.unit.engine.worlds import Worldlet, a_world, finish, lifted, say

NAMES = ("a", "b", "c")


def named_flow(name: str, *, latency_ms: int) -> Flow:
    """Return a flow that nobody takes for another one under a new name."""
    wanted = flow(name)
    settings = Srt(
        mode=SrtMode.LISTENER, latency_ms=latency_ms, stream_id=name, peer_idle_timeout_ms=1000 + 10 * ord(name)
    )
    return replace(wanted, spec=replace(wanted.spec, input=replace(wanted.spec.input, settings=settings)))


def named_output(name: str, *, of: str, latency_ms: int) -> Output:
    """Return an output that nobody takes for another one under a new name."""
    wanted = output(name, of=of)
    peer = Address(f"{name}.example", 9000)
    settings = Srt(mode=SrtMode.CALLER, latency_ms=latency_ms, stream_id=name, peer=peer)
    return replace(wanted, spec=replace(wanted.spec, settings=settings))


@st.composite
def trees(draw: st.DrawFn) -> list[Flow | Output]:
    """Draw a tree of up to three flows with up to three outputs each, in any order."""
    resources: list[Flow | Output] = []
    for name in draw(st.sets(st.sampled_from(NAMES), min_size=1)):
        resources.append(named_flow(name, latency_ms=draw(st.sampled_from([120, 200]))))
        ends = draw(st.sets(st.sampled_from(NAMES)))
        resources += [named_output(end, of=name, latency_ms=draw(st.sampled_from([120, 200]))) for end in sorted(ends)]
    return draw(st.permutations(resources))


def run(work: Coroutine[Any, Any, PassOutcome]) -> PassOutcome:
    """Run one pass in an event loop of its own."""
    return asyncio.run(work)


def one_pass(small: Worldlet, resources: list[Flow | Output]) -> PassOutcome:
    """Return what became of one pass, for which nothing is too much."""
    target = say(small, *resources, policies=lifted(Limit.BUDGET, Limit.TREE))
    return run(finish(small, reconcile(small.world, target, terms=Terms())))


@given(before=trees(), after=trees())
def test_the_second_pass_is_empty(before: list[Flow | Output], after: list[Flow | Output]) -> None:
    """Whatever was there, one pass reaches what is desired, and the next has nothing to do."""
    small = a_world()
    one_pass(small, before)

    one_pass(small, after)
    second = one_pass(small, after)

    assert second.outcomes == ()
    assert not second.has_failed


@given(tree=trees(), order=st.randoms(use_true_random=False))
def test_the_order_of_the_tree_never_matters(tree: list[Flow | Output], order: Any) -> None:
    """The same resources in another order send the same calls."""
    shuffled = list(tree)
    order.shuffle(shuffled)
    one, other = a_world(), a_world()

    one_pass(one, tree)
    one_pass(other, shuffled)

    assert one.backend.sent == other.backend.sent


@given(tree=trees(), strangers=st.sets(st.sampled_from(["x", "y"])))
def test_what_is_not_ours_survives(tree: list[Flow | Output], strangers: set[str]) -> None:
    """Flows without our mark, and their outputs, are there after a pass exactly as before it."""
    small = a_world()
    made_by_hand = [
        found_flow(flow(name), found_output(output("theirs", of=name), owner=None), owner=None) for name in strangers
    ]
    small.backend.hold(*made_by_hand)
    before = {found.id: small.backend.flows[found.id] for found in made_by_hand}

    one_pass(small, tree)

    assert {found.id: small.backend.flows[found.id] for found in made_by_hand} == before
