"""The id of a change: what an approval names."""

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given

from reconciler.domain import properties
from reconciler.domain.change_ids import LENGTH, change_id, found_id, wanted_id
from reconciler.domain.changes import Action, Create, Delete, Edit, FlowAt, Plan, Sequence, Start, Stop
from reconciler.domain.impact import Capabilities, EditRules, Impact
from reconciler.domain.model import Actual, DriftMode, Flow, FlowSpec, FoundFlow, FoundOutput, Output, Region, Srt
from reconciler.domain.planning import plan
from reconciler.domain.secrets import Secret
from tests import strategies
from tests.builders import LOCAL, US, actual, flow, found_flow, found_output, output, resolved
from tests.fakes.account import Account

AT: Final = FlowAt(LOCAL, "news")
AWAY: Final = Region("eu-frankfurt")


def edit(wanted: Output | None = None, *, found: Output | None = None, id_: str = "1") -> Edit:
    """Return an edit of an output."""
    before = replace(found_output(found or output()), id=id_)
    return Edit(
        key=output().key, at=AT, wanted=wanted or output(), found=before, differences=(), impact=Impact.RECONNECT
    )


def planned(*wanted: Flow | Output, found: Actual) -> Plan:
    """Return the plan."""
    return plan(resolved(*wanted), found, owner=US, capabilities=Capabilities())


SLOW: Final = output(latency_ms=500)
PROTECTED: Final = replace(SLOW, care=replace(SLOW.care, protected=True))


def test_an_id_is_the_same_in_every_process() -> None:
    """It is printed today and approved tomorrow: this very value is a promise."""
    assert (change_id(edit(SLOW)), change_id(Stop(key=flow().key, at=AT))) == ("3a52d418bb68", "f8e5baf184af")
    assert len(change_id(edit(SLOW))) == LENGTH


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(edit(SLOW, id_="another"), id="a live id"),
        pytest.param(replace(edit(SLOW), why="drift", impact=Impact.NONE), id="why, and what viewers notice now"),
        pytest.param(edit(replace(SLOW, care=replace(SLOW.care, contacts=("tower",)))), id="contacts"),
        pytest.param(edit(replace(SLOW, care=replace(SLOW.care, drift=DriftMode.WARN))), id="what is done about drift"),
    ],
)
def test_what_has_no_part_in_it(other: Edit) -> None:
    """An approval outlives what does not matter to it."""
    assert change_id(other) == change_id(edit(SLOW))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(edit(SLOW), key=output("radio").key), id="the resource"),
        pytest.param(Create(key=SLOW.key, at=AT, wanted=SLOW), id="the action"),
        pytest.param(edit(output(latency_ms=501)), id="a wanted property"),
        pytest.param(edit(SLOW, found=output(latency_ms=121)), id="a found property"),
        pytest.param(edit(PROTECTED), id="protection that is wanted"),
        pytest.param(edit(replace(SLOW, live_name="other")), id="a live name"),
    ],
)
def test_what_makes_it_another_change(other: Edit | Create) -> None:
    """Approving one thing never releases another."""
    assert change_id(other) != change_id(edit(SLOW))


def test_marks_count() -> None:
    """Whether it is protected, and the versions of its secrets; an object without one has neither."""
    bare, marked = found_output(output(), owner=None), found_output(output())
    assert marked.mark is not None
    founds = [
        bare,
        marked,
        found_output(output(), versions=1),
        replace(marked, mark=replace(marked.mark, protected=True)),
    ]

    ids = {change_id(Delete(key=output().key, at=AT, found=each, impact=Impact.INTERRUPT)) for each in founds}

    assert len(ids) == len(founds)


