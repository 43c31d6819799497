"""Tests of what the guard does after creates, in the process that sent them and in the next one."""

from dataclasses import replace
from typing import Final

import pytest

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Change, Create, Delete, FlowAt, Plan, Start
from reconciler.domain.impact import Impact
from reconciler.domain.model import FoundOutput
from reconciler.domain.policies import Policies
from reconciler.engine.guard.facts import Facts, Mode
from reconciler.engine.guard.memory import Memory
from reconciler.ports.journal import Intent, Settled
from reconciler.ports.source import Revision
from tests.builders import LOCAL, US, actual, flow, found_flow, found_output, output, resolved
from tests.fakes.clock import FakeClock
from tests.fakes.journal import MemoryJournal
from tests.unit.engine.worlds import MeddledBackend, keeper

AT: Final = FlowAt(LOCAL, "news")
ELSEWHERE: Final = FlowAt(LOCAL, "sport")
FLOW: Final = Create(key=flow().key, at=AT, wanted=flow())
TOWER: Final = Create(key=output().key, at=AT, wanted=output())
TWIN: Final = Create(key=output().key, at=AT, wanted=replace(output(), live_name="tower_2"), is_twin=True)
GONE: Final = Delete(key=output().key, at=AT, found=found_output(output()), impact=Impact.NONE)
START: Final = Start(key=flow().key, at=AT)
SPORT: Final = Create(key=flow("sport").key, at=ELSEWHERE, wanted=flow("sport"))
FACTS: Final = Facts(
    revision=Revision("one"),
    desired=resolved(flow(), output()).desired,
    policies=Policies(),
    actual=actual(),
    owner=US,
    mode=Mode.SHOWN,
)


def intent(call: Create | Delete) -> Intent:
    """Return what is written down before a call."""
    name = call.wanted.live_name if isinstance(call, Create) else call.found.live_name
    return Intent(
        pass_id="p",
        revision="one",
        resource=str(call.key),
        action=str(call.action),
        change=str(call.action),
        live_name=name,
    )


def restarted(*written: tuple[Create | Delete, Settled]) -> Memory:
    """Return the memory of a process that finds these calls in the journal, the oldest first."""
    clock, backend = FakeClock(), MeddledBackend()
    journal = MemoryJournal(clock)
    for call, settled in written:
        journal.settle(journal.intend(intent(call)), settled)
    return Memory(keeper(backend, clock, journal))


@pytest.mark.parametrize(
    ("written", "waits"),
    [
        pytest.param([(TOWER, Settled.DONE)], [str(TOWER.key)], id="made"),
        pytest.param([(TOWER, Settled.UNKNOWN)], [str(TOWER.key)], id="perhaps made"),
        pytest.param([(TOWER, Settled.REFUSED)], [], id="refused"),
        pytest.param([(TOWER, Settled.DONE), (GONE, Settled.DONE)], [], id="made and removed again"),
        pytest.param([(TOWER, Settled.DONE), (GONE, Settled.UNKNOWN)], [str(TOWER.key)], id="perhaps removed"),
        pytest.param([(GONE, Settled.DONE), (TOWER, Settled.DONE)], [str(TOWER.key)], id="removed, and made again"),
    ],
)
def test_what_a_former_process_made_is_not_made_again(
    written: list[tuple[Create | Delete, Settled]], waits: list[str]
) -> None:
    """Lists may be late; but what was removed since is no longer looked for."""
    judged, _ = restarted(*written).judge(Plan(changes=(TOWER,)), FACTS)

    assert [str(waiting.key) for waiting in judged.waiting] == waits
    assert len(judged.changes) == 1 - len(waits)


def test_the_twin_is_looked_for_although_the_old_one_was_removed() -> None:
    """Both bear one name in the manifests; on the backend they are two."""
    judged, _ = restarted((TWIN, Settled.DONE), (GONE, Settled.DONE)).judge(Plan(changes=(TWIN,)), FACTS)

    assert [waiting.key for waiting in judged.waiting] == [TWIN.key]


def test_what_is_in_a_flow_that_no_list_shows_yet_waits_with_it() -> None:
    """Sent all the same, it could only fail; what is elsewhere goes on."""
    changes: tuple[Change, ...] = (FLOW, TOWER, START, SPORT)

    judged, _ = restarted((FLOW, Settled.UNKNOWN)).judge(Plan(changes=changes), FACTS)

    assert judged.changes == (SPORT,)
    assert {str(each.key): each.why.partition(" s ago")[0] for each in judged.waiting} == {
        "flow/news": "a create of it was sent 0",
        "output/news/tower": "flow/news is looked for first",
    }


def made_by(call: Create) -> Intent:
    """Return what is written down before a create that is a change of its own."""
    return replace(intent(call), change=change_id(call))


@pytest.mark.parametrize(
    ("there", "waits"),
    [
        pytest.param(found_output(output()), False, id="as it was made"),
        pytest.param(found_output(output(latency_ms=300)), True, id="as it was before"),
        pytest.param(replace(found_output(output()), live_name="tower_x"), True, id="under another name"),
        pytest.param(replace(found_output(output()), spec=None), True, id="beyond manifests"),
    ],
)
def test_what_this_reading_shows_as_it_was_made_is_not_late(there: FoundOutput, *, waits: bool) -> None:
    """Whoever sees it need not look for it; what was there before it under its name is no sign of it."""
    clock, backend = FakeClock(), MeddledBackend()
    journal = MemoryJournal(clock)
    journal.settle(journal.intend(made_by(TOWER)), Settled.DONE)
    memory = Memory(keeper(backend, clock, journal))
    facts = replace(FACTS, actual=actual(found_flow(flow(), there)))

    judged, _ = memory.judge(Plan(changes=(TWIN,)), facts)

    assert bool(judged.waiting) is waits


def test_a_flow_that_this_reading_shows_is_not_late_either() -> None:
    """The same holds for flows, made by this process."""
    clock, backend = FakeClock(), MeddledBackend()
    memory = Memory(keeper(backend, clock, MemoryJournal(clock)))
    memory.sent(SPORT)
    facts = replace(FACTS, actual=actual(found_flow(flow("sport"))))

    judged, _ = memory.judge(Plan(changes=(replace(SPORT, wanted=flow("sport", live_name="sport_t")),)), facts)

    assert judged.waiting == ()
