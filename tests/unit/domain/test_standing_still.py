"""Changes for which a flow must stand still."""

from dataclasses import replace

import pytest

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Action, Plan, Sequence
from reconciler.domain.impact import Capabilities, EditRules, Impact
from reconciler.domain.model import Actual, Flow, FlowState, Output
from reconciler.domain.planning import plan
from reconciler.domain.standing_still import narrowed
from tests.builders import US, actual, flow, found_flow, found_output, output, resolved

NEWS = flow()
FOUND = actual(found_flow(NEWS, found_output(output()), found_output(output("radio"))))


def planned(*wanted: Flow | Output, rules: EditRules, found: Actual = FOUND) -> Plan:
    """Return the plan."""
    return plan(resolved(*wanted), found, owner=US, capabilities=Capabilities(rules=rules))


def kinds(found: Plan) -> list[str]:
    """Return the changes as people say them, the calls of a sequence in brackets."""
    told = []
    for change in found.changes:
        inner = [f"{call.action} {call.key}" for call in change.calls] if isinstance(change, Sequence) else []
        told.append(f"{change.action} {change.key}" + (f" [{', '.join(inner)}]" if inner else ""))
    return told


WANTED = (flow(latency_ms=9), output(latency_ms=9), output("new"))


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (
            EditRules.LIVE_2023,
            ["delete output/news/radio", "create output/news/new", "edit output/news/tower", "edit flow/news"],
        ),
        (
            EditRules.CONSOLE_2022,
            [
                "delete output/news/radio",
                "create output/news/new",
                "edit flow/news [stop flow/news, edit output/news/tower, edit flow/news, start flow/news]",
            ],
        ),
        (
            EditRules.STRICT_2021,
            [
                (
                    "edit flow/news [stop flow/news, delete output/news/radio, create output/news/new, "
                    "edit output/news/tower, edit flow/news, start flow/news]"
                ),
            ],
        ),
    ],
)
def test_one_stop_and_one_start_for_all(rules: EditRules, expected: list[str]) -> None:
    """As far as the generation wants it; the rest goes on live."""
    assert kinds(planned(*WANTED, rules=rules)) == expected


def test_whatever_fails_the_flow_is_started_again() -> None:
    """But where the stop itself or the start failed."""
    (change,) = planned(*WANTED, rules=EditRules.STRICT_2021).changes

    assert isinstance(change, Sequence)
    assert change.impact is Impact.INTERRUPT
    assert [[call.action for call in calls] for calls in change.undo] == [
        [],
        ["start"],
        ["start"],
        ["start"],
        ["start"],
        [],
    ]


@pytest.mark.parametrize("rules", EditRules)
def test_nothing_is_gathered_in_an_idle_flow_or_one_that_is_to_be_idle(rules: EditRules) -> None:
    """It stands still already, or after its own stop."""
    idle = [replace(each, spec=replace(each.spec, state=FlowState.IDLE)) for each in WANTED if isinstance(each, Flow)]
    rest = ["delete output/news/radio", "create output/news/new", "edit output/news/tower", "edit flow/news"]
    found = actual(replace(FOUND.flows()[0], state=FlowState.IDLE))

    assert kinds(planned(*idle, *WANTED[1:], rules=rules)) == ["stop flow/news", *rest]
    assert kinds(planned(*idle, *WANTED[1:], rules=rules, found=found)) == rest


def test_a_flow_is_renamed_after_all_that_is_sent_to_it_by_its_name() -> None:
    """And started by the new one."""
    live = found_flow(flow(live_name="old"), found_output(output()), found_output(output("radio")))

    apart = planned(NEWS, output(), rules=EditRules.STRICT_2021, found=actual(live))
    within = planned(flow(latency_ms=9), output(), rules=EditRules.STRICT_2021, found=actual(live))

    assert kinds(apart) == [
        "edit flow/news [stop flow/news, delete output/news/radio, start flow/news]",
        "edit flow/news",
    ]
    (whole,) = within.changes
    assert isinstance(whole, Sequence)
    assert [call.at.live_name for call in whole.calls] == ["old", "old", "old", "news"]


def test_protection_comes_and_goes_by_an_edit_of_its_own() -> None:
    """It is written into the mark, and changes nothing else."""
    guarded = replace(output(), care=replace(output().care, protected=True))

    (put,) = planned(NEWS, guarded, output("radio"), rules=EditRules.LIVE_2023).changes
    protected = found_output(output())
    assert protected.mark is not None
    protected = replace(protected, mark=replace(protected.mark, protected=True))
    found = actual(found_flow(NEWS, protected, found_output(output("radio"))))
    (taken,) = planned(NEWS, output(), output("radio"), rules=EditRules.LIVE_2023, found=found).changes

    told = [(one.path, one.found, one.wanted) for change in (put, taken) for one in getattr(change, "differences", ())]
    assert told == [("protect", None, "true"), ("protect", "true", None)]
    assert put.impact is taken.impact is Impact.NONE


def gathered(*wanted: Flow | Output, found: Actual = FOUND) -> Sequence:
    """Return what stands still together by the strictest rules."""
    (change,) = planned(*wanted, rules=EditRules.STRICT_2021, found=found).changes
    assert isinstance(change, Sequence)
    return change


def test_only_what_was_looked_at_stands_still_in_place_of_a_live_change() -> None:
    """A delete too only where that very one was; each call keeps what undoes it, and the whole its id."""
    whole = gathered(*WANTED)
    looked_at = {(call.key, call.action) for call in whole.calls if call.key != output("new").key}

    left = narrowed(whole, looked_at)
    less = narrowed(whole, looked_at - {(output("radio").key, Action.DELETE)})

    assert left is not None
    assert less is not None
    assert [call for call in left.calls if call not in less.calls] == [whole.calls[1]]
    assert [f"{call.action} {call.key}" for call in left.calls] == [
        "stop flow/news",
        "delete output/news/radio",
        "edit output/news/tower",
        "edit flow/news",
        "start flow/news",
    ]
    assert [[call.action for call in calls] for calls in left.undo] == [[], ["start"], ["start"], ["start"], []]
    assert change_id(left) == change_id(whole)
    assert left.calls[-1] == whole.calls[-1]


def test_no_flow_is_stopped_for_what_nobody_looked_at() -> None:
    """A stop and a start with nothing between them is a cut for nothing."""
    assert narrowed(gathered(*WANTED), {(output("radio").key, Action.EDIT)}) is None


def test_a_flow_is_started_by_the_name_that_it_keeps() -> None:
    """The edit that would give it another one was not looked at."""
    live = found_flow(flow(live_name="old"), found_output(output()))
    whole = gathered(flow(latency_ms=9), output(latency_ms=9), found=actual(live))

    left = narrowed(whole, {(output().key, Action.EDIT)})

    assert left is not None
    assert [call.at.live_name for call in left.calls] == ["old", "old", "old"]