@given(one=strategies.flow_specs(), other=strategies.flow_specs())
def test_every_property_of_a_flow_counts(one: FlowSpec, other: FlowSpec) -> None:
    """Two flows have one id just when all that is compared is the same; secrets by their versions alone."""
    first, second = (
        Create(key=flow().key, at=AT, wanted=replace(flow(), spec=replace(spec, state=one.state)))
        for spec in (one, other)
    )

    shown = [
        {path: value for path, value in properties.of(each.wanted).items() if isinstance(value, str | int | tuple)}
        for each in (first, second)
    ]
    if shown[0] != shown[1]:
        assert change_id(first) != change_id(second)
    assert change_id(first) == change_id(replace(first, why="another reason"))


def test_a_secret_counts_by_its_version_alone() -> None:
    """Nobody can try values against an id."""
    one, same, newer = (output(passphrase="correct horse") for _ in range(3))
    ids = []
    for made, secret in (
        (one, Secret("correct horse")),
        (same, Secret("battery staple")),
        (newer, Secret("x" * 10, version=1)),
    ):
        settings = made.spec.settings
        assert isinstance(settings, Srt)
        assert settings.encryption is not None
        changed = replace(settings, encryption=replace(settings.encryption, passphrase=secret))
        ids.append(change_id(edit(replace(made, spec=replace(made.spec, settings=changed)))))

    assert ids[0] == ids[1] != ids[2]


def test_other_changes_have_no_part_in_it() -> None:
    """Neither what else is planned nor its order."""
    alone = planned(flow(), SLOW, found=actual(found_flow(flow(), found_output(output()))))
    found = actual(found_flow(flow(), found_output(output("radio")), found_output(output())))
    beside = planned(flow(latency_ms=9), output("new"), SLOW, found=found)

    ids = {change.key: change_id(change) for change in beside.changes}

    assert ids[SLOW.key] == change_id(alone.changes[0])
    assert len(set(ids.values())) == len(beside.changes)


def test_both_steps_of_a_flow_that_is_made_anew_are_one_change() -> None:
    """Whoever approved the first would be asked again in the middle of the break."""
    moved, old = flow(region=AWAY), found_flow(flow(), found_output(output()))
    regions = actual(old)
    regions.regions[AWAY] = ()
    live = Account.of(regions, owner=US, rules=EditRules.LIVE_2023)
    (whole,) = planned(moved, output(), found=regions).changes
    assert isinstance(whole, Sequence)

    ids = {change_id(whole)}
    for call in whole.calls[:-2]:
        live.do(call)
        (rest,) = planned(moved, output(), found=live.seen(regions)).changes
        if live.flows["id-news"].state is old.state:
            ids.add(change_id(rest))

    assert len(ids) == 1


def test_starts_and_stops_are_told_apart() -> None:
    """Also within a change of several calls."""
    start, stop = Start(key=flow().key, at=AT), Stop(key=flow().key, at=AT)
    whole = Sequence(
        key=flow().key, at=AT, action=Action.EDIT, calls=(stop, start), differences=(), impact=Impact.INTERRUPT, why=""
    )

    assert len({change_id(each) for each in (start, stop, whole, replace(whole, calls=(start,)))}) == 4


def test_it_can_be_said_in_what_two_changes_differ() -> None:
    """In what is wanted, in what was found, or in both."""
    one, wants_more, found_more = edit(SLOW), edit(output(latency_ms=9)), edit(SLOW, found=output(latency_ms=9))

    assert (wanted_id(one), found_id(one)) == (wanted_id(found_more), found_id(wants_more))
    assert wanted_id(one) != wanted_id(wants_more)
    assert found_id(one) != found_id(found_more)


def test_what_manifests_cannot_say_is_known_by_its_name() -> None:
    """And by its mark."""
    flows = [replace(found_flow(flow(name)), spec=None) for name in ("news", "sport")]
    outputs = [replace(found_output(output(name)), spec=None) for name in ("tower", "radio")]
    founds: tuple[FoundFlow | FoundOutput, ...] = (*flows, *outputs)

    ids = {change_id(Delete(key=flow().key, at=AT, found=each, impact=Impact.NONE)) for each in founds}

    assert len(ids) == 4
