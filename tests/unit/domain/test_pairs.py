"""Pairs: two live objects of one resource, of which one takes the place of the other."""

from dataclasses import replace

import pytest

from reconciler.domain.changes import Action, Create, Delete, Hold, Plan, Sequence
from reconciler.domain.impact import Capabilities
from reconciler.domain.model import (
    Actual,
    Flow,
    FlowKey,
    FlowLink,
    FlowState,
    FoundFlow,
    FoundOutput,
    Key,
    Output,
    OutputKey,
    Region,
    Srt,
)
from reconciler.domain.moves import key_now, moved_names
from reconciler.domain.planning import plan
from reconciler.domain.policies import Move
from reconciler.domain.protocols import Protocol, SrtMode
from tests.builders import US, actual, flow, found_flow, found_output, output, resolved

AWAY = Region("eu-frankfurt")
NEWS = flow()
WIDER = replace(NEWS, spec=replace(NEWS.spec, max_bandwidth_bps=20_000_000))
TOWER = output()
PULLED = Output(
    key=OutputKey("news", "pulled"),
    live_name="pulled",
    spec=replace(TOWER.spec, settings=Srt(mode=SrtMode.LISTENER), allowlist=(), max_concurrent=4),
)


def planned(*wanted: Flow | Output, found: Actual) -> Plan:
    """Plan as the owner that the builders mark with."""
    return plan(resolved(*wanted), found, owner=US, capabilities=Capabilities())


def only(proposed: Plan, key: FlowKey | OutputKey) -> Sequence:
    """Return the one change of a plan that is a recreate of this resource."""
    (change,) = [each for each in proposed.changes if each.key == key and each.action is Action.RECREATE]
    assert isinstance(change, Sequence)
    return change


def twin_flow(found: FoundFlow) -> FoundFlow:
    """Return the flow as one that was made beside another."""
    assert found.mark is not None
    return replace(found, id=f"{found.id}-t", mark=replace(found.mark, twin=True))


def twin_output(found: FoundOutput, live_name: str = "tower_t") -> FoundOutput:
    """Return the output as one that was made beside another."""
    assert found.mark is not None
    return replace(found, id="id-t", live_name=live_name, mark=replace(found.mark, twin=True))


def test_a_flow_made_anew_twice_is_told_from_the_first() -> None:
    """Of two flows that bear one name exactly one is marked as the twin, whichever is the older."""
    found = found_flow(NEWS, found_output(TOWER))

    marked = [_made(planned(WIDER, TOWER, found=actual(live))).is_twin for live in (found, twin_flow(found))]

    assert marked == [True, False]


def test_an_output_made_anew_twice_is_told_from_the_first() -> None:
    """The same of outputs, also where the new one is under another name than the old one."""
    away = Output(key=PULLED.key, live_name="renamed", spec=replace(PULLED.spec, region=AWAY))
    found = found_output(PULLED)

    changes = [
        only(planned(NEWS, away, found=actual(found_flow(NEWS, live))), away.key)
        for live in (found, twin_output(found))
    ]

    makes = [change.twin.make for change in changes if change.twin is not None and change.twin.make is not None]
    assert [make.is_twin for make in makes] == [True, False]


@pytest.mark.parametrize("newer_is_twin", [True, False])
def test_of_a_pair_of_outputs_the_one_that_is_as_wanted_stays(*, newer_is_twin: bool) -> None:
    """Whichever is marked: the other one goes, when the one that stays delivers."""
    away = Output(key=PULLED.key, live_name="pulled", spec=replace(PULLED.spec, region=AWAY))
    older, newer = replace(found_output(PULLED), id="older"), replace(found_output(away), id="newer")
    pair = (older, twin_output(newer)) if newer_is_twin else (twin_output(older), newer)

    change = only(planned(NEWS, away, found=actual(found_flow(NEWS, *pair))), away.key)

    assert [call.found.id for call in change.calls if isinstance(call, Delete)] == [pair[0].id]
    assert change.twin is not None
    assert change.twin.made == pair[1]


@pytest.mark.parametrize("newer_is_twin", [True, False])
def test_of_a_pair_of_flows_the_idle_one_that_fits_is_completed(*, newer_is_twin: bool) -> None:
    """Whichever is marked: what the new one lacks is made, and then they change places."""
    older = replace(found_flow(NEWS, found_output(TOWER)), id="older")
    newer = replace(found_flow(WIDER, state=FlowState.IDLE), id="newer", live_name="news_t")
    pair = (older, twin_flow(newer)) if newer_is_twin else (twin_flow(older), newer)

    change = only(planned(WIDER, TOWER, found=actual(*pair)), NEWS.key)

    assert [f"{call.action} {call.at.live_name}" for call in change.calls] == [
        "create news_t",
        "stop news",
        "start news_t",
        "delete news",
        "delete news",
    ]


