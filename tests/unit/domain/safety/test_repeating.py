"""Flip-flops: somebody else changes it back again and again."""

from dataclasses import replace

import pytest

from reconciler.domain.changes import Action, Change, Create, Edit, FlowAt, Sequence, Start, Stop
from reconciler.domain.impact import Impact
from reconciler.domain.properties import PropertyChange
from reconciler.domain.safety.repeating import Corrections
from tests.builders import LOCAL, flow, found_output, output

AT = FlowAt(LOCAL, "news")


def edit(*paths: str) -> Edit:
    """Return an edit of these properties."""
    listed = tuple(PropertyChange(path=path, found=1, wanted=2) for path in paths)
    return Edit(
        key=output().key,
        at=AT,
        wanted=output(),
        found=found_output(output()),
        differences=listed,
        impact=Impact.RECONNECT,
    )


def after(times_s: list[float], *changes: Change) -> Corrections:
    """Return what is remembered when the changes were made at these times."""
    found = Corrections()
    for at_s in times_s:
        found = found.with_done(changes, now_s=at_s)
    return found


@pytest.mark.parametrize(
    ("times_s", "fought"),
    [([0, 100, 200], True), ([0, 100], False), ([0, 590, 595], True), ([-1, 590, 595], False), ([], False)],
)
def test_three_times_in_ten_minutes_is_a_fight(times_s: list[float], *, fought: bool) -> None:
    """What is older is forgotten."""
    found = after(times_s, edit("srt.latency")).fought_over(edit("srt.latency"), now_s=599.0)

    assert [one.path for one in found] == (["srt.latency"] if fought else [])


def test_each_property_is_fought_over_by_itself() -> None:
    """Also within a change of several calls."""
    done = after([0, 1, 2], edit("srt.latency"))
    both = Sequence(
        key=flow().key,
        at=AT,
        action=Action.EDIT,
        calls=(Stop(key=flow().key, at=AT), edit("description", "srt.latency")),
        differences=(),
        impact=Impact.INTERRUPT,
        why="",
    )

    assert [one.path for one in done.fought_over(both, now_s=3)] == ["srt.latency"]
    assert done.fought_over(edit("description"), now_s=3) == ()
    assert Corrections().with_done([edit("a")], now_s=0).with_done([], now_s=600).at_s == {}


def test_starts_and_stops_are_fought_over_as_one_state() -> None:
    """Whoever stops what we start is in the same fight."""
    start, stop = Start(key=flow().key, at=AT), Stop(key=flow().key, at=AT)

    (told,) = after([0, 1, 2], start).fought_over(stop, now_s=3)

    assert (told.path, told.found, told.wanted) == ("state", "running", "idle")
    assert after([0, 1], start).fought_over(start, now_s=3) == ()


def test_what_is_made_anew_is_put_right_too() -> None:
    """By a recreate as by an edit; what is left of one, once the new one is there, puts nothing right."""
    change = PropertyChange(path="region", found="local", wanted="eu-frankfurt")
    anew = Sequence(
        key=output().key,
        at=AT,
        action=Action.RECREATE,
        calls=(Create(key=output().key, at=AT, wanted=output()),),
        differences=(change,),
        impact=Impact.RECREATE,
        why="",
    )

    assert after([0, 1, 2], anew).fought_over(anew, now_s=3) == (change,)
    assert after([0, 1], anew, replace(anew, differences=())).fought_over(anew, now_s=3) == ()
