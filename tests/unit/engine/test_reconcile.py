"""Tests of `engine.reconcile`."""

import asyncio
from dataclasses import replace

import pytest

from reconciler.domain.changes import Action, Call, Edit, Sequence
from reconciler.domain.errors import BackendError, CredentialsRefusedError, RejectedError, UnavailableError
from reconciler.domain.impact import EditRules
from reconciler.domain.model import (
    Encryption,
    Flow,
    FlowKey,
    FlowLink,
    FlowState,
    FoundFlow,
    Output,
    OutputKey,
    Region,
    Srt,
)
from reconciler.domain.protocols import SrtMode
from reconciler.domain.secrets import SecretRef, SecretSource
from reconciler.engine.apply import Result, Terms
from reconciler.engine.guard.facts import Mode
from reconciler.engine.plan import Target, plan_for
from reconciler.engine.reconcile import MAX_ROUNDS, PASS_TIMEOUT_S, PassOutcome, carry_out, reconcile
from reconciler.engine.sending import CALL_TIMEOUT_S
from reconciler.ports.backend import Applied
from tests.builders import LOCAL, flow, found_flow, found_output, output
from tests.unit.engine.worlds import MeddledBackend, Worldlet, a_world, finish, say

pytestmark = pytest.mark.anyio


async def pass_once(small: Worldlet, *resources: Flow | Output, mode: Mode = Mode.SHOWN) -> PassOutcome:
    """Return what became of one pass."""
    return await finish(small, reconcile(small.world, say(small, *resources, mode=mode), terms=Terms()))


def calling(name: str, *, of: str, called: str) -> Output:
    """Return an output of one flow that calls another flow's input."""
    wanted = output(name, of=of)
    link = Srt(mode=SrtMode.CALLER, peer=FlowLink(FlowKey(called)))
    return replace(wanted, spec=replace(wanted.spec, settings=link))


def secretive(name: str, secret: str) -> Output:
    """Return an output whose passphrase is looked up."""
    wanted = output(name)
    assert isinstance(wanted.spec.settings, Srt)
    encryption = Encryption(key_length=16, passphrase=SecretRef(source=SecretSource.ENV, name=secret))
    return replace(wanted, spec=replace(wanted.spec, settings=replace(wanted.spec.settings, encryption=encryption)))


async def test_a_pass_makes_the_backend_as_desired() -> None:
    """What is desired is there and runs afterwards."""
    small = a_world()

    outcome = await pass_once(small, flow(), output())

    assert small.backend.names() == {"news", "news/tower"}
    assert small.backend.flow().state is FlowState.RUNNING
    assert not outcome.has_failed
    assert outcome.left.changes == ()


async def test_an_output_that_calls_a_new_flow_follows_in_the_same_pass() -> None:
    """An address that creating a flow brings is used at once, and the caller's flow starts."""
    small = a_world()
    studio, tower = flow("studio"), flow("tower")

    outcome = await pass_once(small, studio, calling("link", of="studio", called="tower"), tower, output(of="tower"))

    assert "studio/link" in small.backend.names()
    assert small.backend.flow("studio").state is FlowState.RUNNING
    assert outcome.left.waiting == ()
    assert not outcome.has_failed


async def test_what_waits_for_something_that_fails_is_left_waiting() -> None:
    """Where no address comes, the pass ends, and says what waits."""
    small = a_world()
    small.backend.fault = lambda call: RejectedError("full") if call.key == FlowKey("tower") else None

    outcome = await pass_once(
        small, flow("studio"), calling("link", of="studio", called="tower"), flow("tower"), output(of="tower")
    )

    assert [str(waiting.key) for waiting in outcome.left.waiting] == ["output/studio/link"]
    assert outcome.has_failed


