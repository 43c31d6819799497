"""Before the first delete, the manifests and the account are read once more."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from reconciler.domain.changes import Action, Call, Hold
from reconciler.domain.errors import BackendError, RejectedError, UnavailableError, WrongStateError
from reconciler.domain.impact import Capabilities, EditRules
from reconciler.domain.model import FlowState, Region
from reconciler.domain.policies import Limit
from reconciler.engine.apply import Outcome, Result, Terms
from reconciler.engine.guard.facts import Mode
from reconciler.engine.plan import Target, plan_for, preview
from reconciler.engine.reconcile import TWIN_LOOK_S, PassOutcome, carry_out, reconcile
from tests.builders import flow, found_flow, found_output, output
from tests.unit.engine.broadcasts import (
    approval,
    approved,
    holds,
    passed,
    put_on_air,
    receivers_call,
    take_off_air,
)
from tests.unit.engine.worlds import MeddledBackend, Worldlet, a_world, finish, lifted, say

pytestmark = pytest.mark.anyio


def with_surplus() -> Worldlet:
    """Return a world with an idle flow of two outputs, the second of which no manifest names."""
    small = a_world()
    idle = flow(state=FlowState.IDLE)
    small.backend.hold(found_flow(idle, found_output(output()), found_output(output("mast"))))
    return small


def tree(small: Worldlet, *, mode: Mode = Mode.SHOWN, latency_ms: int = 500) -> Target:
    """Return a tree that edits one output and knows nothing of the other one."""
    return say(small, flow(state=FlowState.IDLE), output(latency_ms=latency_ms), mode=mode)


async def carried_out(small: Worldlet, target: Target, meanwhile: Callable[[], None]) -> PassOutcome:
    """Return what became of a plan, between which and its first write something happens."""
    plan = await plan_for(small.world, target)
    meanwhile()
    return await finish(small, carry_out(small.world, target, plan, terms=Terms()))


@pytest.mark.parametrize("mode", [Mode.SHOWN, Mode.ONCE])
async def test_what_both_readings_ask_for_goes(mode: Mode) -> None:
    """The tree and the account say the same twice."""
    small = with_surplus()

    outcome = await passed(small, tree(small, mode=mode))

    assert small.backend.names() == {"news", "news/tower"}
    assert outcome.left.blocked == ()


async def test_a_tree_that_changed_meanwhile_deletes_nothing() -> None:
    """A checkout that was half done looks like a wish to delete; the edit goes all the same."""
    small = with_surplus()
    target = tree(small)

    outcome = await carried_out(
        small, target, lambda: small.source.write("next", flow(), output(latency_ms=500), output("mast"))
    )

    assert small.backend.names() == {"news", "news/tower", "news/mast"}
    assert holds(outcome) == [("delete output/news/mast", Hold.AGAIN)]
    assert "a second reading" in outcome.left.blocked[0].why
    assert small.backend.latency_ms() == 500


async def test_an_account_that_changed_meanwhile_keeps_what_was_changed() -> None:
    """What somebody protected, or edited, since it was shown is another thing than was shown."""
    small = with_surplus()
    target = tree(small)

    def edit_by_hand() -> None:
        found = small.backend.flow()
        mast = found.outputs[1]
        assert mast.spec is not None
        edited = replace(mast, spec=replace(mast.spec, description="do not touch"))
        small.backend.flows[found.id] = replace(found, outputs=(found.outputs[0], edited))

    outcome = await carried_out(small, target, edit_by_hand)

    assert holds(outcome) == [("delete output/news/mast", Hold.AGAIN)]
    assert "news/mast" in small.backend.names()


async def test_without_deletes_nothing_is_read_twice() -> None:
    """It costs no list where nothing is to lose."""
    small = a_world()
    small.backend.hold(found_flow(flow(state=FlowState.IDLE), found_output(output())))

    await passed(small, tree(small))

    assert small.backend.observed == 1


async def test_a_saved_plan_is_not_read_twice() -> None:
    """Whoever saved it saw it, and whether it still holds was asked already."""
    small = with_surplus()
    target = tree(small, mode=Mode.SAVED)

    outcome = await carried_out(small, target, lambda: None)

    assert small.backend.observed == 1
    assert len(outcome.done) == 2


async def test_observing_sends_nothing_ever() -> None:
    """Whatever is wanted, approved or lifted; what would be held back is said."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(receivers_call()), found_output(output("mast"))))
    put_on_air(small.backend, "tower")
    target = say(small, flow(), receivers_call(region=Region("eu-frankfurt")), output("new"), mode=Mode.OBSERVE)
    wanted = replace(target, policies=lifted(*Limit))
    changes = (await plan_for(small.world, wanted)).changes

    held = await passed(small, wanted)
    released = await passed(small, approved(wanted, *map(approval, changes)))

    assert small.backend.sent == []
    assert held.outcomes == released.outcomes == ()
    assert ("recreate output/news/tower", Hold.ON_AIR) in holds(held)
    assert len(released.left.changes) == len(changes)


