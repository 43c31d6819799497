"""Where a change would newly send to, and who sends there and stays."""

from dataclasses import replace
from typing import Final

import pytest

from reconciler.domain.changes import Action, Call, Change, Create, Delete, Edit, FlowAt, Sequence, Start, Stop
from reconciler.domain.impact import Impact
from reconciler.domain.model import Address, Flow, FlowState, FoundFlow, Output, Srt
from reconciler.domain.protocols import SrtMode
from reconciler.domain.safety.far_ends import MOST_NAMED, Ends, Holder, coming, ends_after, holders, in_words
from reconciler.domain.targets import far_ends
from tests.builders import LOCAL, flow, found_flow, found_output, output


def sending(name: str, port: int, *, of: str = "news") -> Output:
    """Return an output that sends to a port of the tower."""
    wanted = output(name, of=of)
    peer = Address("tower.example", port)
    return replace(wanted, spec=replace(wanted.spec, settings=Srt(mode=SrtMode.CALLER, peer=peer)))


def ends(*ports: int) -> Ends:
    """Return these ports of the tower."""
    return frozenset(end for port in ports for end in far_ends(sending("any", port).spec))


NEWS, SPORT = FlowAt(LOCAL, "news"), FlowAt(LOCAL, "sport")
HOLDER: Final = found_output(sending("holder", 1))
LEAVER: Final = found_output(sending("leaver", 2))
RUNNING: Final = found_flow(flow(), HOLDER, LEAVER)
IDLE: Final = found_flow(flow("sport", state=FlowState.IDLE), found_output(sending("idler", 3, of="sport")))
THERE: Final = {NEWS: RUNNING, SPORT: IDLE}


def create(name: str, port: int, at: FlowAt = NEWS) -> Create:
    """Return what makes an output."""
    wanted = sending(name, port, of=at.live_name)
    return Create(key=wanted.key, at=at, wanted=wanted)


def edit(name: str, before: int, now: int, at: FlowAt = NEWS) -> Edit:
    """Return what has an output send to another port."""
    wanted = sending(name, now, of=at.live_name)
    found = found_output(sending(name, before, of=at.live_name))
    return Edit(key=wanted.key, at=at, wanted=wanted, found=found, differences=(), impact=Impact.RECONNECT)


def delete(name: str, port: int, at: FlowAt = NEWS) -> Delete:
    """Return what removes an output."""
    found = sending(name, port, of=at.live_name)
    return Delete(key=found.key, at=at, found=found_output(found), impact=Impact.INTERRUPT)


def start(found: FoundFlow | None = None, at: FlowAt = SPORT) -> Start:
    """Return what starts a flow."""
    return Start(key=flow(at.live_name).key, at=at, found=found)


def several(*calls: Call) -> Sequence:
    """Return one change of these calls."""
    first = calls[0]
    return Sequence(
        key=first.key,
        at=first.at,
        action=Action.RECREATE,
        calls=calls,
        differences=(),
        impact=Impact.RECREATE,
        why="a test wants it",
    )


def flow_edit(wanted: Flow, found: FoundFlow) -> Edit:
    """Return what edits a flow itself."""
    return Edit(key=wanted.key, at=NEWS, wanted=wanted, found=found, differences=(), impact=Impact.NONE)


STOP: Final = Stop(key=flow().key, at=NEWS)
NEW: Final = FlowAt(LOCAL, "new")


@pytest.mark.parametrize(
    ("change", "runs", "expected"),
    [
        pytest.param(create("new", 1), False, ends(1), id="a create in a flow that runs"),
        pytest.param(create("new", 1, SPORT), True, ends(1), id="a create in a flow that is to run"),
        pytest.param(create("new", 1, SPORT), False, ends(), id="a create in a flow that stands still"),
        pytest.param(Create(key=flow("new").key, at=NEW, wanted=flow("new")), True, ends(), id="a create of a flow"),
        pytest.param(edit("leaver", 2, 1), False, ends(1), id="an edit to another far end"),
        pytest.param(edit("leaver", 2, 2), False, ends(), id="an edit that stays there"),
        pytest.param(flow_edit(flow(), RUNNING), False, ends(), id="an edit of a flow"),
        pytest.param(delete("leaver", 2), False, ends(), id="a delete"),
        pytest.param(start(), True, ends(3), id="a start"),
        pytest.param(start(IDLE, NEW), True, ends(3), id="a start under another name"),
        pytest.param(start(at=NEW), True, ends(), id="a start of what is new"),
        pytest.param(start(at=NEWS), True, ends(), id="a start of what runs"),
        pytest.param(several(delete("leaver", 2), create("leaver", 2)), False, ends(), id="made anew in place"),
        pytest.param(several(delete("leaver", 2), create("leaver", 1)), False, ends(1), id="made anew elsewhere"),
        pytest.param(several(edit("leaver", 2, 1), edit("holder", 1, 2)), False, ends(), id="two that swap"),
        pytest.param(
            several(STOP, edit("holder", 1, 1), create("new", 1), start(at=NEWS)), True, ends(1), id="beside an edit"
        ),
        pytest.param(
            several(delete("idler", 3, SPORT), create("idler", 3, NEW), start(at=NEW)),
            True,
            ends(3),
            id="what stood still made anew to run",
        ),
        pytest.param(several(edit("idler", 3, 1, SPORT), start()), True, ends(1), id="edited and started"),
    ],
)
def test_where_a_change_begins_to_send(change: Change, expected: Ends, *, runs: bool) -> None:
    """What it sent to before is no news, for whoever meets there has met already."""
    assert coming(change, lambda call: THERE.get(call.at), {}, runs=runs).ends == expected


def met(change: Change, moved: dict[str, Ends] | None = None) -> list[str]:
    """Return the live names of those whom a change meets."""
    found = coming(change, lambda call: THERE.get(call.at), moved or {}, runs=True)
    return [one.output.live_name for one in found.met(holders((RUNNING, IDLE)))]


def test_who_stays_is_met() -> None:
    """In a flow that runs, or in one that somebody may have started since."""
    assert met(create("new", 1)) == ["holder"]
    assert met(create("new", 3)) == ["idler"]
    assert met(create("new", 9)) == []


def test_who_goes_is_not_met() -> None:
    """By a call that was sent, or by the change itself; who is edited and stays is met."""
    assert met(create("new", 1), ends_after(delete("holder", 1))) == []
    assert met(create("new", 1), ends_after(edit("holder", 1, 2))) == []
    assert met(create("new", 1), ends_after(edit("holder", 1, 1), flow_edit(flow(), RUNNING))) == ["holder"]
    assert met(several(STOP, delete("holder", 1), create("new", 1))) == []
    assert met(several(STOP, edit("holder", 1, 1), create("new", 1))) == ["holder"]


def test_a_start_does_not_meet_its_own_outputs() -> None:
    """Neither where they send, nor where they send by now."""
    assert met(start()) == []
    assert met(start(), ends_after(edit("idler", 3, 1, SPORT))) == ["holder"]


def test_words_name_some_and_count_the_rest() -> None:
    """Who may be called off air is not told of."""
    one = Holder(flow=RUNNING, output=HOLDER)

    assert in_words([(one, ())]) == ""
    assert in_words([(one, ("output holder is on air", "b"))]).startswith(
        "it would send to a far end that is taken: in news, output holder is on air; b. One far end"
    )
    assert " and 2 more." in in_words([(one, ("a",))] * (MOST_NAMED + 2))
    assert one.disturbed.outputs == {HOLDER.id}
