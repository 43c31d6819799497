"""What the backend does when the API is unsure, slow, or has changed meanwhile; the rest is the contract's."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from reconciler.domain.changes import Call, Create, Delete, Edit, FlowAt, Start, Stop
from reconciler.domain.errors import GarbledError, NotFoundError, RejectedError, UnavailableError, WrongStateError
from reconciler.domain.impact import Impact
from reconciler.domain.marks import Mark, Owner
from reconciler.domain.model import FlowState, FoundOutput, Region
from reconciler.domain.properties import PropertyChange
from reconciler.streamlink.backend import STATE_DEADLINE_S, Service, StreamLinkBackend
from reconciler.streamlink.translate import encode
from tests.fakes.api import Received, Reply, ScriptedApi, client_of, refusal
from tests.fakes.clock import FakeClock
from tests.fakes.samples import REGION, SRT_CALLER, SRT_FLOW

pytestmark = pytest.mark.anyio

US = Owner("us")
AT = FlowAt(REGION, SRT_FLOW.live_name)
CREATE_FLOW = Create(key=SRT_FLOW.key, at=AT, wanted=SRT_FLOW)
CREATE_OUTPUT = Create(key=SRT_CALLER.key, at=AT, wanted=SRT_CALLER)
START, STOP = Start(key=SRT_FLOW.key, at=AT), Stop(key=SRT_FLOW.key, at=AT)
LOST: Reply = refusal("InternalError")
CHANGED = (PropertyChange(path="srt.latency", found=1, wanted=1000),)


def mark(name: str, owner: Owner = US) -> Mark:
    """Return a mark of this manifest."""
    return Mark(owner=owner, name=name)


def output_payload(owner: Owner = US, output_id: str = "o1") -> dict[str, Any]:
    """Return the sample's output as the API reads it back."""
    sent = encode.create_output("f1", SRT_CALLER, mark("caller", owner))["Output"]
    return {**sent, "OutputId": output_id}


def flow_payload(
    *outputs: dict[str, Any], owner: Owner = US, state: str = "IDLE", flow_id: str = "f1"
) -> dict[str, Any]:
    """Return the sample's flow as the API reads it back."""
    sent = encode.create_flow(SRT_FLOW, mark("srt_in", owner))
    inputs = [{**each, "InputId": "i1"} for each in sent["InputGroup"]]
    return {**sent, "FlowId": flow_id, "State": state, "InputGroup": inputs, "OutputGroup": list(outputs)}