def test_of_a_pair_of_flows_the_running_one_that_fits_stays_as_it_is() -> None:
    """What was stopped for it goes, and its own outputs are planned by themselves."""
    older = twin_flow(found_flow(NEWS, found_output(TOWER), state=FlowState.IDLE))
    newer = replace(found_flow(WIDER), id="newer", live_name="news_t")

    proposed = planned(WIDER, TOWER, found=actual(older, newer))

    change = next(each for each in proposed.changes if isinstance(each, Sequence))
    assert {call.at.live_name for call in change.calls} == {"news"}
    assert any(isinstance(each, Create) and each.key == TOWER.key for each in proposed.changes)


def test_of_a_pair_that_fits_twice_the_running_one_stays() -> None:
    """A wish that was taken back cuts nobody off, whichever of the two is marked."""
    running = twin_flow(found_flow(NEWS, found_output(TOWER)))
    idle = replace(found_flow(NEWS, state=FlowState.IDLE), id="idle", live_name="news_t")

    proposed = planned(NEWS, TOWER, found=actual(running, idle))

    assert [call.found.id for call in only(proposed, NEWS.key).calls if isinstance(call, Delete)] == ["idle"]


@pytest.mark.parametrize("state", FlowState)
@pytest.mark.parametrize("is_called", [False, True])
def test_a_flow_that_runs_is_not_followed_by_one_that_lacks_an_output(state: FlowState, *, is_called: bool) -> None:
    """An output that calls what cannot be found just now would be lost with it; what was stopped already goes on."""
    far = flow("far")
    settings = Srt(mode=SrtMode.CALLER, peer=FlowLink(far.key))
    link = replace(output("link"), spec=replace(TOWER.spec, settings=settings))
    older = replace(found_flow(NEWS, found_output(TOWER), found_output(output("link")), state=state), id="older")
    newer = twin_flow(replace(found_flow(WIDER, state=FlowState.IDLE), live_name="news_t"))
    called = [found_flow(far)] if is_called else []

    proposed = planned(WIDER, TOWER, link, far, found=actual(older, newer, *called))

    held = [(each.action, each.hold) for each in proposed.blocked if each.key == NEWS.key]
    replaced = [each for each in proposed.changes if (each.key, each.action) == (NEWS.key, Action.RECREATE)]
    assert held == ([] if replaced else [(Action.RECREATE, Hold.UNFIT)])
    assert bool(replaced) is (is_called or state is FlowState.IDLE)


def test_a_flow_that_runs_is_not_followed_by_one_that_refuses_an_output() -> None:
    """The new one takes only what the backend allows on it."""
    older = found_flow(NEWS, found_output(TOWER))
    newer = twin_flow(found_flow(WIDER, state=FlowState.IDLE, allowed_outputs=frozenset({Protocol.RTP})))

    proposed = planned(WIDER, TOWER, found=actual(older, replace(newer, live_name="news_t")))

    assert proposed.changes == ()
    assert "without output/news/tower (the backend allows RTP" in proposed.blocked[-1].why


@pytest.mark.parametrize("away", [False, True])
@pytest.mark.parametrize("of_twin", [False, True])
def test_a_copy_is_never_guessed(*, away: bool, of_twin: bool) -> None:
    """A copy that somebody made with its Description is reported, in whichever region it is, and of a twin as well."""
    wanted = flow(region=AWAY) if away else NEWS
    found = twin_flow(found_flow(NEWS, found_output(TOWER))) if of_twin else found_flow(NEWS, found_output(TOWER))
    copies = [replace(found, id="copy", live_name="copy"), replace(found, id="copy", region=AWAY)]

    held = [planned(wanted, TOWER, found=actual(found, copy)) for copy in copies]

    assert [proposed.changes for proposed in held] == [(), ()]
    assert [str(each.key) for proposed in held for each in proposed.blocked] == ["flow/news", "flow/news"]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (FlowKey("old"), FlowKey("new")),
        (FlowKey("other"), FlowKey("other")),
        (OutputKey("old", "a"), OutputKey("new", "b")),
        (OutputKey("old", "c"), OutputKey("new", "c")),
    ],
)
def test_a_name_of_before_leads_to_the_name_of_now(before: Key, now: Key) -> None:
    """An output goes with its flow, and may have another name itself."""
    moves = (
        Move(name="flow", before=FlowKey("old"), now=FlowKey("new")),
        Move(name="output", before=OutputKey("old", "a"), now=OutputKey("new", "b")),
        Move(name="wrong", before=FlowKey("other"), now=OutputKey("new", "b")),
    )

    assert key_now(before, moved_names(moves)) == now


def _made(proposed: Plan) -> Create:
    """Return what makes the flow of a recreate."""
    calls = only(proposed, NEWS.key).calls
    return next(call for call in calls if isinstance(call, Create) and call.key == NEWS.key)
