"""Windows that overrun: they last for as long as what they are about is on air."""

from dataclasses import replace

import pytest

from reconciler.domain.changes import Hold
from reconciler.domain.errors import UnavailableError
from reconciler.domain.model import Region
from reconciler.domain.policies import Calendar, Policies
from reconciler.engine.guard.windows import REMEMBERED_S
from reconciler.engine.plan import Target
from tests.builders import flow, found_flow, found_output, output
from tests.unit.engine.broadcasts import holds, passed, put_on_air
from tests.unit.engine.guard.frozen import a_broadcast, calendar, tree
from tests.unit.engine.worlds import MeddledBackend, Worldlet, a_world, say

pytestmark = pytest.mark.anyio

OVERRUNNING = calendar(ends_s=-60, overruns=True)
NEW = ("create output/quiet/new", Hold.WINDOW)


def something_new(small: Worldlet, *calendars: Calendar) -> Target:
    """Return a tree that makes an output where nobody is on air."""
    target = tree(small, *calendars, latency_ms=120)
    return replace(
        target, desired=replace(target.desired, outputs=(*target.desired.outputs, output("new", of="quiet")))
    )


async def test_a_window_overruns_while_something_that_it_is_about_is_on_air() -> None:
    """The match goes into extra time, and the freeze with it; when it is over, so is the freeze."""
    small = a_broadcast()
    put_on_air(small.backend, "tower")

    during = await passed(small, something_new(small, OVERRUNNING))
    small.backend.statuses.clear()
    await small.clock.advance(REMEMBERED_S)
    after = await passed(small, something_new(small, OVERRUNNING))

    assert holds(during) == [NEW]
    assert after.left.blocked == ()
    assert "quiet/new" in small.backend.names()


async def test_what_is_on_air_elsewhere_prolongs_no_window() -> None:
    """The calendar looks at what it is about, and at nothing of anybody else's."""
    small = a_broadcast()
    put_on_air(small.backend, "tower")
    small.backend.hold(found_flow(flow("theirs"), found_output(output("t", of="theirs")), owner=None))
    put_on_air(small.backend, "t", of="theirs")

    outcome = await passed(small, something_new(small, replace(OVERRUNNING, flows=frozenset({"quiet"}))))

    assert outcome.left.blocked == ()


async def test_an_input_alone_prolongs_no_window() -> None:
    """A publisher who still sends, to nobody, keeps nothing frozen."""
    small = a_broadcast()
    put_on_air(small.backend, "input")

    outcome = await passed(small, something_new(small, OVERRUNNING))

    assert outcome.left.blocked == ()


async def test_what_cannot_be_read_prolongs_a_window() -> None:
    """Nobody knows that the match is over."""
    small = a_broadcast()
    small.backend.unwell = {"news"}

    outcome = await passed(small, something_new(small, OVERRUNNING))

    assert holds(outcome) == [NEW]


@pytest.mark.parametrize(
    ("flows", "is_held"),
    [
        pytest.param(set[str](), True, id="everything"),
        pytest.param({"quiet", "far"}, True, id="what is there"),
        pytest.param({"quiet", "gone"}, True, id="what is nowhere to be seen"),
        pytest.param({"quiet"}, False, id="what is seen elsewhere"),
    ],
)
async def test_a_region_that_cannot_be_read_prolongs_a_window(flows: set[str], *, is_held: bool) -> None:
    """The match may go on in it, unless all that the calendar is about is seen somewhere else."""
    small = a_world(MeddledBackend(regions=("local", "away")))
    away = flow("far", region=Region("away"))
    small.backend.hold(found_flow(flow("quiet"), found_output(output("mast", of="quiet"))), found_flow(away))
    small.backend.unreadable[Region("away")] = UnavailableError("down", maybe_applied=False)
    overrunning = replace(OVERRUNNING, flows=frozenset(flows))
    wanted = (flow("quiet"), output("mast", of="quiet"), output("new", of="quiet"), away)

    outcome = await passed(small, say(small, *wanted, policies=Policies(calendars=(overrunning,))))

    assert (NEW in holds(outcome)) is is_held


async def test_what_another_calendar_remembers_is_not_its_successors() -> None:
    """One of the same name that is about something else is asked anew at once."""
    small = a_broadcast()
    put_on_air(small.backend, "tower")
    await passed(small, something_new(small, replace(OVERRUNNING, flows=frozenset({"quiet"}))))
    wanted = something_new(small, replace(OVERRUNNING, flows=frozenset({"news", "quiet"})))
    wanted = replace(
        wanted, desired=replace(wanted.desired, outputs=(*wanted.desired.outputs, output("b", of="quiet")))
    )

    outcome = await passed(small, wanted)

    assert holds(outcome) == [("create output/quiet/b", Hold.WINDOW)]


async def test_what_is_on_air_is_asked_once_for_many_changes() -> None:
    """For a few seconds the answer is remembered, so that a large apply does not ask for each of its writes."""
    small = a_broadcast()
    put_on_air(small.backend, "tower")
    target = something_new(small, OVERRUNNING)
    await passed(small, target)
    small.backend.statuses.clear()

    outcome = await passed(small, target)

    assert holds(outcome) == [NEW]
