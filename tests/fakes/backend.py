"""A backend in memory: the same contract as the real one, without an API between."""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from itertools import count

from reconciler.domain.changes import Call, Create, Delete, Edit, FlowAt, Start, Stop
from reconciler.domain.errors import BackendError, NotFoundError, RejectedError, WrongStateError
from reconciler.domain.impact import Capabilities, EditRules
from reconciler.domain.marks import Mark, Owner
from reconciler.domain.matching import ours, said_of
from reconciler.domain.model import (
    Address,
    Flow,
    FlowState,
    FoundFlow,
    FoundOutput,
    Output,
    Region,
    Srt,
)
from reconciler.domain.protocols import ALLOWED_OUTPUTS, SrtMode, pulled
from reconciler.domain.resolution import secret_versions
from reconciler.ports.backend import Applied, EndEvent, EndStatus
from tests.builders import US


class FakeBackend:
    """
    Implements `ports.backend.Backend` in memory.

    `flows` is the world: tests put what others made into it, and look at it afterwards. `applied` are the calls that
    were carried out. Errors in `refusals` are raised one a call, before it is carried out; those in `lost_answers`
    after it.
    """

    def __init__(
        self, *, owner: Owner = US, regions: Iterable[str] = ("local",), rules: EditRules = EditRules.LIVE_2023
    ) -> None:
        self.owner = owner
        self.rules = rules
        """What may be changed while a flow runs, as the relay with `--edit-rules` has it."""
        self.flows: dict[str, FoundFlow] = {}
        self.applied: list[Call] = []
        self.refusals: deque[BackendError] = deque()
        self.lost_answers: deque[BackendError] = deque()
        self.unreadable: dict[Region, BackendError] = {}
        self.statuses: dict[str, EndStatus] = {}
        """By the id of the end, in place of what it says by itself."""
        self.happened: dict[str, list[EndEvent]] = {}
        """By the id of the flow, the oldest first."""
        self.closed = False
        self._regions = tuple(sorted(map(Region, regions)))
        self._numbers = count(1)

    @property
    def name(self) -> str:
        """Say that it is no account."""
        return f"memory, owner {self.owner}"

    @property
    def capabilities(self) -> Capabilities:
        """Return those of the API."""
        return Capabilities(rules=self.rules)

    async def regions(self) -> tuple[Region, ...]:
        """Return all regions."""
        await asyncio.sleep(0)
        return self._regions

    async def observe(self, region: Region) -> tuple[FoundFlow, ...]:
        """Return all flows of a region, or raise what `unreadable` has for it."""
        await asyncio.sleep(0)
        if region in self.unreadable:
            raise self.unreadable[region]
        return tuple(flow for flow in self.flows.values() if flow.region == region)

    async def apply(self, call: Call) -> Applied:
        """Carry out a call."""
        await asyncio.sleep(0)
        if self.refusals:
            raise self.refusals.popleft()
        self._carry_out(call)
        self.applied.append(call)
        if self.lost_answers:
            raise self.lost_answers.popleft()
        return Applied(request_id=f"request-{next(self._numbers)}")

    async def status(self, region: Region, flow_id: str) -> tuple[EndStatus, ...]:
        """Return that every end of a running flow waits for a peer."""
        await asyncio.sleep(0)
        flow = self.flows.get(flow_id)
        if flow is None or flow.region != region:
            raise NotFoundError(f"no flow {flow_id}")
        state = "Waiting" if flow.state is FlowState.RUNNING else "Idle"
        ends = [(f"{flow.id}-input", True), *((output.id, False) for output in flow.outputs)]
        said = (
            EndStatus(id=id_, is_input=is_input, state=state, bitrate_bps=0, connected_ms=0, reconnections=0)
            for id_, is_input in ends
        )
        return tuple(self.statuses.get(end.id, end) for end in said)

    async def events(self, region: Region, flow_id: str, *, since: datetime, until: datetime) -> tuple[EndEvent, ...]:
        """Return what the test has put there."""
        await self.status(region, flow_id)
        return tuple(event for event in reversed(self.happened.get(flow_id, ())) if since <= event.at <= until)

    async def sessions(self, region: Region, flow_id: str, end: EndStatus, *, at: datetime) -> int:
        """Return one for an end that is connected."""
        await self.status(region, flow_id)
        return int(end.state == "Connected" and at is not None)

    async def close(self) -> None:
        """Remember that it was let go of."""
        await asyncio.sleep(0)
        self.closed = True

    def _carry_out(self, call: Call) -> None:
        match call:
            case Create(wanted=Flow() as flow):
                self._create_flow(flow, call)
            case Create(wanted=Output() as output):
                self._create_output(self._at(call.at), output, call)
            case Edit():
                self._edit(call)
            case Delete():
                self._delete(call)
            case Start():
                self._start(self._at(call.at))
            case Stop():
                self._stop(self._at(call.at), call)
            case _:
                msg = f"no such call: {call}"
                raise TypeError(msg)

    def _create_flow(self, wanted: Flow, call: Create) -> None:
        if any((flow.region, flow.live_name) == (wanted.spec.region, wanted.live_name) for flow in self.flows.values()):
            raise RejectedError(f"a flow {wanted.live_name} is there", field="Name")
        number = next(self._numbers)
        settings = wanted.spec.input.settings
        listens = not isinstance(settings, Srt) or settings.mode is SrtMode.LISTENER
        self._put(
            FoundFlow(
                id=f"flow-{number}",
                region=wanted.spec.region,
                live_name=wanted.live_name,
                mark=self._mark(wanted, is_twin=call.is_twin),
                state=FlowState.IDLE,
                spec=replace(wanted.spec, state=FlowState.IDLE),
                allowed_outputs=ALLOWED_OUTPUTS[wanted.spec.input.protocol],
                input_addresses=(Address("127.0.0.1", 20_000 + number),) if listens else (),
            )
        )

    def _create_output(self, flow: FoundFlow, wanted: Output, call: Create) -> None:
        self._demand_adding(flow)
        if wanted.spec.protocol not in flow.allowed_outputs:
            raise RejectedError(f"{wanted.spec.protocol} is not allowed on {flow.live_name}", field="Protocol")
        if any(output.live_name == wanted.live_name for output in flow.outputs):
            raise RejectedError(f"an output {wanted.live_name} is there", field="Name")
        number = next(self._numbers)
        settings = wanted.spec.settings
        is_pulled = pulled(wanted.spec.protocol, settings.mode if isinstance(settings, Srt) else None)
        made = FoundOutput(
            id=f"output-{number}",
            live_name=wanted.live_name,
            mark=self._mark(wanted, is_twin=call.is_twin),
            spec=wanted.spec,
            pull_urls=(f"test://127.0.0.1:{20_000 + number}",) if is_pulled else (),
        )
        self._put(replace(flow, outputs=(*flow.outputs, made)))

    def _edit(self, call: Edit) -> None:
        wanted = call.wanted
        if isinstance(wanted, Flow):
            self._edit_flow(wanted, call)
            return
        flow = self._at(call.at)
        before = next((output for output in flow.outputs if output.id == call.found.id), None)
        if before is None or before.spec is None:
            raise NotFoundError(f"no output {call.found.id}")
        self._demand_as_found(call, before)
        if wanted.spec.protocol is not before.spec.protocol:
            raise RejectedError("the protocol of an output is not edited", field="Protocol")
        after = replace(
            before,
            live_name=wanted.live_name,
            mark=self._mark(wanted, is_twin=_is_twin(before)),
            # The API has no field for another region.
            spec=replace(wanted.spec, region=before.spec.region),
        )
        self._demand_editing(flow, _unlisted(before), _unlisted(after))
        outputs = tuple(after if output.id == before.id else output for output in flow.outputs)
        self._put(replace(flow, outputs=outputs))

    def _edit_flow(self, wanted: Flow, call: Edit) -> None:
        flow = self.flows.get(call.found.id)
        if flow is None or flow.spec is None:
            raise NotFoundError(f"no flow {call.found.id}")
        self._demand_as_found(call, flow)
        mark = self._mark(wanted, is_twin=_is_twin(flow))
        before, after = (flow.spec.input, flow.mark), (wanted.spec.input, mark)
        listless = [(replace(spec, allowlist=None), said) for spec, said in (before, after)]
        if before != after:
            self._demand_editing(flow, *listless)
        # The API has no field for another bandwidth.
        self._put(
            replace(flow, live_name=wanted.live_name, mark=mark, spec=replace(flow.spec, input=wanted.spec.input))
        )

    def _demand_adding(self, flow: FoundFlow) -> None:
        if flow.state is FlowState.RUNNING and self.rules is EditRules.STRICT_2021:
            raise WrongStateError("these edit rules make and delete outputs of idle flows alone")

    def _demand_editing(self, flow: FoundFlow, before: object, after: object) -> None:
        """Go on only where the rules let what was become what is to be; their allowlists are left out of both."""
        if flow.state is FlowState.IDLE or self.rules is EditRules.LIVE_2023:
            return
        if self.rules is EditRules.STRICT_2021 or before != after:
            raise WrongStateError("these edit rules want the flow stopped for this")

    def _delete(self, call: Delete) -> None:
        if isinstance(call.found, FoundFlow):
            flow = self.flows.get(call.found.id)
            if flow is None:
                return
            self._demand_as_found(call, flow)
            if {output.id for output in flow.outputs} - {output.id for output in call.found.outputs}:
                raise RejectedError(f"{call.key} has outputs that it had not when it was read")
            if flow.state is FlowState.RUNNING:
                raise WrongStateError("a running flow is not deleted")
            self.flows.pop(call.found.id)
            return
        for flow in tuple(self.flows.values()):
            for gone in (each for each in flow.outputs if each.id == call.found.id):
                self._demand_as_found(call, gone)
                self._demand_adding(flow)
                self._put(replace(flow, outputs=tuple(each for each in flow.outputs if each is not gone)))

    def _start(self, flow: FoundFlow) -> None:
        if not flow.outputs:
            raise RejectedError("a flow without outputs is not started", field="OutputGroups")
        self._turn(flow, FlowState.RUNNING)

    def _stop(self, flow: FoundFlow, call: Stop) -> None:
        self._demand_as_found(call, flow)
        if call.found is not None and self._strangers(flow) - self._strangers(call.found):
            raise RejectedError(f"{call.key} has outputs of others that it had not when it was read")
        self._turn(flow, FlowState.IDLE)

    def _strangers(self, flow: FoundFlow) -> set[str]:
        return {output.id for output in flow.outputs if not ours(output.mark, self.owner)}

    def _demand_as_found(self, call: Edit | Delete | Stop, now: FoundFlow | FoundOutput) -> None:
        found = call.found
        adopts = isinstance(call, Edit) and not ours(call.found.mark, self.owner)
        if not (adopts or ours(now.mark, self.owner)):
            raise RejectedError(f"{call.key} is not ours any more")
        if found is None or (isinstance(call, Edit) and call.only_marks):
            return
        is_marked_otherwise = isinstance(call, Delete) and now.mark != found.mark
        if is_marked_otherwise or (now.id, said_of(now)) != (found.id, said_of(found)):
            raise RejectedError(f"{call.key} was changed since it was read")

    def _turn(self, flow: FoundFlow, state: FlowState) -> None:
        spec = None if flow.spec is None else replace(flow.spec, state=state)
        self._put(replace(flow, state=state, spec=spec))

    def _at(self, at: FlowAt) -> FoundFlow:
        flows = [flow for flow in self.flows.values() if (flow.region, flow.live_name) == (at.region, at.live_name)]
        if not flows:
            raise NotFoundError(f"no flow {at.live_name} in {at.region}")
        if len(flows) > 1:
            raise RejectedError(f"{len(flows)} flows in {at.region} bear the name {at.live_name}")
        return flows[0]

    def _put(self, flow: FoundFlow) -> None:
        self.flows[flow.id] = flow

    def _mark(self, wanted: Flow | Output, *, is_twin: bool) -> Mark:
        return Mark(
            owner=self.owner,
            name=wanted.key.name,
            secret_versions=secret_versions(wanted.spec),
            protected=wanted.care.protected,
            twin=is_twin,
        )


def _is_twin(found: FoundFlow | FoundOutput) -> bool:
    return found.mark is not None and found.mark.twin


def _unlisted(found: FoundOutput) -> FoundOutput:
    return found if found.spec is None else replace(found, spec=replace(found.spec, allowlist=None))