async def test_later_rounds_touch_nothing_but_what_waited() -> None:
    """What appeared between two rounds was shown to nobody, so it is left for the next pass."""
    small = a_world()
    stranger = found_flow(flow("surplus"))
    studio, tower = flow("studio"), flow("tower")
    wanted = say(small, studio, calling("link", of="studio", called="tower"), tower, output(of="tower"))
    plan = await plan_for(small.world, wanted)
    small.backend.hold(stranger)

    outcome = await carry_out(small.world, wanted, plan, terms=Terms())

    assert "surplus" in small.backend.names()
    assert "studio/link" in small.backend.names()
    assert all(change.action is not Action.DELETE for change in outcome.done)


async def test_of_copies_that_bear_one_mark_each_is_told() -> None:
    """They are one resource, and several objects went."""
    small = a_world()
    kept = [flow(f"kept{number}", state=FlowState.IDLE) for number in range(6)]
    old = found_flow(flow("old", state=FlowState.IDLE))
    copies = [replace(old, id=f"copy{number}", live_name=f"old{number}") for number in range(2)]
    small.backend.hold(*map(found_flow, kept), *copies)

    outcome = await pass_once(small, *kept)

    assert [(str(change.key), change.action) for change in outcome.done] == [("flow/old", Action.DELETE)] * 2
    assert len(small.backend.flows) == len(kept)


async def test_later_rounds_delete_nothing_in_a_flow_that_stands_still_either() -> None:
    """Where an account wants deletes and creates in one stop, both are for the next pass."""
    small = a_world()
    small.backend.rules = EditRules.STRICT_2021
    kept = [output(f"m{number}", of="studio") for number in range(4)]
    small.backend.hold(found_flow(flow("studio"), *map(found_output, (output("old", of="studio"), *kept))))
    tower, link = flow("tower"), calling("link", of="studio", called="tower")
    target = say(small, flow("studio"), *kept, link, tower)
    plan = await plan_for(small.world, target)
    looked_at = replace(plan, changes=tuple(change for change in plan.changes if change.key == tower.key))

    outcome = await finish(small, carry_out(small.world, target, looked_at, terms=Terms()))

    assert small.backend.sent == ["create flow/tower"]
    assert [f"{change.action} {change.key}" for change in outcome.done] == ["create flow/tower"]
    (gathered,) = (await plan_for(small.world, target)).changes
    assert isinstance(gathered, Sequence)
    assert [call.action for call in gathered.calls] == [Action.STOP, Action.DELETE, Action.CREATE, Action.START]


async def test_a_missing_secret_fails_its_output_alone() -> None:
    """The output that lacks its secret is named and left out; its sibling is made."""
    small = a_world()
    small.vault.missing.add("STREAM_A")

    outcome = await pass_once(small, flow(), secretive("a", "STREAM_A"), secretive("b", "STREAM_B"))

    assert small.backend.names() == {"news", "news/b"}
    assert [str(failed.key) for failed in outcome.left.failed] == ["output/news/a"]
    assert outcome.has_failed


async def test_a_backend_that_cannot_be_read_is_sent_nothing() -> None:
    """Without knowing what is there, nothing is changed."""
    small = a_world()
    small.backend.unreadable[LOCAL] = UnavailableError("it answers 500", maybe_applied=False)

    with pytest.raises(UnavailableError, match="it answers 500"):
        await pass_once(small, flow(), output())

    assert small.backend.sent == []


UNREAD = UnavailableError("gateway time-out", maybe_applied=False)


def linked(error: BackendError) -> tuple[Worldlet, Target]:
    """Return a world that cannot be read any more once something was sent, and an output that waits for it."""
    small = a_world()
    small.backend.hold(found_flow(flow("studio")))
    small.backend.then = lambda _: small.backend.unreadable.update({LOCAL: error})
    tower, link = flow("tower"), calling("link", of="studio", called="tower")
    return small, say(small, flow("studio", latency_ms=500), link, tower, mode=Mode.LOOP)


