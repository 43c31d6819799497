"""Laws of every property: one pass puts it right with no more writes than it needs, and the next has nothing to do."""

from dataclasses import replace
from typing import Final

import pytest

from reconciler.domain.impact import EditRules
from reconciler.domain.model import FlowState, FoundFlow, ResourceKind
from tests.builders import flow as a_flow
from tests.builders import found_flow, found_output
from tests.builders import output as an_output
from tests.fakes.backend import FakeBackend
from tests.fakes.samples import AWAY, REGION
from tests.onair.virtual import VirtualClock, run
from tests.unit.engine.fields import Case, cases
from tests.unit.engine.sweeping import Swept, is_anew, needed, sweep

CASES: Final = tuple(cases())
RULES: Final = tuple(EditRules)


def by_hand() -> FoundFlow:
    """Return a flow that nobody manages, with an output."""
    theirs = replace(a_flow("theirs"), live_name="theirs")
    return found_flow(theirs, found_output(an_output("theirs", of="theirs"), owner=None), owner=None)


def swept(case: Case, state: FlowState, backend: FakeBackend) -> Swept:
    """Return what a pass did about one property, on an account that others use, too."""

    def others() -> None:
        stranger = by_hand()
        backend.flows[stranger.id] = stranger
        (ours,) = [flow for flow in backend.flows.values() if flow.mark is not None]
        if not is_anew(case, ResourceKind.FLOW):
            guest = replace(by_hand().outputs[0], id="guest", live_name="guest")
            backend.flows[ours.id] = replace(ours, outputs=(*ours.outputs, guest))

    return run(sweep(case, state, backend, VirtualClock(), others=others))


@pytest.mark.parametrize("state", FlowState)
@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_property_is_put_right_once(case: Case, rules: EditRules, state: FlowState) -> None:
    """Under all rules, running or idle: the plan after it is empty, and no write was for nothing."""
    backend = FakeBackend(regions=(AWAY, REGION), rules=rules)

    found = swept(case, state, backend)

    assert found.undone == ()
    assert found.after.is_empty, found.after
    assert found.writes == needed(case, rules, state, outputs=found.outputs)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_nobody_manages_is_the_same_afterwards(case: Case) -> None:
    """To the last byte: a flow of others, and an output of theirs in a flow of ours."""
    backend = FakeBackend(regions=(AWAY, REGION), rules=EditRules.STRICT_2021)

    swept(case, FlowState.RUNNING, backend)

    found = [flow for flow in backend.flows.values() if flow.mark is None]
    guests = [output for flow in backend.flows.values() if flow.mark is not None for output in flow.outputs]
    assert repr(found) == repr([by_hand()])
    unmarked = [output for output in guests if output.mark is None]
    assert repr(unmarked) == repr(
        [] if is_anew(case, ResourceKind.FLOW) else [replace(by_hand().outputs[0], id="guest", live_name="guest")]
    )


@pytest.mark.parametrize("kind", ResourceKind)
def test_no_property_is_left_out(kind: ResourceKind) -> None:
    """All that has a class is swept; the name in a mark alone changes by a Move, and by nothing that is managed."""
    classes = EditRules.LIVE_2023.classes(kind, FlowState.RUNNING).keys() - {"name"}

    paths = [case.path for case in CASES if kind.holds(case.before.key)]

    assert {known for known in classes if not any(path.startswith(known) for path in paths)} == set()
