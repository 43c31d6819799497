"""What one revision changes after another one, at the backend and without it."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from reconciler.domain.changes import Change, Hold
from reconciler.domain.impact import Capabilities
from reconciler.domain.model import Desired, Flow, Output, Region
from reconciler.engine.compare import compare, compare_live
from reconciler.ports.source import Verdict
from tests.builders import flow, found_flow, found_output, output, resolved
from tests.unit.engine.worlds import BROKEN, a_world

CAPABILITIES = Capabilities()
BAD = Verdict(findings=(BROKEN,), desired=None, sound=Desired(flows=(flow(),)))


def said(*resources: Flow | Output) -> Verdict:
    """Return what sound manifests say."""
    desired = resolved(*resources).desired
    return Verdict(findings=(), desired=desired, sound=desired)


def listed(changes: Iterable[Change]) -> list[str]:
    """Return the changes in words."""
    return [f"{change.action} {change.key}" for change in changes]


def test_what_a_branch_means_to_change() -> None:
    """Without a backend there is no drift, and what viewers of a running flow would notice stands apart."""
    compared = compare(
        said(flow(), output()), said(flow(), output(latency_ms=500), output("relay")), capabilities=CAPABILITIES
    )

    assert compared.plan is not None
    assert listed(compared.plan.changes) == ["create output/news/relay", "edit output/news/tower"]
    assert listed(compared.noticed) == ["edit output/news/tower"]
    assert compared.drift is None


def test_broken_manifests_mean_nothing() -> None:
    """Of a broken base the sound documents count."""
    assert compare(said(flow()), BAD, capabilities=CAPABILITIES).plan is None
    mended = compare(BAD, said(flow(), output()), capabilities=CAPABILITIES)
    assert mended.plan is not None
    assert listed(mended.plan.changes) == ["create output/news/tower", "start flow/news"]


def test_what_waits_for_an_approval_is_told() -> None:
    """To make a flow anew is noticed, whatever else is; to delete one that never ran is not."""
    names = "abcdefgh"
    base = said(*(flow(name) for name in names))
    moved = flow("b", region=Region("eu-frankfurt"))

    compared = compare(base, said(moved, *(flow(name) for name in names[2:])), capabilities=CAPABILITIES)

    assert compared.plan is not None
    assert listed(compared.plan.changes) == ["delete flow/a", "recreate flow/b"]
    assert listed(compared.noticed) == ["recreate flow/b"]


def test_what_is_above_the_budget_is_held_back() -> None:
    """Two of four are more than a quarter, so none of them goes; what is made anew is not gone."""
    base = said(flow("a"), flow("b"), flow("c"), flow("d"))

    compared = compare(base, said(flow("c"), flow("d", region=Region("eu-frankfurt"))), capabilities=CAPABILITIES)

    assert compared.plan is not None
    assert listed(compared.plan.changes) == ["recreate flow/d"]
    assert {held.hold for held in compared.plan.blocked} == {Hold.BUDGET}


def test_an_empty_tree_deletes_nothing() -> None:
    """As everywhere."""
    compared = compare(said(flow()), said(), capabilities=CAPABILITIES)

    assert compared.plan is not None
    assert compared.plan.changes == ()
    assert len(compared.plan.blocked) == 1


@pytest.mark.anyio
async def test_drift_stands_apart_from_what_is_meant() -> None:
    """What the backend lacks of the base is put right anyway; the rest is the branch's."""
    small = a_world()
    wanted = (flow(), output(), output("relay"))
    live = replace(output(), spec=replace(output().spec, description="by hand"))
    small.backend.hold(found_flow(flow(), found_output(live)))

    compared = await compare_live(small.world, said(*wanted), said(*wanted, output("studio")))

    assert compared.plan is not None
    assert compared.drift is not None
    assert listed(compared.plan.changes) == ["create output/news/studio"]
    assert listed(compared.drift.changes) == ["create output/news/relay", "edit output/news/tower"]


@pytest.mark.anyio
async def test_broken_manifests_ask_nobody() -> None:
    """There is nothing to plan."""
    small = a_world()

    compared = await compare_live(small.world, said(flow()), BAD)

    assert (compared.plan, compared.drift, small.backend.observed) == (None, None, 0)


@pytest.mark.anyio
async def test_what_others_have_merged_since_is_neither_meant_nor_drift() -> None:
    """It is live already, and the branch, which began before, would not delete it; what is missing of it is drift."""
    small = a_world()
    began, theirs, missing = (flow(), output()), output("relay"), output("mast")
    small.backend.hold(found_flow(flow(), found_output(output()), found_output(theirs)))

    compared = await compare_live(
        small.world, said(*began), said(*began, output("studio")), now=said(*began, theirs, missing)
    )

    assert compared.plan is not None
    assert compared.drift is not None
    assert listed(compared.plan.changes) == ["create output/news/studio"]
    assert listed(compared.drift.changes) == ["create output/news/mast"]
