"""Outputs that stand in for each other."""

from dataclasses import replace

import pytest

from reconciler.domain.changes import Action, Call, Change, Create, Delete, Edit, FlowAt, Sequence, Start, Stop
from reconciler.domain.impact import Impact
from reconciler.domain.model import Desired, Output
from reconciler.domain.safety.redundancy import Legs
from tests.builders import LOCAL, flow, found_flow, found_output, output

AT = FlowAt(LOCAL, "news")


def leg(name: str, group: str = "world", *, of: str = "news") -> Output:
    """Return an output of a group."""
    made = output(name, of=of)
    return replace(made, care=replace(made.care, redundancy_group=group))


A, B, C, LONE = leg("a"), leg("b", of="sport"), leg("c", "home"), leg("d", "")
LEGS = Legs.of(Desired(flows=(flow(), flow("sport")), outputs=(A, B, C, LONE)))
STOP = Stop(key=flow().key, at=AT)


def delete(of: Output) -> Delete:
    """Return the delete of an output."""
    return Delete(key=of.key, at=AT, found=found_output(of), impact=Impact.INTERRUPT)


def whole(*calls: Call) -> Sequence:
    """Return one change of several calls."""
    return Sequence(
        key=A.key, at=AT, action=Action.RECREATE, calls=calls, differences=(), impact=Impact.RECREATE, why=""
    )


EDIT = Edit(key=flow().key, at=AT, wanted=flow(), found=found_flow(flow()), differences=(), impact=Impact.RECONNECT)


@pytest.mark.parametrize(
    ("change", "touched"),
    [
        pytest.param(delete(A), {"world": {A.key}}, id="a leg"),
        pytest.param(delete(LONE), {}, id="one that nobody stands in for"),
        pytest.param(Create(key=A.key, at=AT, wanted=A), {}, id="a create harms nobody"),
        pytest.param(Start(key=flow().key, at=AT), {}, id="a start harms nobody"),
        pytest.param(STOP, {"home": {C.key}, "world": {A.key}}, id="a flow stands for its outputs"),
        pytest.param(EDIT, {"home": {C.key}, "world": {A.key}}, id="an edit of the input"),
        pytest.param(replace(EDIT, impact=Impact.NONE), {}, id="an edit that nobody notices"),
        pytest.param(whole(STOP, delete(A)), {"home": {C.key}, "world": {A.key}}, id="a stop around one output"),
        pytest.param(whole(delete(A)), {"world": {A.key}}, id="an output made anew"),
    ],
)
def test_what_a_change_touches(change: Change, touched: dict[str, set[object]]) -> None:
    """In the order of the groups, so that locks are taken in one order."""
    found = LEGS.touched_by(change)

    assert found == touched
    assert list(found) == sorted(found)


def test_the_others_stand_in() -> None:
    """All legs of the group but those that are touched."""
    assert LEGS.others("world", {A.key}) == {B.key}
    assert LEGS.others("home", {C.key}) == set()