class LearningBackend(MeddledBackend):
    """A backend that refuses live edits, and whose rules are known from the first refusal on."""

    rules = EditRules.LIVE_2023
    taught = EditRules.CONSOLE_2022
    """What the first refusal teaches."""

    @property
    def capabilities(self) -> Capabilities:
        """Return what is known by now."""
        return Capabilities(rules=self.rules, is_certain=self.rules is not EditRules.LIVE_2023)


def learning(*others: str) -> tuple[Worldlet, LearningBackend]:
    """Return a world whose account wants a flow stopped for edits, and does not say so."""
    backend = LearningBackend()
    outputs = [found_output(output()), *(found_output(output(name)) for name in others)]
    backend.hold(found_flow(flow(), *outputs))

    def refuse(call: object) -> WrongStateError | None:
        if getattr(call, "action", "") == "edit" and backend.flow().state is FlowState.RUNNING:
            backend.rules = backend.taught
            return WrongStateError("not while it runs")
        return None

    backend.fault = refuse
    return a_world(backend), backend


async def test_what_was_refused_live_is_done_standing_still() -> None:
    """Off air it takes a stop and a start, in the same pass; that it was refused first is no failure."""
    small, backend = learning()

    outcome = await passed(small, say(small, flow(), output(latency_ms=500)))

    assert backend.latency_ms() == 500
    assert backend.sent == ["edit output/news/tower", "stop flow/news", "edit output/news/tower", "start flow/news"]
    assert outcome.undone == ()


async def test_what_was_refused_live_waits_while_anything_is_on_air() -> None:
    """A sibling on air would be cut by the stop; the refusal is told, and not looped on."""
    small, backend = learning("mast")
    put_on_air(backend, "mast")
    target = say(small, flow(), output(latency_ms=500), output("mast"))

    first = await passed(small, target)
    second = await passed(small, target)

    assert backend.sent == ["edit output/news/tower"]
    assert [one.why for one in first.undone] == ["not while it runs"]
    assert ("edit flow/news", Hold.ON_AIR) in holds(first)
    assert holds(second) == [("edit flow/news", Hold.ON_AIR)]
    assert second.undone == ()


async def refused_live(mode: Mode) -> tuple[LearningBackend, PassOutcome]:
    """Return what became of a live edit that somebody looked at, when a delete was held back that is allowed by now."""
    small, backend = learning("old", "m0", "m1", "m2", "m3")
    backend.taught = EditRules.STRICT_2021
    put_on_air(backend, "old")
    others = [output(f"m{number}") for number in range(4)]
    target = say(small, flow(), output(latency_ms=500), *others, mode=mode)
    looked_at = await finish(small, preview(small.world))
    assert looked_at.plan is not None
    assert [change.action for change in looked_at.plan.changes] == [Action.EDIT]
    take_off_air(backend)
    await small.clock.advance(60)
    now = await plan_for(small.world, target)
    sent = replace(now, changes=tuple(change for change in now.changes if change.action is Action.EDIT))
    return backend, await finish(small, carry_out(small.world, target, sent, terms=Terms()))


async def test_a_refused_edit_sweeps_nothing_along_that_nobody_looked_at() -> None:
    """The account wants deletes with the flow standing still, too; this one is for the next plan."""
    backend, outcome = await refused_live(Mode.SHOWN)

    assert backend.sent == ["edit output/news/tower", "stop flow/news", "edit output/news/tower", "start flow/news"]
    assert "news/old" in backend.names()
    assert outcome.undone == ()


async def test_a_saved_live_edit_that_is_refused_stops_no_flow() -> None:
    """What somebody looked at was a live edit; the failure says why it came to nothing, and what to do."""
    backend, outcome = await refused_live(Mode.SAVED)

    assert backend.sent == ["edit output/news/tower"]
    (one,) = outcome.undone
    assert one.why == (
        "not while it runs; the flow was not stopped for it, because what somebody looked at is a change while it "
        "runs. Say in backend.editRules which rules this account keeps, plan again, and look at the stop"
    )