def listed(*flows: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of a list."""
    return {"Infos": list(flows), "TotalNum": len(flows)}


def described(flow: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of a describe."""
    return {"Info": flow}


def backend_of(api: ScriptedApi, clock: FakeClock | None = None) -> StreamLinkBackend:
    """Return a backend on the scripted API."""
    clock = clock or FakeClock()
    return StreamLinkBackend(client_of(api, clock), owner=US, regions=None, clock=clock)


async def test_without_configured_regions_the_service_is_asked() -> None:
    """All regions are read, each once, sorted."""
    api = ScriptedApi(DescribeStreamLinkRegions={"Info": {"Regions": [{"Name": "b"}, {"Name": "a"}, {"Name": "b"}]}})

    assert await backend_of(api).regions() == (Region("a"), Region("b"))


REGIONS: Reply = {"Info": {"Regions": [{"Name": "away"}, {"Name": "local"}, {"Name": "mute"}]}}


def by_region(received: Received) -> dict[str, Any]:
    """Answer as a relay that keeps flows in one region, and cannot tell of another."""
    said = {"away": refusal("UnsupportedRegion"), "mute": refusal("InternalError")}
    return said.get(received.region, listed())


async def test_of_a_relay_only_the_regions_that_it_keeps_flows_in_are_read() -> None:
    """By its own word; one of which it cannot tell is read, and found to be unreadable."""
    api = ScriptedApi(DescribeStreamLinkRegions=REGIONS, DescribeStreamLinkFlows=by_region)
    clock = FakeClock()
    relay = StreamLinkBackend(
        client_of(api, clock), owner=US, regions=None, clock=clock, service=Service(called="relay", is_ours=True)
    )

    assert await relay.regions() == (Region("local"), Region("mute"))


async def test_of_an_account_every_region_is_read() -> None:
    """What it refuses to read there is never taken for nothing."""
    api = ScriptedApi(DescribeStreamLinkRegions=REGIONS, DescribeStreamLinkFlows=by_region)
    account = backend_of(api)

    assert await account.regions() == (Region("away"), Region("local"), Region("mute"))
    with pytest.raises(RejectedError):
        await account.observe(Region("away"))


async def test_the_name_tells_account_and_owner() -> None:
    """People see which account is meant, and nothing secret."""
    assert backend_of(ScriptedApi()).name == "StreamLink (mainland) at http://127.0.0.1:9, owner us"


async def test_the_planner_is_told_the_rate() -> None:
    """What a pass may send a second is the client's limit."""
    assert backend_of(ScriptedApi()).capabilities.calls_per_s == 15.0


async def test_a_flow_is_never_edited_into_an_output() -> None:
    """Such a call is our bug, and crashes."""
    found = FoundOutput(id="o1", live_name="caller", mark=None, spec=None)

    with pytest.raises(TypeError, match="another"):
        await backend_of(ScriptedApi()).apply(
            Edit(key=SRT_FLOW.key, at=AT, wanted=SRT_FLOW, found=found, differences=CHANGED, impact=Impact.NONE)
        )


async def test_a_create_that_never_left_is_not_looked_for() -> None:
    """Where nobody answers, nothing was made, and nothing more is asked."""
    api = ScriptedApi(CreateStreamLinkFlow=httpx.ConnectError("refused"))

    with pytest.raises(UnavailableError) as error:
        await backend_of(api).apply(CREATE_FLOW)

    assert not error.value.maybe_applied
    assert api.calls.keys() == {"CreateStreamLinkFlow"}


async def test_a_lost_create_of_a_flow_is_found_by_its_mark() -> None:
    """The answer was lost, the flow is there: it is ours, and it is not made twice."""
    api = ScriptedApi(CreateStreamLinkFlow=LOST, DescribeStreamLinkFlows=[listed(), listed(flow_payload())])

    await backend_of(api).apply(CREATE_FLOW)

    assert api.calls["CreateStreamLinkFlow"] == 1


async def test_a_lost_create_of_an_output_is_found_by_its_mark() -> None:
    """The same holds for an output, which is looked for in its flow."""
    api = ScriptedApi(
        DescribeStreamLinkFlows=listed(flow_payload()),
        CreateStreamLinkOutputInfo=LOST,
        DescribeStreamLinkFlow=[described(flow_payload()), described(flow_payload(output_payload()))],
    )

    await backend_of(api).apply(CREATE_OUTPUT)

    assert api.calls["CreateStreamLinkOutputInfo"] == 1


@pytest.mark.parametrize(
    "listing",
    [
        pytest.param(listed(), id="nothing of that name"),
        pytest.param(listed(flow_payload(owner=Owner("others"))), id="somebody else's of that name"),
        pytest.param(refusal("InternalError"), id="the list fails too"),
    ],
)
async def test_a_lost_create_that_is_not_found_stays_unknown(listing: Reply) -> None:
    """The caller is told that it may have been carried out, and observes again before anything else."""
    api = ScriptedApi(CreateStreamLinkFlow=LOST, DescribeStreamLinkFlows=listing)

    with pytest.raises(UnavailableError) as error:
        await backend_of(api).apply(CREATE_FLOW)

    assert error.value.maybe_applied
    assert error.value.code == "InternalError"
    assert api.calls["CreateStreamLinkFlow"] == 1


async def test_a_refused_create_is_not_looked_for() -> None:
    """What was refused was not made."""
    api = ScriptedApi(CreateStreamLinkFlow=refusal("InvalidParameter.Name"))

    with pytest.raises(RejectedError):
        await backend_of(api).apply(CREATE_FLOW)

    assert api.calls.total() == 1


async def test_a_flow_that_was_made_anew_elsewhere_is_found_again() -> None:
    """A remembered id that is gone is looked up again, once, by the name."""
    api = ScriptedApi(
        DescribeStreamLinkFlows=[listed(flow_payload()), listed(flow_payload(flow_id="f2"))],
        CreateStreamLinkOutputInfo=[refusal("InvalidParameter.Id"), {"Info": {}}],
    )

    await backend_of(api).apply(CREATE_OUTPUT)

    assert [payload["FlowId"] for payload in api.payloads("CreateStreamLinkOutputInfo")] == ["f1", "f2"]


@pytest.mark.parametrize(
    ("listing", "expected"),
    [
        pytest.param(listed(), NotFoundError, id="none"),
        pytest.param(listed(flow_payload(), flow_payload(flow_id="f2")), RejectedError, id="several"),
    ],
)
async def test_a_name_is_never_guessed(listing: Reply, expected: type[Exception]) -> None:
    """A name that nothing bears, or two things, is reported."""
    with pytest.raises(expected, match="srt_in"):
        await backend_of(ScriptedApi(DescribeStreamLinkFlows=listing)).apply(START)


def edit_of(api_flow: dict[str, Any], differences: tuple[PropertyChange, ...] = CHANGED) -> Callable[..., Any]:
    """Return a function that edits the sample's flow, found as the API has it."""

    async def apply(backend: StreamLinkBackend) -> None:
        (found,) = await backend.observe(REGION)
        assert found.id == api_flow["FlowId"]
        call = Edit(
            key=SRT_FLOW.key, at=AT, wanted=SRT_FLOW, found=found, differences=differences, impact=Impact.RECONNECT
        )
        await backend.apply(call)

    return apply


async def test_an_edit_starts_from_what_is_there_now() -> None:
    """What somebody set since the last pass goes back untouched."""
    fresh = flow_payload()
    fresh["InputGroup"][0]["SecurityGroupIds"] = ["set-meanwhile"]
    api = ScriptedApi(
        DescribeStreamLinkFlows=listed(flow_payload()),
        DescribeStreamLinkFlow=described(fresh),
        ModifyStreamLinkInput={"Info": {}},
    )

    await edit_of(flow_payload())(backend_of(api))

    assert api.payloads("ModifyStreamLinkInput")[0]["Input"]["SecurityGroupIds"] == ["set-meanwhile"]
    assert api.calls["ModifyStreamLinkFlow"] == 0


async def test_a_rename_alone_leaves_the_input() -> None:
    """One call, and nothing reconnects."""
    flow = flow_payload() | {"FlowName": "former"}
    api = ScriptedApi(
        DescribeStreamLinkFlows=listed(flow), DescribeStreamLinkFlow=described(flow), ModifyStreamLinkFlow={}
    )
    renamed = (PropertyChange(path="liveName", found="former", wanted="srt_in"),)

    await edit_of(flow, renamed)(backend_of(api))

    assert api.payloads("ModifyStreamLinkFlow") == [{"FlowId": "f1", "FlowName": "srt_in"}]
    assert api.calls["ModifyStreamLinkInput"] == 0


async def test_an_input_that_was_added_by_hand_meanwhile_stops_an_edit() -> None:
    """Which of two inputs a manifest means is not guessed."""
    fresh = flow_payload()
    fresh["InputGroup"] *= 2
    api = ScriptedApi(DescribeStreamLinkFlows=listed(flow_payload()), DescribeStreamLinkFlow=described(fresh))

    with pytest.raises(RejectedError, match="2 inputs"):
        await edit_of(flow_payload())(backend_of(api))


async def delete_flow(api: ScriptedApi) -> None:
    """Delete the sample's flow as it is listed first."""
    backend = backend_of(api)
    (found,) = await backend.observe(REGION)
    await backend.apply(Delete(key=SRT_FLOW.key, at=AT, found=found, impact=Impact.INTERRUPT))


async def test_a_delete_of_what_the_list_shows_no_more_is_done() -> None:
    """Absent is what was wanted."""
    api = ScriptedApi(
        DescribeStreamLinkFlows=[listed(flow_payload()), listed()],
        DescribeStreamLinkFlow=described(flow_payload()),
        DeleteStreamLinkFlow=refusal("InvalidParameter.Id"),
    )

    await delete_flow(api)

    assert api.calls["DeleteStreamLinkFlow"] == 1


async def test_a_delete_that_is_refused_while_the_flow_is_there_is_an_error() -> None:
    """The code for absent also means malformed, so the list has the last word."""
    api = ScriptedApi(
        DescribeStreamLinkFlows=listed(flow_payload()),
        DescribeStreamLinkFlow=described(flow_payload()),
        DeleteStreamLinkFlow=refusal("InvalidParameter.Id"),
    )

    with pytest.raises(NotFoundError):
        await delete_flow(api)


async def test_an_output_is_not_taken_for_gone_while_it_is_listed() -> None:
    """The same holds for outputs."""
    api = ScriptedApi(
        DescribeStreamLinkFlows=listed(flow_payload(output_payload())),
        DescribeStreamLinkFlow=described(flow_payload(output_payload())),
        DeleteStreamLinkOutput=refusal("InvalidParameter.OutputId"),
    )
    backend = backend_of(api)
    (found,) = await backend.observe(REGION)

    with pytest.raises(NotFoundError):
        await backend.apply(Delete(key=SRT_CALLER.key, at=AT, found=found.outputs[0], impact=Impact.INTERRUPT))


async def test_what_a_describe_does_not_show_is_not_deleted_while_it_is_listed() -> None:
    """Of what cannot be seen nobody knows whose it is, and nothing is sent."""
    api = ScriptedApi(
        DescribeStreamLinkFlows=listed(flow_payload(output_payload())),
        DescribeStreamLinkFlow=described(flow_payload()),
        DeleteStreamLinkOutput={},
    )
    backend = backend_of(api)
    (found,) = await backend.observe(REGION)

    with pytest.raises(NotFoundError):
        await backend.apply(Delete(key=SRT_CALLER.key, at=AT, found=found.outputs[0], impact=Impact.INTERRUPT))

    assert api.calls["DeleteStreamLinkOutput"] == 0


async def test_a_delete_costs_one_look() -> None:
    """The flow is read once right before, and that is all."""
    whole = flow_payload(output_payload())
    api = ScriptedApi(
        DescribeStreamLinkFlows=listed(whole), DescribeStreamLinkFlow=described(whole), DeleteStreamLinkOutput={}
    )
    backend = backend_of(api)
    (found,) = await backend.observe(REGION)

    await backend.apply(Delete(key=SRT_CALLER.key, at=AT, found=found.outputs[0], impact=Impact.INTERRUPT))

    assert api.calls == {"DescribeStreamLinkFlows": 1, "DescribeStreamLinkFlow": 1, "DeleteStreamLinkOutput": 1}


async def test_a_delete_without_a_look_is_not_sent() -> None:
    """Where the flow cannot be read, nothing was done, and nothing is in doubt."""
    api = ScriptedApi(
        DescribeStreamLinkFlows=listed(flow_payload()),
        DescribeStreamLinkFlow=refusal("InternalError"),
        DeleteStreamLinkFlow={},
    )

    with pytest.raises(UnavailableError) as error:
        await delete_flow(api)

    assert not error.value.maybe_applied
    assert api.calls["DeleteStreamLinkFlow"] == 0


async def test_a_start_is_waited_for() -> None:
    """No task is returned, so the state is read until it shows."""
    idle, running = described(flow_payload()), described(flow_payload(state="RUNNING"))
    api = ScriptedApi(
        DescribeStreamLinkFlows=listed(flow_payload()),
        StartStreamLinkFlow={},
        DescribeStreamLinkFlow=[idle, idle, running],
    )

    await backend_of(api).apply(START)

    assert api.calls == {"DescribeStreamLinkFlows": 1, "StartStreamLinkFlow": 1, "DescribeStreamLinkFlow": 3}


async def test_a_start_that_never_shows_is_given_up() -> None:
    """After a bounded time the caller is told that nothing is certain."""
    clock = FakeClock()
    api = ScriptedApi(
        DescribeStreamLinkFlows=listed(flow_payload()),
        StartStreamLinkFlow={},
        DescribeStreamLinkFlow=described(flow_payload()),
    )

    with pytest.raises(UnavailableError, match="running") as error:
        await backend_of(api, clock).apply(START)

    assert error.value.maybe_applied
    assert STATE_DEADLINE_S <= clock.monotonic_s() <= STATE_DEADLINE_S + 2


@pytest.mark.parametrize("reply", [refusal("InvalidParameter.State"), refusal("InternalError")])
@pytest.mark.parametrize(("call", "state"), [(START, FlowState.RUNNING), (STOP, FlowState.IDLE)])
async def test_a_turn_that_was_made_already_is_done(reply: Reply, call: Call, state: FlowState) -> None:
    """A refusal for the state, and a lost answer, are settled by what the state is."""
    shown = "RUNNING" if state is FlowState.RUNNING else "IDLE"
    api = ScriptedApi(
        DescribeStreamLinkFlows=listed(flow_payload()),
        StartStreamLinkFlow=reply,
        StopStreamLinkFlow=reply,
        DescribeStreamLinkFlow=described(flow_payload(state=shown)),
    )

    await backend_of(api).apply(call)

    assert api.calls["StartStreamLinkFlow"] + api.calls["StopStreamLinkFlow"] == 1


@pytest.mark.parametrize("state", [described(flow_payload()), refusal("InternalError")])
async def test_a_start_that_is_refused_for_the_state_stays_refused(state: Reply) -> None:
    """Unless the flow is known to run, the refusal stands."""
    api = ScriptedApi(
        DescribeStreamLinkFlows=listed(flow_payload()),
        StartStreamLinkFlow=refusal("InvalidParameter.State"),
        DescribeStreamLinkFlow=state,
    )

    with pytest.raises(WrongStateError):
        await backend_of(api).apply(START)


async def test_the_status_is_read_whatever_the_service_leaves_out() -> None:
    """Words in any case, and numbers that are null."""
    ends = [
        {
            "Type": "Input",
            "InputId": "i",
            "CommonStatus": {"State": "connected", "Bitrate": 5_000_000, "ConnectedTime": 9},
        },
        {"Type": "Output", "OutputId": "o", "CommonStatus": {"State": "Waiting", "Bitrate": None, "Reconnections": 2}},
    ]
    api = ScriptedApi(DescribeStreamLinkFlowRealtimeStatus={"Datas": ends})

    first, second = await backend_of(api).status(REGION, "f1")

    assert (first.id, first.is_input, first.state, first.bitrate_bps, first.connected_ms) == (
        "i",
        True,
        "Connected",
        5_000_000,
        9,
    )
    assert (second.id, second.is_input, second.state, second.bitrate_bps, second.reconnections) == (
        "o",
        False,
        "Waiting",
        0,
        2,
    )


async def test_a_garbled_describe_is_no_edit() -> None:
    """Nothing is written from an answer that should not be."""

    def garbled(received: Received) -> Any:
        return {"Info": {"FlowId": received.payload["FlowId"], "InputGroup": "x"}}

    api = ScriptedApi(DescribeStreamLinkFlows=listed(flow_payload()), DescribeStreamLinkFlow=garbled)

    with pytest.raises(GarbledError):
        await edit_of(flow_payload())(backend_of(api))

    assert api.calls["ModifyStreamLinkInput"] == 0
