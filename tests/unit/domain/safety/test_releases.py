"""Approvals and overrides: what they are about, and until when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Action, FlowAt, Hold, Stop
from reconciler.domain.model import FlowKey, ResourceKind
from reconciler.domain.policies import Approval, Limit, Override, Policies
from reconciler.domain.safety.judging import held_back
from reconciler.domain.safety.releases import (
    approval_of,
    beyond_approval,
    command_for,
    holding,
    in_vain,
    is_whole,
    lapsed,
    override_of,
    overrides_of,
    said_from_here,
    signed_text,
    whole,
)
from tests.builders import LOCAL

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
STOP = Stop(key=FlowKey("news"), at=FlowAt(LOCAL, "news"))
APPROVAL = Approval(
    name="one", resource=STOP.key, action=Action.STOP, change=change_id(STOP), reason="the cup is over", expires=NOW
)
OVERRIDE = Override(
    name="one", of=STOP.key, action=Action.STOP, lifts=frozenset({Limit.WINDOW}), reason="so", expires=NOW
)


def test_what_has_expired_holds_no_more() -> None:
    """From the very moment that it names."""
    policies = Policies(approvals=(APPROVAL,), overrides=(OVERRIDE,))

    assert holding(policies, now=NOW) == Policies()
    assert holding(policies, now=NOW - timedelta(microseconds=1)) == policies


@pytest.mark.parametrize(
    "other",
    [
        replace(APPROVAL, resource=FlowKey("sport")),
        replace(APPROVAL, action=Action.DELETE),
        replace(APPROVAL, change="0" * 12),
    ],
)
def test_an_approval_is_of_one_change(other: Approval) -> None:
    """Another resource, action or id is another change."""
    assert approval_of(STOP, Policies(approvals=(other,))) is None
    assert approval_of(STOP, Policies(approvals=(other, APPROVAL))) == APPROVAL


@pytest.mark.parametrize(
    ("override", "fits"),
    [
        (OVERRIDE, True),
        (replace(OVERRIDE, of=ResourceKind.FLOW), True),
        (replace(OVERRIDE, of=ResourceKind.OUTPUT), False),
        (replace(OVERRIDE, of=FlowKey("sport")), False),
        (replace(OVERRIDE, action=Action.DELETE), False),
        (replace(OVERRIDE, lifts=frozenset({Limit.BUDGET, Limit.TREE})), False),
    ],
)
def test_an_override_is_about_what_it_names(override: Override, *, fits: bool) -> None:
    """The resource or its kind, the action and the limit."""
    assert override_of(STOP, Policies(overrides=(override,)), Limit.WINDOW) == (override if fits else None)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (replace(APPROVAL, resource=FlowKey("sport")), ""),
        (replace(APPROVAL, action=Action.DELETE), ""),
        (
            replace(APPROVAL, change="0" * 12),
            f"The approval one names change 000000000000, and this one is {change_id(STOP)}.",
        ),
        (
            replace(APPROVAL, change="0" * 12, name=""),
            f"The approval of the command line names change 000000000000, and this one is {change_id(STOP)}.",
        ),
        (APPROVAL, "The approval one expired at 2026-12-01 12:00 UTC."),
        (
            replace(APPROVAL, expires=NOW + timedelta(minutes=1)),
            "The approval one is not signed by anybody whom guard.approvers names.",
        ),
    ],
)
def test_an_approval_that_releases_nothing_says_why(other: Approval, told: str) -> None:
    """What is about something else is not worth a word."""
    assert in_vain(STOP, Policies(approvals=(other,)), holds=Policies(), now=NOW) == told


def test_an_approval_that_holds_is_not_in_vain() -> None:
    """Nor can anybody say without a clock that one has expired."""
    given = Policies(approvals=(replace(APPROVAL, expires=NOW + timedelta(minutes=1)),))

    assert in_vain(STOP, given, holds=given, now=NOW) == ""
    assert in_vain(STOP, Policies(approvals=(APPROVAL,)), holds=Policies(approvals=(APPROVAL,)), now=None) == ""


@pytest.mark.parametrize(
    ("override", "is_told"),
    [
        (OVERRIDE, True),
        (replace(OVERRIDE, of=ResourceKind.FLOW), True),
        (replace(OVERRIDE, expires=NOW + timedelta(minutes=1)), False),
        (replace(OVERRIDE, of=FlowKey("sport")), False),
        (replace(OVERRIDE, lifts=frozenset({Limit.BUDGET})), False),
    ],
)
def test_an_override_that_has_expired_is_told(override: Override, *, is_told: bool) -> None:
    """Where it was about this very thing, and once however many parts of a change it was for."""
    told = lapsed([STOP, STOP], Policies(overrides=(override,)), Limit.WINDOW, now=NOW)

    expected = "; the override one lifted that, and expired at 2026-12-01 12:00 UTC" if is_told else ""
    assert told == expected
    assert lapsed([STOP], Policies(overrides=(override,)), Limit.WINDOW, now=None) == ""


def test_the_command_names_the_change() -> None:
    """It can be pasted."""
    assert command_for(STOP) == f"reconciler apply --approve flow/news:stop:{change_id(STOP)} --reason 'WHY'"


@pytest.mark.parametrize("why", ["it is on air", "it is on air."])
def test_a_reason_and_its_command_as_one_text(why: str) -> None:
    """The reason ends as a sentence does; without a command it is all there is to say."""
    held = held_back(STOP, Hold.ON_AIR, why, release=command_for(STOP))

    assert whole(held) == f"it is on air. To do it all the same: {command_for(STOP)}"
    assert whole(replace(held, release="")) == why


def test_a_command_that_was_cut_is_not_whole() -> None:
    """Pasted, it would do something else."""
    assert is_whole(command_for(STOP))
    assert not is_whole(f"{command_for(STOP)[:-9]}…")
    assert not is_whole("")


@pytest.mark.parametrize(
    ("hold", "command", "is_beyond"),
    [
        (Hold.PROTECTED, "", True),
        (Hold.BUDGET, "", True),
        (Hold.TWIN, "", False),
        (Hold.AGAIN, "", False),
        (Hold.ON_AIR, command_for(STOP), False),
        (Hold.RENAME, command_for(STOP), False),
        (Hold.RENAME, "", True),
        (Hold.GIVEN_UP, "", True),
    ],
)
def test_what_no_approval_lifts(hold: Hold, command: str, *, is_beyond: bool) -> None:
    """What lasts for seconds is not it: after that an approval is asked for."""
    held = held_back(STOP, hold, "so it is", release=command)

    assert beyond_approval(held) is is_beyond


@pytest.mark.parametrize("apply", ["reconciler --state s apply site", "reconciler apply './a --approve b'"])
def test_the_command_begins_as_it_has_to_be_said_here(apply: str) -> None:
    """The manifests and the state of where it was held back, and the same change, however often it is said."""
    held = held_back(STOP, Hold.ON_AIR, "no.", release=command_for(STOP))
    plain = held_back(STOP, Hold.WINDOW, "not now")

    said = said_from_here(held, apply)

    assert said.release == f"{apply} --approve flow/news:stop:{change_id(STOP)} --reason 'WHY'"
    assert said_from_here(said, apply) == said
    assert said_from_here(plain, "x") == plain


def test_all_words_of_an_approval_are_signed() -> None:
    """In whatever zone its moment is written; the name and the signature are not."""
    text = signed_text(APPROVAL)
    others = [
        replace(APPROVAL, resource=FlowKey("sport")),
        replace(APPROVAL, action=Action.DELETE),
        replace(APPROVAL, change="0" * 12),
        replace(APPROVAL, reason="another"),
        replace(APPROVAL, expires=NOW + timedelta(seconds=1)),
    ]

    assert text.endswith("expires: 2026-12-01T12:00:00+00:00\n")
    assert len({text, *map(signed_text, others)}) == 6
    assert signed_text(replace(APPROVAL, name="two", signature="x")) == text
    assert signed_text(replace(APPROVAL, expires=NOW.astimezone(timezone(timedelta(hours=2))))) == text


def test_several_parts_are_lifted_together_or_not_at_all() -> None:
    """Each by what is about it; what is about several of them counts once."""
    other = replace(STOP, key=FlowKey("sport"))
    one, kind = Policies(overrides=(OVERRIDE,)), replace(OVERRIDE, of=ResourceKind.FLOW)

    assert overrides_of((STOP,), one, Limit.WINDOW) == (OVERRIDE,)
    assert overrides_of((STOP, other), one, Limit.WINDOW) == ()
    assert overrides_of((STOP, other), Policies(overrides=(kind,)), Limit.WINDOW) == (kind,)