async def test_a_failure_for_which_no_stop_is_wanted_stays_as_it_was() -> None:
    """A saved plan, one change of which wants a stop, and another one another host."""
    small, backend = learning("mast")
    other = output("mast", latency_ms=500)
    refuse = backend.fault

    def fault(call: Call) -> BackendError | None:
        return RejectedError("no such host") if call.key == other.key and call.action is Action.CREATE else refuse(call)

    backend.fault = fault
    backend.drop_output("mast")
    target = say(small, flow(), output(latency_ms=500), other, mode=Mode.SAVED)

    outcome = await passed(small, target)

    assert sorted(one.why.partition(";")[0] for one in outcome.undone) == ["no such host", "not while it runs"]
    assert [one.why for one in outcome.undone if one.change.action is Action.CREATE] == ["no such host"]


async def test_what_was_refused_live_is_told_where_the_account_cannot_be_read_again() -> None:
    """Nobody knows whether its flow may be stopped for it, and what was sent is told all the same."""
    small, backend = learning()
    refuse, lost = backend.fault, UnavailableError("gateway time-out", maybe_applied=False)

    def fault(call: Call) -> BackendError | None:
        backend.unreadable[Region("local")] = lost
        return refuse(call)

    backend.fault = fault

    outcome = await passed(small, say(small, flow(), output(latency_ms=500)))

    assert backend.sent == ["edit output/news/tower"]
    assert [one.why for one in outcome.undone] == [
        "not while it runs; the backend could not be read again after something was sent: gateway time-out"
    ]


async def test_who_stops_a_pass_tries_nothing_standing_still() -> None:
    """What was refused is told as it is."""
    small, backend = learning()
    terms = Terms(hold=lambda: "stopping" if backend.sent else "")

    outcome = await finish(small, reconcile(small.world, say(small, flow(), output(latency_ms=500)), terms=terms))

    assert backend.sent == ["edit output/news/tower"]
    assert [one.result for one in outcome.undone] == [Result.FAILED]


