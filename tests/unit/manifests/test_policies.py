"""Documents that say how changes are made, as the domain's values."""

from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from reconciler.domain.changes import Action
from reconciler.domain.model import FlowKey, OutputKey, ResourceKind
from reconciler.domain.policies import (
    Approval,
    Calendar,
    Limit,
    Move,
    OneOff,
    Override,
    Recurring,
    WindowKind,
)
from reconciler.manifests.policies import decode, examine, flows
from tests.unit.manifests.written import POLICIES, SIGNATURE, policy


def test_an_approval() -> None:
    """Its signature is as it is written."""
    assert decode(policy("Approval", POLICIES["Approval"], name="goes")) == Approval(
        name="goes",
        resource=OutputKey("news", "tower"),
        action=Action.DELETE,
        change="3f9ac1d2e4b5",
        reason="the partner left on Friday",
        expires=datetime(2026, 11, 28, 18, tzinfo=UTC),
        signature=SIGNATURE,
    )


def test_an_approval_need_not_be_signed() -> None:
    """Then it bears no signature."""
    spec = {name: value for name, value in POLICIES["Approval"].items() if name != "signature"}
    one = decode(policy("Approval", {**spec, "resource": "flow/news", "action": "stop"}))

    assert isinstance(one, Approval)
    assert (one.signature, one.resource, one.action) == ("", FlowKey("news"), Action.STOP)


def test_an_override() -> None:
    """Of a kind, or of one resource; its end is in UTC."""
    of_kind = decode(policy("Override", POLICIES["Override"]))
    spec = {name: value for name, value in POLICIES["Override"].items() if name != "kind"}
    of_one = decode(policy("Override", {**spec, "resource": "flow/news", "lifts": ["tree"]}))

    assert of_kind == Override(
        name="one",
        of=ResourceKind.OUTPUT,
        action=Action.EDIT,
        lifts=frozenset(Limit),
        reason="all keys are changed",
        expires=datetime(2026, 11, 28, 17, 0, 0, 500_000, tzinfo=UTC),
    )
    assert isinstance(of_one, Override)
    assert (of_one.of, of_one.lifts) == (FlowKey("news"), frozenset({Limit.TREE}))


def test_a_calendar() -> None:
    """With windows that are once and that recur."""
    assert decode(policy("Calendar", POLICIES["Calendar"])) == Calendar(
        name="one",
        zone="Europe/Berlin",
        outside=WindowKind.NO_DISRUPTIVE,
        flows=frozenset({"news"}),
        labels=(("event", "cup_final"),),
        longest_overrun_s=3600.0,
        windows=(
            OneOff(
                kind=WindowKind.FREEZE,
                begins=datetime.fromisoformat("2026-11-28T19:00"),
                ends=datetime.fromisoformat("2026-11-28T23:00"),
                overruns=True,
            ),
            Recurring(
                kind=WindowKind.NORMAL,
                days=frozenset({5, 6}),
                begins=time(18),
                ends=time(1, 30),
                first=date(2026, 11, 1),
                last=date(2027, 1, 31),
            ),
        ),
    )


def test_every_default_of_a_calendar_is_filled_in() -> None:
    """It is about everything, and outside of its windows all is as ever."""
    window = {"kind": "freeze", "every": "day", "from": "18:00", "to": "19:00"}
    one = decode(policy("Calendar", {"zone": "UTC", "windows": [window]}))

    assert one == Calendar(
        name="one",
        zone="UTC",
        windows=(Recurring(kind=WindowKind.FREEZE, days=frozenset(range(7)), begins=time(18), ends=time(19)),),
        outside=WindowKind.NORMAL,
        flows=frozenset(),
        labels=(),
        longest_overrun_s=14_400.0,
    )


def test_a_move() -> None:
    """Between two addresses."""
    assert decode(policy("Move", POLICIES["Move"])) == Move(
        name="one", before=OutputKey("news", "old"), now=OutputKey("news", "tower")
    )


def test_the_flows_of_a_calendar_are_in_their_order() -> None:
    """So that what is wrong with one of them has its place."""
    assert flows(policy("Calendar", {**POLICIES["Calendar"], "flows": ["b", "a"]})) == ("b", "a")
    assert flows(policy("Move", POLICIES["Move"])) == ()


@pytest.mark.parametrize("kind", POLICIES)
def test_a_sound_document_has_no_fault(kind: str) -> None:
    """Of its own."""
    assert list(examine(policy(kind, POLICIES[kind]))) == []


@pytest.mark.parametrize(
    ("kind", "change", "expected"),
    [
        ("Approval", {"action": "create"}, []),
        ("Approval", {"action": "create", "resource": "flow/news"}, ["SL406 spec/action"]),
        ("Approval", {"expires": "2026-02-30T00:00:00Z"}, ["SL402 spec/expires"]),
        ("Override", {"action": "create"}, []),
        ("Override", {"expires": "2026-02-30T00:00:00Z"}, ["SL402 spec/expires"]),
        ("Calendar", {"zone": "Mars/Olympus"}, ["SL403 spec/zone"]),
        ("Calendar", {"zone": "localtime"}, ["SL403 spec/zone"]),
        ("Calendar", {"zone": "Factory"}, ["SL403 spec/zone"]),
        (
            "Calendar",
            {"windows": [{"kind": "freeze", "from": "2027-03-28T02:10", "to": "2027-03-28T02:20"}]},
            ["SL405 spec/windows/0/from"],
        ),
    ],
)
def test_a_document_may_be_wrong_on_its_own(kind: str, change: dict[str, Any], expected: list[str]) -> None:
    """At the value to blame; what a machine calls its own zone is none."""
    faults = examine(policy(kind, {**POLICIES[kind], **change}))

    assert [f"{fault.rule.id} {'/'.join(map(str, fault.path))}" for fault in faults] == expected


def test_excuses_are_looked_at_in_every_kind() -> None:
    """As in flows and outputs."""
    document = policy("Move", POLICIES["Move"])
    document["metadata"]["annotations"] = {"reconciler/ignore": "SL999: why"}

    assert [fault.rule.id for fault in examine(document)] == ["SL113"]
