"""The backend over the StreamLink API, in either profile: a cloud account, or a relay."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeVar

from reconciler.domain.changes import Call, Create, Delete, Edit, FlowAt, Start, Stop
from reconciler.domain.errors import (
    BackendError,
    NotFoundError,
    RejectedError,
    UnavailableError,
    WrongStateError,
)
from reconciler.domain.impact import Capabilities, EditRules, stricter
from reconciler.domain.marks import Mark, Owner
from reconciler.domain.model import Flow, FlowState, FoundFlow, FoundOutput, Key, Output, OutputKey, Region
from reconciler.domain.resolution import secret_versions
from reconciler.ports.backend import Applied, EndEvent, EndStatus
from reconciler.ports.clock import Clock
from reconciler.streamlink.as_found import demand_as_found
from reconciler.streamlink.client import StreamLinkClient
from reconciler.streamlink.codes import Code
from reconciler.streamlink.flow_ids import FlowIds
from reconciler.streamlink.listing import FlowList
from reconciler.streamlink.reading import Members
from reconciler.streamlink.settling import settle
from reconciler.streamlink.translate import decode, edit, encode, health
from reconciler.streamlink.wire import PRODUCTS, Payload

if TYPE_CHECKING:
    from reconciler.streamlink.answers import Answer

STATE_DEADLINE_S: Final = 30.0
"""How long a start or stop may take to show. No task is returned, so the state is what there is to wait for."""
_FIRST_LOOK_S: Final = 0.1
_LONGEST_LOOK_S: Final = 2.0

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What is known of a service beforehand."""

    called: str = ""
    """What people call it; "" for StreamLink and the profile's name."""
    is_ours: bool = False
    """Whether it is a relay, which edits everything live unless it was told otherwise."""
    rules: EditRules | None = None
    """What it lets be edited while a flow runs; None where nobody knows, and a refusal teaches."""


UNKNOWN: Final = Service()