def a_twin_world() -> tuple[Worldlet, Target]:
    """Return a world in which an output on air is wanted in another region."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(receivers_call()), found_output(receivers_call("mast"))))
    put_on_air(small.backend, "tower")
    return small, say(small, flow(), receivers_call(region=Region("eu-frankfurt")), receivers_call("mast"))


async def with_approval(small: Worldlet, target: Target) -> Target:
    """Return the target with an approval of every change."""
    return approved(target, *map(approval, (await plan_for(small.world, target)).changes))


async def test_who_stops_does_not_wait_for_a_twin() -> None:
    """Both are left there, and the next pass goes on with them."""
    small, target = a_twin_world()
    terms = Terms(hold=lambda: "not sent, because it was interrupted" if small.backend.sent else "")

    outcome = await finish(small, reconcile(small.world, await with_approval(small, target), terms=terms))

    assert outcome.outcomes == ()
    assert outcome.continues_in_s == TWIN_LOOK_S
    assert _standing_beside(outcome) == ["not sent, because it was interrupted"]
    assert len(small.backend.flow().outputs) == 3


def _standing_beside(outcome: PassOutcome) -> list[str]:
    """Return why what was made beside an old one is not gone on with."""
    words = re.compile(
        r"the new one, tower_t, was made and stands beside the old one, which serves on; the rest was (.*)\. "
        r"The next run goes on with it"
    )
    return [words.sub(r"\1", held.why) for held in outcome.left.blocked if held.hold is Hold.TWIN]


async def test_who_stops_right_before_a_look_at_a_twin_is_told_of_it() -> None:
    """It was made, and what replaces something is not told as if nothing had been sent."""
    small, target = a_twin_world()
    wanted, looks, told = await with_approval(small, target), list[int](), list[Outcome]()
    # It comes while the account is read for the next look.
    terms = Terms(
        hold=lambda: "not sent, because it was interrupted" if small.backend.observed > min(looks, default=99) else "",
        on_outcome=told.append,
    )
    running = asyncio.ensure_future(reconcile(small.world, wanted, terms=terms))
    await small.clock.advance(TWIN_LOOK_S / 2)

    looks.append(small.backend.observed)
    await small.clock.advance(TWIN_LOOK_S)
    outcome = await finish(small, running)

    assert outcome.undone == ()
    assert [one.result for one in told] == [Result.DONE, Result.BLOCKED]
    assert _standing_beside(outcome) == ["not sent, because it was interrupted"]


async def test_who_cuts_a_pass_short_does_not_wait_for_a_twin_either() -> None:
    """At once, and not at the next look."""
    small, target = a_twin_world()
    cut = asyncio.Event()
    wanted = await with_approval(small, target)
    terms = Terms(cut=cut, hold=lambda: "not sent, because it was interrupted" if cut.is_set() else "")
    running = asyncio.ensure_future(reconcile(small.world, wanted, terms=terms))
    await small.clock.advance(TWIN_LOOK_S / 2)

    cut.set()
    await small.clock.advance(0)

    assert _standing_beside(await running) == ["not sent, because it was interrupted"]


async def test_a_twin_whose_old_one_somebody_deleted_is_done() -> None:
    """There is nothing left to take over."""
    small, target = a_twin_world()
    wanted = await with_approval(small, target)
    running = asyncio.ensure_future(reconcile(small.world, wanted, terms=Terms()))
    await small.clock.advance(TWIN_LOOK_S / 2)

    small.backend.drop_output("tower")
    await small.clock.advance(TWIN_LOOK_S)
    outcome = await finish(small, running)

    assert [(one.result, one.is_half) for one in outcome.outcomes] == [(Result.DONE, False)]


async def test_a_twin_that_a_list_shows_late_is_waited_for() -> None:
    """An apply does not end because of that, and what else it did is told as it was."""
    small, _ = a_twin_world()
    mast = receivers_call("mast")
    edited = replace(mast, spec=replace(mast.spec, description="edited"))
    wanted = say(small, flow(), receivers_call(region=Region("eu-frankfurt")), edited)
    wanted = await with_approval(small, wanted)
    small.backend.unlisted = {"tower_t"}
    running = asyncio.ensure_future(reconcile(small.world, wanted, terms=Terms()))
    await small.clock.advance(3 * TWIN_LOOK_S)

    small.backend.unlisted = set()
    small.backend.drop_output("tower")
    await small.clock.advance(2 * TWIN_LOOK_S)
    outcome = await finish(small, running)

    assert {str(change.key) for change in outcome.done} == {"output/news/tower", "output/news/mast"}
    assert small.backend.sent.count("create output/news/tower") == 1


async def test_a_twin_is_looked_at_again_after_a_list_that_failed() -> None:
    """One bad answer does not end an apply that is half done."""
    small, target = a_twin_world()
    wanted = await with_approval(small, target)
    running = asyncio.ensure_future(reconcile(small.world, wanted, terms=Terms()))
    await small.clock.advance(TWIN_LOOK_S / 2)

    small.backend.unreadable[Region("local")] = UnavailableError("not now", maybe_applied=False)
    await small.clock.advance(2 * TWIN_LOOK_S)
    small.backend.unreadable.clear()
    put_on_air(small.backend, "tower_t")
    await small.clock.advance(2 * TWIN_LOOK_S)
    outcome = await finish(small, running)

    assert [(one.result, one.is_half) for one in outcome.outcomes] == [(Result.DONE, False)]
    assert small.backend.names() == {"news", "news/tower_t", "news/mast"}


async def test_a_recreate_that_a_judgement_holds_back_later_is_blocked() -> None:
    """The clock jumped while the twin was there: nothing goes, and it is said why."""
    small, target = a_twin_world()
    wanted = await with_approval(small, target)
    running = asyncio.ensure_future(reconcile(small.world, wanted, terms=Terms()))
    await small.clock.advance(TWIN_LOOK_S / 2)

    small.clock.jumped_s = 7200.0
    await small.clock.advance(TWIN_LOOK_S)
    outcome = await finish(small, running)

    assert holds(outcome) == [("recreate output/news/tower", Hold.TREE)]
    assert outcome.outcomes == ()
    assert len(small.backend.flow().outputs) == 3


async def test_a_refusal_of_something_else_teaches_nothing() -> None:
    """The same pass goes on by the rules that it began with."""
    small = a_world()
    small.backend.hold(found_flow(flow(state=FlowState.IDLE), found_output(output())))
    small.backend.fault = lambda call: RejectedError("no such host") if call.key == output().key else None

    outcome = await passed(small, tree(small))

    assert small.backend.sent == ["edit output/news/tower"]
    assert [one.why for one in outcome.undone] == ["no such host"]