async def test_a_pass_that_cannot_read_again_tells_what_it_did() -> None:
    """What was made is told as made, and what waited for it says why it was not looked at again."""
    small, target = linked(UNREAD)

    outcome = await finish(small, reconcile(small.world, target, terms=Terms()))

    assert {f"{change.action} {change.key}" for change in outcome.done} == {"edit flow/studio", "create flow/tower"}
    assert outcome.left.waiting == ()
    (failed,) = outcome.left.failed
    assert failed.key == OutputKey("studio", "link")
    assert failed.why.endswith(
        "; the backend could not be read again after something was sent: gateway time-out. The next pass tells"
    )
    assert outcome.has_failed


async def test_credentials_that_are_refused_at_the_second_reading_are_told_beside_what_was_done() -> None:
    """As those that are refused by a call."""
    refusal = CredentialsRefusedError("revoked")
    small, target = linked(refusal)

    outcome = await finish(small, reconcile(small.world, target, terms=Terms()))

    assert outcome.refused is refusal
    assert len(outcome.done) == 2


async def test_refused_credentials_end_the_pass() -> None:
    """A refusal in the middle is part of the outcome, beside what was done before it."""
    small = a_world()
    refusal = CredentialsRefusedError("revoked")
    small.backend.fault = lambda call: refusal if call.action is Action.START else None

    outcome = await pass_once(small, flow(), output())

    assert outcome.refused is refusal
    assert [change.action for change in outcome.done] == [Action.CREATE, Action.CREATE]
    assert [left.result for left in outcome.undone] == [Result.FAILED]


async def test_a_pass_that_takes_too_long_leaves_the_rest() -> None:
    """A pass ends some day, even when every single call ends just in time."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(output("old"))))
    small.backend.pause = lambda: small.clock.sleep(CALL_TIMEOUT_S - 1)
    outputs = [output(f"o{number:02}") for number in range(int(PASS_TIMEOUT_S / CALL_TIMEOUT_S) + 4)]
    small.backend.fault = lambda _: UnavailableError("no connection", maybe_applied=False)

    outcome = await pass_once(small, flow(), output("old"), *outputs)

    assert outcome.undone[0].why == "no connection"
    assert f"more than {PASS_TIMEOUT_S:g} s" in outcome.undone[-1].why


class StubbornBackend(MeddledBackend):
    """A backend that says yes to every edit and changes nothing."""

    async def apply(self, call: Call) -> Applied:
        """Make one call, unless it is an edit."""
        if isinstance(call, Edit):
            self.sent.append(f"{call.action} {call.key}")
            return Applied(request_id="r")
        return await super().apply(call)


async def test_a_pass_plans_only_so_often() -> None:
    """A backend that never comes to rest does not keep a pass going for ever."""
    backend = StubbornBackend()
    small = a_world(backend)
    backend.hold(found_flow(flow("studio")))
    backend.fault = lambda call: RejectedError("full") if call.key == FlowKey("tower") else None

    outcome = await pass_once(
        small, flow("studio", latency_ms=500), calling("link", of="studio", called="tower"), flow("tower")
    )

    assert backend.sent.count("edit flow/studio") == MAX_ROUNDS
    assert len(outcome.left.waiting) == 1


class SilentBackend(MeddledBackend):
    """A backend that does what it is told, and then is never read again."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()

    async def observe(self, region: Region) -> tuple[FoundFlow, ...]:
        """Return all flows, until something was sent."""
        if self.sent:
            self.asked.set()
            await asyncio.Event().wait()
        return await super().observe(region)


async def test_who_stops_waiting_does_not_wait_for_a_reading_either() -> None:
    """What was done stands, what waited goes on waiting, and nothing hangs."""
    backend, cut = SilentBackend(), asyncio.Event()
    small = a_world(backend)
    wanted = say(small, flow("studio"), calling("link", of="studio", called="tower"), flow("tower"))
    running = asyncio.create_task(reconcile(small.world, wanted, terms=Terms(cut=cut)))
    await backend.asked.wait()

    cut.set()
    outcome = await running

    assert {str(change.key) for change in outcome.done} == {"flow/studio", "flow/tower"}
    assert [str(waiting.key) for waiting in outcome.left.waiting] == ["output/studio/link"]
