"""An account as a value: what becomes of it when the calls of a plan are carried out, one after the other."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count

from reconciler.domain.changes import Call, Change, Create, Delete, Edit, FlowAt, Sequence, Start, Stop
from reconciler.domain.impact import EditRules
from reconciler.domain.marks import Mark, Owner
from reconciler.domain.model import (
    Actual,
    Address,
    Flow,
    FlowState,
    FoundFlow,
    FoundOutput,
    Output,
    Region,
    Srt,
    Unreadable,
)
from reconciler.domain.protocols import SrtMode
from reconciler.domain.resolution import secret_versions
from reconciler.domain.targets import may_coexist
from reconciler.streamlink.as_found import demand_as_found


class RefusedError(Exception):
    """The account does not do this: names that are taken, what is not there, and what its rules forbid."""


def calls_of(change: Change, *, watched: bool = False) -> tuple[Call, ...]:
    """Return what is sent of a change; where somebody watches, of a recreate with a twin only what makes the twin."""
    if not isinstance(change, Sequence):
        return (change,)
    if watched and change.twin is not None and change.twin.make is not None:
        return (change.twin.make,)
    return change.calls


@dataclass
class Account:
    """What is live, and the rules that every call must keep."""

    owner: Owner
    rules: EditRules
    flows: dict[str, FoundFlow]
    """By id."""
    sent: int = 0

    @classmethod
    def of(cls, actual: Actual, *, owner: Owner, rules: EditRules) -> "Account":
        """Return the account that has this."""
        return cls(owner=owner, rules=rules, flows={flow.id: flow for flow in actual.flows()})

    def seen(self, before: Actual) -> Actual:
        """Return what is found now, in the regions of before."""
        regions: dict[Region, tuple[FoundFlow, ...] | Unreadable] = {}
        for region, known in before.regions.items():
            there = tuple(flow for flow in self.flows.values() if flow.region == region)
            regions[region] = known if isinstance(known, Unreadable) else there
        return Actual(regions=regions)

    def carry_out(self, changes: Iterable[Change], *, watched: bool = False) -> None:
        """Do all calls of the changes."""
        for change in changes:
            for call in calls_of(change, watched=watched):
                self.do(call)

    def do(self, call: Call) -> None:
        """
        Do one call.

        Raises:
            RefusedError: an account would not do it.
            RejectedError: the last look takes what the plan did itself for somebody else's meddling.

        """
        self.sent += 1
        match call:
            case Create() | Edit():
                self._write(call)
            case Delete(found=FoundFlow(id=id_)):
                self._delete_flow(self._by_id(id_), call)
            case Delete(found=FoundOutput(id=id_)):
                self._delete_output(self._at(call.at), id_, call)
            case Start():
                _demand(self._at(call.at).outputs, f"{call}: nothing to send to")
                self._turn(self._at(call.at), FlowState.RUNNING)
            case Stop():
                _demand(call.found is not None, f"{call}: nobody says what is stopped")
                demand_as_found(call, self._at(call.at), owner=self.owner)
                self._turn(self._at(call.at), FlowState.IDLE)
            case _:
                raise RefusedError(call)

    def _write(self, call: Create | Edit) -> None:
        match call:
            case Create(wanted=Flow() as flow):
                self._create_flow(flow, call)
            case Create(wanted=Output() as output):
                self._create_output(self._at(call.at), output, call)
            case Edit(wanted=Flow() as flow, found=FoundFlow(id=id_)):
                self._edit_flow(self._by_id(id_), flow, call)
            case Edit(wanted=Output() as output, found=FoundOutput(id=id_)):
                self._edit_output(self._at(call.at), id_, output, call)
            case _:
                raise RefusedError(call)

    def _create_flow(self, wanted: Flow, call: Create) -> None:
        place = (wanted.spec.region, wanted.live_name)
        _demand(place == (call.at.region, call.at.live_name), f"{call.at} is not {place}")
        _demand(place not in {(flow.region, flow.live_name) for flow in self.flows.values()}, f"{place} is taken")
        settings = wanted.spec.input.settings
        listens = isinstance(settings, Srt) and settings.mode is SrtMode.LISTENER
        number = self._number()
        self._put(
            FoundFlow(
                id=f"made-{number}",
                region=wanted.spec.region,
                live_name=wanted.live_name,
                mark=self._mark(wanted, is_twin=call.is_twin),
                state=FlowState.IDLE,
                spec=replace(wanted.spec, state=FlowState.IDLE),
                input_addresses=(Address("127.0.0.1", 20_000 + number),) if listens else (),
            )
        )

    def _create_output(self, flow: FoundFlow, wanted: Output, call: Create) -> None:
        self._demand_live(flow, str(call))
        _demand(all(each.live_name != wanted.live_name for each in flow.outputs), f"{wanted.live_name} is taken")
        if call.is_twin:
            others = (each.spec for each in flow.outputs if each.mark is not None and each.mark.name == call.key.name)
            _demand(all(spec is not None and may_coexist(spec, wanted.spec) for spec in others), f"{call}: a clash")
        made = FoundOutput(
            id=f"made-{self._number()}",
            live_name=wanted.live_name,
            mark=self._mark(wanted, is_twin=call.is_twin),
            spec=wanted.spec,
        )
        self._put(replace(flow, outputs=(*flow.outputs, made)))

    def _edit_flow(self, flow: FoundFlow, wanted: Flow, call: Edit) -> None:
        demand_as_found(call, flow, owner=self.owner)
        _demand(flow.spec is not None and flow.spec.region == wanted.spec.region, f"{call}: a region is not edited")
        self._demand_edit(flow, call)
        mark = self._mark(wanted, is_twin=flow.mark is not None and flow.mark.twin)
        spec = replace(wanted.spec, state=flow.state)
        self._put(replace(flow, live_name=wanted.live_name, mark=mark, spec=spec))

    def _edit_output(self, flow: FoundFlow, id_: str, wanted: Output, call: Edit) -> None:
        found = next((each for each in flow.outputs if each.id == id_), None)
        if found is None or found.spec is None:
            raise RefusedError(call)
        demand_as_found(call, found, owner=self.owner)
        fixed = (found.spec.region, found.spec.protocol) == (wanted.spec.region, wanted.spec.protocol)
        _demand(fixed, f"{call}: neither region nor protocol is edited")
        self._demand_edit(flow, call)
        mark = self._mark(wanted, is_twin=found.mark is not None and found.mark.twin)
        edited = replace(found, live_name=wanted.live_name, mark=mark, spec=wanted.spec)
        self._put(replace(flow, outputs=tuple(edited if each.id == id_ else each for each in flow.outputs)))

    def _delete_flow(self, flow: FoundFlow, call: Delete) -> None:
        demand_as_found(call, flow, owner=self.owner)
        _demand(flow.state is FlowState.IDLE, f"{flow.live_name} runs")
        _demand(not flow.outputs, f"{flow.live_name} has outputs")
        del self.flows[flow.id]

    def _delete_output(self, flow: FoundFlow, id_: str, call: Delete) -> None:
        self._demand_live(flow, f"delete of {id_}")
        for gone in (each for each in flow.outputs if each.id == id_):
            demand_as_found(call, gone, owner=self.owner)
        kept = tuple(each for each in flow.outputs if each.id != id_)
        _demand(len(kept) < len(flow.outputs), f"no output {id_}")
        _demand(kept or flow.state is FlowState.IDLE, f"{flow.live_name} runs, and {id_} is its last output")
        self._put(replace(flow, outputs=kept))

    def _demand_live(self, flow: FoundFlow, what: str) -> None:
        _demand(flow.state is FlowState.IDLE or self.rules.adds_live, f"{what}: {flow.live_name} runs")

    def _demand_edit(self, flow: FoundFlow, call: Edit) -> None:
        runs = flow.state is FlowState.RUNNING
        live = {"allowlist", "input.allowlist"} if self.rules is EditRules.CONSOLE_2022 else set()
        if isinstance(call.wanted, Flow):
            live = {*live, "liveName"}
        paths = {one.path for one in call.differences}
        _demand(not runs or self.rules is EditRules.LIVE_2023 or paths <= live, f"{call}: {flow.live_name} runs")

    def _turn(self, flow: FoundFlow, state: FlowState) -> None:
        _demand(flow.state is not state, f"{flow.live_name} is {state} already")
        spec = None if flow.spec is None else replace(flow.spec, state=state)
        self._put(replace(flow, state=state, spec=spec))

    def _at(self, at: FlowAt) -> FoundFlow:
        for flow in self.flows.values():
            if (flow.region, flow.live_name) == (at.region, at.live_name):
                return flow
        raise RefusedError(at)

    def _by_id(self, id_: str) -> FoundFlow:
        _demand(id_ in self.flows, f"no flow {id_}")
        return self.flows[id_]

    def _put(self, flow: FoundFlow) -> None:
        self.flows[flow.id] = flow

    def _number(self) -> int:
        return next(number for number in count(1) if f"made-{number}" not in set(self._ids()))

    def _ids(self) -> Iterator[str]:
        for flow in self.flows.values():
            yield flow.id
            yield from (output.id for output in flow.outputs)

    def _mark(self, wanted: Flow | Output, *, is_twin: bool) -> Mark:
        return Mark(
            owner=self.owner,
            name=wanted.key.name,
            secret_versions=secret_versions(wanted.spec),
            protected=wanted.care.protected,
            twin=is_twin,
        )


def _demand(holds: object, why: str) -> None:
    if not holds:
        raise RefusedError(why)
