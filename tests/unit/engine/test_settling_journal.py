"""Tests of `engine.settling`: what is open in the journal is settled by what is there."""

import pytest

from reconciler.domain.changes import Plan
from reconciler.domain.model import Desired, FlowKey, OutputKey, Region
from reconciler.domain.policies import Move, Policies
from reconciler.engine.apply import Terms
from reconciler.engine.guard.facts import Facts, Mode
from reconciler.engine.plan import Target
from reconciler.engine.reconcile import reconcile
from reconciler.engine.settling import settle_what_is_open
from reconciler.ports.journal import Intent, Settled
from reconciler.ports.source import Revision
from tests.builders import US, actual, flow, found_flow, found_output, output
from tests.unit.engine.worlds import Worldlet, a_world, finish, say

pytestmark = pytest.mark.anyio
LATE_S = 31


def open_call(small: Worldlet, action: str, resource: str, live_name: str) -> int:
    """Write down a call that nobody heard the end of, and return its number."""
    intent = Intent(pass_id="p", revision="before", resource=resource, action=action, change="c", live_name=live_name)
    return small.world.journal.intend(intent)


async def a_pass(small: Worldlet, target: Target, *, after_s: float = 0) -> None:
    """Make one pass, a while later."""
    await small.clock.advance(after_s)
    await finish(small, reconcile(small.world, target, terms=Terms()))


def outcome_of(small: Worldlet, number: int) -> Settled | None:
    """Return what the journal says became of a call."""
    return next(each.settled for each in small.world.journal.calls() if each.number == number)


@pytest.mark.parametrize(
    ("action", "resource", "name", "expected"),
    [
        pytest.param("create", "flow/news", "news", Settled.DONE, id="a flow that was made"),
        pytest.param("create", "output/news/tower", "tower", Settled.DONE, id="an output that was made"),
        pytest.param("create", "output/news/tower", "tower_t", Settled.REFUSED, id="a twin that was not"),
        pytest.param("delete", "output/news/mast", "mast", Settled.DONE, id="an output that is gone"),
        pytest.param("delete", "output/news/tower", "tower", None, id="an output that is still there"),
        pytest.param("edit", "output/news/tower", "", None, id="an edit"),
        pytest.param("create", "nothing", "news", None, id="what is no resource"),
    ],
)
async def test_what_is_open_is_settled_by_its_mark(
    action: str, resource: str, name: str, expected: Settled | None
) -> None:
    """After the settling time a reading tells what was made and what is gone; it tells nothing of an edit."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(output())))
    number = open_call(small, action, resource, name)

    await a_pass(small, say(small, flow(), output()), after_s=LATE_S)

    assert outcome_of(small, number) is expected
    noted = [each.note.resource for each in small.world.journal.notes(kind="outcome.settled")]
    assert noted == ([resource] if expected is not None else [])


@pytest.mark.parametrize(
    ("resource", "name", "moves"),
    [
        pytest.param("flow/news", "news", [Move(name="m", before=FlowKey("news"), now=FlowKey("press"))], id="a flow"),
        pytest.param(
            "output/news/tower",
            "tower",
            [Move(name="m", before=FlowKey("news"), now=FlowKey("press"))],
            id="an output of a flow that moved",
        ),
        pytest.param(
            "output/news/tower",
            "tower",
            [Move(name="m", before=OutputKey("news", "tower"), now=OutputKey("news", "mast"))],
            id="an output",
        ),
    ],
)
async def test_what_was_made_under_the_name_of_before_is_there(resource: str, name: str, moves: list[Move]) -> None:
    """A Move came while nobody knew yet what had become of the call; the mark may have the old name still."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(output())))
    number = open_call(small, "create", resource, name)
    is_flow = any(isinstance(each.now, FlowKey) for each in moves)
    tree = (flow("press"), output(of="press")) if is_flow else (flow(), output("mast"))

    await a_pass(small, say(small, *tree, policies=Policies(moves=tuple(moves))), after_s=LATE_S)

    assert outcome_of(small, number) is Settled.DONE


async def test_what_a_list_does_not_show_yet_stays_open() -> None:
    """Lists may be late: only when the settling time is over it was not made."""
    small = a_world()
    small.backend.hold(found_flow(flow()))
    number = open_call(small, "create", "output/news/tower", "tower")

    await a_pass(small, say(small, flow(), output()), after_s=5)

    assert outcome_of(small, number) is None


async def test_nothing_is_settled_while_a_region_cannot_be_read() -> None:
    """What is missing from half a reading is not missing."""
    small = a_world()
    number = open_call(small, "create", "output/news/mast", "mast")
    await small.clock.advance(LATE_S)
    seen = actual(found_flow(flow(), found_output(output())), unreadable=Region("ap-tokyo"))
    facts = Facts(
        revision=Revision("one"), desired=Desired(), policies=Policies(), actual=seen, owner=US, mode=Mode.SHOWN
    )
    small.world.guard.judge(Plan(), facts)

    settle_what_is_open(small.world)

    assert outcome_of(small, number) is None