class StreamLinkBackend:
    """
    Implements `ports.backend.Backend` with the API's actions.

    Objects are known by name; ids are a cache. An edit reads the object and sends back what is not managed; edits,
    deletes and stops are sent only where it is as it was found. A create is sent once; when its outcome is unknown the
    object is looked for, and taken as made when it bears our mark.
    """

    def __init__(
        self,
        client: StreamLinkClient,
        *,
        owner: Owner,
        regions: tuple[Region, ...] | None,
        clock: Clock,
        service: Service = UNKNOWN,
    ) -> None:
        """
        Serve one account.

        Args:
            client: calls its API; closed with this backend.
            owner: whose mark made objects bear.
            regions: those that a pass reads; None for all that the service has.
            clock: the time, for waiting until a state shows.
            service: what is known of it beforehand.

        """
        self._client = client
        self._called = service.called or f"StreamLink ({client.settings.profile})"
        self._owner = owner
        self._regions = regions
        self._clock = clock
        self._rules = service.rules or EditRules.LIVE_2023
        self._is_ours = service.is_ours
        self._is_certain = service.rules is not None or service.is_ours
        self._list = FlowList(client)
        self._ids = FlowIds()

    @property
    def client(self) -> StreamLinkClient:
        """Return what calls the account's API, for whoever looks at the way there."""
        return self._client

    @property
    def name(self) -> str:
        """Say which account this is."""
        return f"{self._called} at {self._client.endpoint}, owner {self._owner}"

    @property
    def capabilities(self) -> Capabilities:
        """Return what the API can change in place, and how often it is called."""
        return Capabilities(
            rules=self._rules, is_certain=self._is_certain, calls_per_s=self._client.settings.rate_per_s
        )

    async def regions(self) -> tuple[Region, ...]:
        """
        Return the configured regions, else all of the service, sorted.

        A relay lists every region that an output may be in, and keeps flows in a few of them. Where it says itself
        that it keeps none nothing is read; whatever else comes of asking, the region is one to be read.
        """
        if self._regions is not None:
            return tuple(sorted(self._regions))
        home = PRODUCTS[self._client.settings.profile].home
        answer = await self._client.call("DescribeStreamLinkRegions", {}, region=home)
        listed = Members(answer.response, "answer").inner("Info").objects("Regions")
        regions = sorted({Region(each.text("Name")) for each in listed} - {Region("")})
        if not self._is_ours:
            return tuple(regions)
        keeps = await asyncio.gather(*map(self._keeps_flows, regions))
        return tuple(region for region, is_kept in zip(regions, keeps, strict=True) if is_kept)

    async def observe(self, region: Region) -> tuple[FoundFlow, ...]:
        """Return all flows of the region."""
        flows = await self._list.read(region)
        self._ids.rebuild(region, flows)
        return flows

    async def apply(self, call: Call) -> Applied:
        """Make one call, as the port says."""
        try:
            return Applied(request_id=await self._send(call))
        except WrongStateError as error:
            raise await self._taught(call, error) from error

    async def status(self, region: Region, flow_id: str) -> tuple[EndStatus, ...]:
        """Return the realtime status of the flow's input and of each output."""
        answer = await self._client.call("DescribeStreamLinkFlowRealtimeStatus", {"FlowId": flow_id}, region=region)
        return tuple(health.end_status(each) for each in Members(answer.response, "answer").objects("Datas"))

    async def events(self, region: Region, flow_id: str, *, since: datetime, until: datetime) -> tuple[EndEvent, ...]:
        """Return one page of the flow's log."""
        request = health.log_request(flow_id, since, until)
        answer = await self._client.call("DescribeStreamLinkFlowLogs", request, region=region)
        return tuple(map(health.end_event, Members(answer.response, "answer").objects("Infos")))

    async def sessions(self, region: Region, flow_id: str, end: EndStatus, *, at: datetime) -> int:
        """Return how many sessions the newest statistics name; of both destinations where an output has two."""
        count = 0
        for pipeline in health.pipelines_of(end):
            request = health.sessions_request(flow_id, end, at, pipeline)
            answer = await self._client.call("DescribeStreamLinkFlowStatistics", request, region=region)
            count += health.newest_sessions(Members(answer.response, "answer"))
        return count

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.close()

    async def _keeps_flows(self, region: Region) -> bool:
        """Return whether a relay keeps flows in a region; only its own word is a no."""
        try:
            await self._client.call("DescribeStreamLinkFlows", {"PageNum": 1, "PageSize": 1}, region=region)
        except BackendError as error:
            return error.code != Code.UNSUPPORTED_REGION
        return True

    async def _taught(self, call: Call, error: WrongStateError) -> WrongStateError:
        """Return the refusal of a live change with what it teaches of this account; any other one as it is."""
        edited, adds_or_removes = _refused_live(call)
        if not (edited or adds_or_removes) or not await self._runs(call.at):
            return error
        self._rules, self._is_certain = stricter(self._rules, edited, adds_or_removes=adds_or_removes), True
        message = (
            f"{error} This account is taken for one with the edit rules {self._rules} from now on: what it changes "
            "only while a flow stands still waits until nothing is on air, or for an approval"
        )
        return WrongStateError(message, code=error.code, request_id=error.request_id)

    async def _runs(self, at: FlowAt) -> bool:
        """Return whether a flow is known to run: what is refused while it turns, or stands still, teaches nothing."""
        try:
            flow_id = await self._flow_id(at)
        except BackendError:
            return False
        return await self._shows(at.region, flow_id, FlowState.RUNNING)

    async def _send(self, call: Call) -> str:
        match call:
            case Create():
                return await self._create(call)
            case Edit():
                return await self._edit(call)
            case Delete():
                return await self._delete(call)
            case Start():
                return await self._turn(call, FlowState.RUNNING)
            case Stop():
                return await self._turn(call, FlowState.IDLE)

    async def _create(self, call: Create) -> str:
        wanted, region = call.wanted, call.at.region
        if isinstance(wanted, Flow):
            return await self._create_flow(call.at, wanted, self._mark(wanted, is_twin=call.is_twin))
        mark = self._mark(wanted, is_twin=call.is_twin)
        return await self._on_flow(call.at, lambda flow_id: self._create_output(region, flow_id, wanted, mark))

    async def _edit(self, call: Edit) -> str:
        match call.wanted, call.found:
            case Flow() as flow, FoundFlow() as found:
                return await self._edit_flow(call, flow, found)
            case Output() as output, FoundOutput(id=output_id):
                return await self._on_flow(call.at, lambda id_: self._edit_output(call, id_, output, output_id))
            case _:
                msg = f"{call.key} is wanted as one kind and found as another"
                raise TypeError(msg)

    async def _delete(self, call: Delete) -> str:
        if isinstance(call.found, FoundFlow):
            return await self._delete_flow(call, call.found)
        return await self._delete_output(call, call.found)

    async def _create_flow(self, at: FlowAt, flow: Flow, mark: Mark) -> str:
        name, request = "CreateStreamLinkFlow", encode.create_flow(flow, mark)
        try:
            answer = await self._client.call(name, request, region=at.region)
        except UnavailableError as error:
            await settle(error, action=name, is_done=lambda: self._has_flow(at.region, flow), clock=self._clock)
            return error.request_id
        flow_id = Members(answer.response, "answer").inner("Info").text("FlowId")
        if flow_id:
            self._ids.add(FlowAt(at.region, flow.live_name), flow_id)
        return answer.request_id

    async def _has_flow(self, region: Region, flow: Flow) -> bool:
        return any(self._is(flow.key, flow.live_name, each) for each in await self.observe(region))

    async def _create_output(self, region: Region, flow_id: str, output: Output, mark: Mark) -> str:
        name, request = "CreateStreamLinkOutputInfo", encode.create_output(flow_id, output, mark)
        try:
            answer = await self._client.call(name, request, region=region)
        except UnavailableError as error:
            await settle(
                error, action=name, is_done=lambda: self._has_output(region, flow_id, output), clock=self._clock
            )
            return error.request_id
        return answer.request_id

    async def _has_output(self, region: Region, flow_id: str, output: Output) -> bool:
        there = (await self._flow(region, flow_id)).outputs
        return any(self._is(output.key, output.live_name, each) for each in there)

    def _is(self, key: Key, live_name: str, found: FoundFlow | FoundOutput) -> bool:
        """Return whether the object is the one that we would have made."""
        mark = found.mark
        return found.live_name == live_name and mark is not None and (mark.owner, mark.name) == (self._owner, key.name)

    async def _edit_flow(self, call: Edit, flow: Flow, found: FoundFlow) -> str:
        """Edit the input, then the name: a rename that fails leaves a flow that is still found."""
        region, request_id = call.at.region, ""
        fresh = Members(await self._describe(region, found.id), "flow")
        inputs, is_renamed_alone = fresh.objects("InputGroup"), {one.path for one in call.differences} == {"liveName"}
        if len(inputs) != 1 and not is_renamed_alone:
            raise RejectedError(f"{call.key} has {len(inputs)} inputs by now, and manifests describe one.")
        demand_as_found(call, decode.flow(fresh.payload, region), owner=self._owner)
        if not is_renamed_alone:
            profile = self._client.settings.profile
            write = edit.mark_input if call.only_marks else edit.modify_input
            request = write(found.id, inputs[0].payload, flow, self._mark(flow), profile)
            request_id = (await self._client.call("ModifyStreamLinkInput", request, region=region)).request_id
        if not call.only_marks and fresh.text("FlowName") != flow.live_name:
            request = {"FlowId": found.id, "FlowName": flow.live_name}
            request_id = (await self._client.call("ModifyStreamLinkFlow", request, region=region)).request_id
            self._ids.add(FlowAt(region, flow.live_name), found.id)
        return request_id

    async def _edit_output(self, call: Edit, flow_id: str, output: Output, output_id: str) -> str:
        region = call.at.region
        fresh = Members(await self._describe(region, flow_id), "flow")
        found = next((each for each in fresh.objects("OutputGroup") if each.text("OutputId") == output_id), None)
        if found is None:
            raise NotFoundError(f"{output.key} is gone from the backend since it was read.")
        now = decode.flow(fresh.payload, region)
        demand_as_found(call, next(each for each in now.outputs if each.id == output_id), owner=self._owner)
        profile = self._client.settings.profile
        write = edit.mark_output if call.only_marks else edit.modify_output
        request = write(flow_id, found.payload, output, self._mark(output), profile)
        return (await self._client.call("ModifyStreamLinkOutputInfo", request, region=region)).request_id

    async def _delete_flow(self, call: Delete, found: FoundFlow) -> str:
        region = call.at.region
        try:
            demand_as_found(call, await self._flow(region, found.id), owner=self._owner)
            answer = await self._client.call("DeleteStreamLinkFlow", {"FlowId": found.id}, region=region)
            request_id = answer.request_id
        except NotFoundError as error:
            # The code also means a malformed id: only a list says that the flow is gone.
            if any(each.id == found.id for each in await self.observe(region)):
                raise
            request_id = error.request_id
        self._ids.forget(found.id)
        return request_id

    async def _delete_output(self, call: Delete, found: FoundOutput) -> str:
        at = call.at
        try:
            flow_id = await self._flow_id(at)
            demand_as_found(call, await self._output(call, flow_id, found.id), owner=self._owner)
            request = {"FlowId": flow_id, "OutputId": found.id}
            return (await self._client.call("DeleteStreamLinkOutput", request, region=at.region)).request_id
        except NotFoundError as error:
            flows = await self.observe(at.region)
            if any(output.id == found.id for flow in flows for output in flow.outputs):
                raise
            return error.request_id

    async def _turn(self, call: Start | Stop, wanted: FlowState) -> str:
        """Start or stop a flow, and wait until it shows."""
        at = call.at
        name = "StartStreamLinkFlow" if wanted is FlowState.RUNNING else "StopStreamLinkFlow"

        async def turn(flow_id: str) -> str:
            if isinstance(call, Stop):
                demand_as_found(call, await self._flow(at.region, flow_id), owner=self._owner)
            try:
                request_id = (await self._client.call(name, {"FlowId": flow_id}, region=at.region)).request_id
            except (WrongStateError, UnavailableError) as error:
                # Refused because it is so already, or done although the answer was lost: the state tells.
                if not await self._shows(at.region, flow_id, wanted):
                    raise
                return error.request_id
            await self._wait_until(at.region, flow_id, wanted)
            return request_id

        return await self._on_flow(at, turn)

    async def _shows(self, region: Region, flow_id: str, wanted: FlowState) -> bool:
        """Return whether the flow is known to be in the state; not, when it cannot be read."""
        try:
            return decode.state_of(await self._describe(region, flow_id)) is wanted
        except BackendError:
            return False

    async def _wait_until(self, region: Region, flow_id: str, wanted: FlowState) -> None:
        ends_at_s = self._clock.monotonic_s() + STATE_DEADLINE_S
        pause_s = _FIRST_LOOK_S
        while decode.state_of(await self._describe(region, flow_id)) is not wanted:
            if self._clock.monotonic_s() >= ends_at_s:
                message = f"The flow was told to be {wanted} and does not show it after {STATE_DEADLINE_S:g} s."
                raise UnavailableError(message, maybe_applied=True)
            await self._clock.sleep(pause_s)
            pause_s = min(_LONGEST_LOOK_S, pause_s * 2)

    async def _flow(self, region: Region, flow_id: str) -> FoundFlow:
        return decode.flow(await self._describe(region, flow_id), region)

    async def _output(self, call: Delete, flow_id: str, output_id: str) -> FoundOutput:
        there = (await self._flow(call.at.region, flow_id)).outputs
        found = next((each for each in there if each.id == output_id), None)
        if found is None:
            raise NotFoundError(f"{call.key} is gone from the backend since it was read.")
        return found

    async def _describe(self, region: Region, flow_id: str) -> Payload:
        answer: Answer = await self._client.call("DescribeStreamLinkFlow", {"FlowId": flow_id}, region=region)
        return Members(answer.response, "answer").inner("Info").payload

    async def _on_flow(self, at: FlowAt, use: Callable[[str], Awaitable[_Result]]) -> _Result:
        """Do something with the flow of this name; once more when its id turns out to be of a former one."""
        flow_id = await self._flow_id(at)
        try:
            return await use(flow_id)
        except NotFoundError:
            await self.observe(at.region)
            if self._ids.of(at) in (frozenset(), {flow_id}):
                raise
        return await use(await self._flow_id(at))

    async def _flow_id(self, at: FlowAt) -> str:
        """
        Return the id of the flow with this name.

        Raises:
            NotFoundError: there is none.
            RejectedError: there are several, and none is guessed.

        """
        if len(self._ids.of(at)) != 1:
            await self.observe(at.region)
        ids = sorted(self._ids.of(at))
        if not ids:
            raise NotFoundError(f"No flow in {at.region} bears the name {at.live_name!r}.")
        if len(ids) > 1:
            raise RejectedError(f"{len(ids)} flows in {at.region} bear the name {at.live_name!r}: {', '.join(ids)}.")
        return ids[0]

    def _mark(self, wanted: Flow | Output, *, is_twin: bool = False) -> Mark:
        return Mark(
            owner=self._owner,
            name=wanted.key.name,
            secret_versions=secret_versions(wanted.spec),
            protected=wanted.care.protected,
            twin=is_twin,
        )


def _refused_live(call: Call) -> tuple[tuple[str, ...], bool]:
    """Return what a call edits that some account may not take live, and whether it makes or deletes an output."""
    if isinstance(call, Edit):
        # The name of a flow is no part of its input: no generation wants it stopped for a new one.
        hot = {"liveName"} if isinstance(call.wanted, Flow) else set()
        return tuple(change.path for change in call.differences if change.path not in hot), False
    return (), isinstance(call, Create | Delete) and isinstance(call.key, OutputKey)
