"""Who works on the account beside the reconciler: an operator with git and orders, and somebody in the console."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Final

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Action, Blocked, Hold
from reconciler.domain.conditions import generation_of
from reconciler.domain.model import FlowState, FoundFlow, FoundOutput, Key, Output, Srt
from reconciler.domain.orders import Given, Halt, Order, Pause, Pin
from reconciler.domain.policies import Approval
from reconciler.engine.pinning import manifest_of, needed_by
from reconciler.manifests.writing import ManifestWriter
from reconciler.ports.clock import Clock
from reconciler.ports.orders import OrderBook
from tests.production.soak.account import Account
from tests.production.soak.repository import Repository

OPERATOR_S: Final = 90.0
"""Between two things that the operator does, on the average."""
CONSOLE_S: Final = 180.0
VIEWERS_S: Final = 15.0
_SPAN_S: Final = (30.0, 300.0)
"""How long a pause, a halt, a broken tree or a server that is down lasts."""
_EXPIRES: Final = timedelta(days=1)
_BY_HAND: Final = "by_hand"


@dataclass(slots=True)
class Operator:
    """Commits, and gives and lifts orders."""

    dice: Random
    clock: Clock
    repository: Repository
    orders: OrderBook
    later: Callable[[float, Callable[[], object]], object]
    """Does something when so many seconds have gone by."""
    does: int = 0
    """What was done so far."""
    is_off: bool = False

    async def work(self) -> None:
        """Do something now and then, for ever."""
        while True:
            await self.clock.sleep(self.dice.expovariate(1 / OPERATOR_S))
            if not self.is_off:
                self.act()

    def act(self) -> None:
        """Do something."""
        self.does += 1
        acts = (
            (60, self.repository.commit),
            (4, self._break),
            (4, self._trouble),
            (4, self._lose),
            (10, self._pause),
            (4, self._halt),
            (8, self._roll_back),
        )
        self.dice.choices([act for _, act in acts], [weight for weight, _ in acts])[0]()

    def approve(self, held: Blocked) -> None:
        """Let happen what is held back, as whoever runs the command in its message does."""
        if held.change is None or held.action in {Action.CREATE, Action.START}:
            # What makes something takes nothing off the air, and waits for something else.
            return
        approval = Approval(
            name="",
            resource=held.change.key,
            action=held.action,
            change=change_id(held.change),
            reason="somebody looked at it",
            expires=self.clock.now() + _EXPIRES,
        )
        self.repository.approve(approval)

    def looked_at(self, held: Blocked) -> None:
        """Approve of what looks like another name, and is none; the rest waits until it may happen."""
        if held.hold is Hold.RENAME and not self.is_off:
            self.approve(held)

    def mend_all(self) -> None:
        """Have the server up, the first tree back, and no order any more."""
        self.is_off = True
        self.repository.problem = self.repository.trouble = ""
        self.repository.is_broken = False
        now = self.orders.read()
        self.orders.lift(Halt)
        for pause in now.pauses:
            self.orders.lift(Pause, pause.resource)
        for pin in now.pins:
            self.orders.lift(Pin, pin.resource)
        self.repository.turn_back()

    def _span_s(self) -> float:
        return self.dice.uniform(*_SPAN_S)

    def _break(self) -> None:
        self.repository.break_it(is_broken=True)
        self.later(self._span_s(), lambda: self.repository.break_it(is_broken=False))

    def _trouble(self) -> None:
        self.repository.trouble = "the newest commit is not signed"
        self.later(self._span_s(), lambda: setattr(self.repository, "trouble", ""))

    def _lose(self) -> None:
        self.repository.problem = "the server of the repository is down"
        self.later(self._span_s(), lambda: setattr(self.repository, "problem", ""))

    def _given(self, *, lasts_s: float | None = None) -> Given:
        now = self.clock.now()
        until = None if lasts_s is None else now + timedelta(seconds=lasts_s)
        return Given(author="anna@studio-7", reason="she wants it so", at=now, until=until)

    def _pause(self) -> None:
        """Pause something; now and then it is lifted, and else it expires."""
        keys: list[Key] = [flow.key for flow in self.repository.flows]
        keys += [output.key for output in self.repository.outputs]
        if keys:
            key = self.dice.choice(keys)
            self.orders.give(Pause(resource=key, given=self._given(lasts_s=self._span_s())))
            if self.dice.random() < 1 / 2:
                self._lift_later(Pause, key)

    def _halt(self) -> None:
        self.orders.give(Halt(given=self._given()))
        self._lift_later(Halt, None)

    def _roll_back(self) -> None:
        """Keep an output as an older commit has it."""
        known = [(output, before) for output in self.repository.outputs if (before := self._before(output)) is not None]
        if not known:
            return
        output, (revision, old) = self.dice.choice(known)
        flows = [flow for flow in self.repository.flows if flow.key in needed_by(old)]
        pin = Pin(
            resource=output.key,
            revision=revision,
            manifest=manifest_of(old, flows, ManifestWriter()),
            against=generation_of(output),
            given=self._given(),
        )
        self.orders.give(pin)
        self._lift_later(Pin, output.key)

    def _before(self, output: Output) -> tuple[str, Output] | None:
        for revision, version in self.repository.past:
            old = version.get(output.key)
            if isinstance(old, Output) and old.spec != output.spec:
                return revision, old
        return None

    def _lift_later(self, kind: type[Order], key: Key | None) -> None:
        self.later(self._span_s(), lambda: self.orders.lift(kind, key))


@dataclass(slots=True)
class Console:
    """Somebody who works on the account by hand, and on what is not his."""

    dice: Random
    clock: Clock
    account: Account
    does: int = 0
    is_off: bool = False

    async def work(self) -> None:
        """Do something now and then, for ever."""
        while True:
            await self.clock.sleep(self.dice.expovariate(1 / CONSOLE_S))
            if not self.is_off:
                self.act()

    def act(self) -> None:
        """Do something to one flow."""
        flows = sorted(self.account.flows.values(), key=lambda flow: flow.id)
        if not flows:
            return
        self.does += 1
        flow = self.dice.choice(flows)
        acts: tuple[Callable[[FoundFlow], FoundFlow], ...]
        acts = (self._switch, self._edit, self._edit, self._edit, self._delete, self._add)
        if any(output.mark is None for output in flow.outputs):
            # What he made holds back the end of its flow; he does not leave it for long.
            acts = (_without_his,)
        self.account.flows[flow.id] = self.dice.choice(acts)(flow)

    def leave(self) -> None:
        """Take along what is nobody else's, and do nothing any more."""
        self.is_off = True
        for flow in tuple(self.account.flows.values()):
            self.account.flows[flow.id] = _without_his(flow)

    def _switch(self, flow: FoundFlow) -> FoundFlow:
        state = FlowState.IDLE if flow.state is FlowState.RUNNING or not flow.outputs else FlowState.RUNNING
        spec = None if flow.spec is None else replace(flow.spec, state=state)
        return replace(flow, state=state, spec=spec)

    def _edit(self, flow: FoundFlow) -> FoundFlow:
        if not flow.outputs:
            return flow
        chosen = self.dice.choice(flow.outputs)
        return replace(flow, outputs=tuple(self._edited(one) if one is chosen else one for one in flow.outputs))

    def _edited(self, output: FoundOutput) -> FoundOutput:
        if output.spec is None:
            return output
        spec = replace(output.spec, description="by hand")
        if isinstance(spec.settings, Srt):
            spec = replace(spec, settings=replace(spec.settings, latency_ms=self.dice.choice((80, 120, 300))))
        return replace(output, spec=spec)

    def _delete(self, flow: FoundFlow) -> FoundFlow:
        return replace(flow, outputs=flow.outputs[1:])

    def _add(self, flow: FoundFlow) -> FoundFlow:
        spec = next((output.spec for output in flow.outputs), None)
        if spec is None:
            return flow
        made = FoundOutput(id=f"{_BY_HAND}-{self.does}", live_name=_BY_HAND, mark=None, spec=spec)
        return replace(flow, outputs=(*flow.outputs, made))


def _without_his(flow: FoundFlow) -> FoundFlow:
    return replace(flow, outputs=tuple(output for output in flow.outputs if output.mark is not None))
