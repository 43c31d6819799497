"""The life of a flow at the API."""

import asyncio
import re
from typing import Any

import pytest

from tests.unit.relay.calling import Api, Json, output, srt_input, srt_output

pytestmark = pytest.mark.anyio

FLOW_MEMBERS = {
    "FlowId",
    "FlowName",
    "State",
    "MaxBandwidth",
    "InputGroup",
    "OutputGroup",
    "EventId",
    "Region",
    "AllowedInputProtocols",
    "AllowedOutputProtocols",
}


async def test_a_flow_is_made_whole_in_one_call(api: Api) -> None:
    """A flow comes with its input and outputs, idle, with ids of the vendor's form."""
    flow = await api.create_flow(OutputGroup=[srt_output("tower"), srt_output("spare")])

    assert flow.keys() == FLOW_MEMBERS
    assert (flow["FlowName"], flow["State"], flow["Region"]) == ("news", "IDLE", "ap-singapore")
    assert [made["OutputName"] for made in flow["OutputGroup"]] == ["tower", "spare"]
    ids = [flow["FlowId"], flow["InputGroup"][0]["InputId"], *(made["OutputId"] for made in flow["OutputGroup"])]
    assert all(re.fullmatch(r"[0-9a-f]{28}", made) for made in ids)
    assert ids == sorted(set(ids))
    assert int(flow["FlowId"][:12], 16) == 1_700_000_000_000


async def test_what_was_made_is_what_is_read(api: Api) -> None:
    """Create, Describe and the list say the same of a flow."""
    flow = await api.create_flow(OutputGroup=[srt_output()])

    described = await api.describe(flow)
    listed = (await api.done("DescribeStreamLinkFlows"))["Infos"]

    assert described == flow
    assert listed == [flow]


async def test_a_flow_may_wait_for_its_input(api: Api) -> None:
    """A flow is made without an input, gets one later, and never a second."""
    flow = await api.create_flow(InputGroup=[])

    early = await api.code("CreateStreamLinkOutputInfo", {"FlowId": flow["FlowId"], "Output": srt_output()})
    made = (await api.done("CreateStreamLinkInput", {"FlowId": flow["FlowId"], "InputGroup": [srt_input()]}))["Info"]
    second = await api.code("CreateStreamLinkInput", {"FlowId": flow["FlowId"], "InputGroup": [srt_input()]})

    assert early == "InvalidParameter.Protocol"
    assert made["InputGroup"][0]["InputName"] == "camera"
    assert second == "InvalidParameter.ExceededQuantityLimit"


@pytest.mark.parametrize(
    ("members", "code"),
    [
        pytest.param({"MaxBandwidth": 10}, "InvalidParameter.MaxBandwidth", id="a bandwidth that is not sold"),
        pytest.param({"MaxBandwidth": None}, "MissingParameter", id="no bandwidth"),
        pytest.param({"FlowName": ""}, "InvalidParameter.Name", id="no name"),
        pytest.param({"EventId": "e"}, "UnknownParameter", id="events are not served"),
        pytest.param(
            {"InputGroup": [srt_input(), srt_input()]}, "InvalidParameter.ExceededQuantityLimit", id="two inputs"
        ),
        pytest.param({"OutputGroup": [output("a", "RTP")]}, "InvalidParameter.Output", id="an output without settings"),
    ],
)
async def test_a_flow_that_cannot_be_is_not_made(api: Api, members: Json, code: str) -> None:
    """A refused create leaves nothing behind, not even a port."""
    payload = {"FlowName": "news", "MaxBandwidth": 10_000_000, "InputGroup": [srt_input()], **members}

    refused = await api.code("CreateStreamLinkFlow", payload)

    assert refused == code
    assert (await api.done("DescribeStreamLinkFlows"))["TotalNum"] == 0


async def test_two_flows_of_one_name_are_not_told_apart_and_not_made(api: Api) -> None:
    """Names are unique in a region, at a create as at a rename; another region has names of its own."""
    first = await api.create_flow()
    other = await api.create_flow(FlowName="sport")
    payload = {"FlowName": "news", "MaxBandwidth": 10_000_000}

    assert await api.code("CreateStreamLinkFlow", payload) == "InvalidParameter.Name"
    assert await api.code("CreateStreamLinkFlow", payload, region="eu-frankfurt") == ""
    rename = {"FlowId": other["FlowId"], "FlowName": "news"}
    assert await api.code("ModifyStreamLinkFlow", rename) == "InvalidParameter.Name"
    assert await api.code("ModifyStreamLinkFlow", {**rename, "FlowId": first["FlowId"]}) == ""


async def test_of_two_creates_at_once_one_gets_the_name(api: Api) -> None:
    """Calls that overlap do not slip past each other's check."""
    payload = {"FlowName": "news", "MaxBandwidth": 10_000_000}

    codes = await asyncio.gather(*(api.code("CreateStreamLinkFlow", payload) for _ in range(5)))

    assert sorted(codes) == ["", *["InvalidParameter.Name"] * 4]


async def test_a_flow_is_renamed_while_it_runs(api: Api) -> None:
    """Only the name changes."""
    flow = await api.create_flow(OutputGroup=[srt_output()])
    await api.done("StartStreamLinkFlow", {"FlowId": flow["FlowId"]})

    await api.done("ModifyStreamLinkFlow", {"FlowId": flow["FlowId"], "FlowName": "nightly"})

    assert await api.describe(flow) == {**flow, "FlowName": "nightly", "State": "RUNNING"}


async def test_a_flow_is_started_stopped_and_deleted(api: Api) -> None:
    """Each step is refused in the wrong state, and a deleted flow is gone with its ends."""
    flow = await api.create_flow(OutputGroup=[srt_output()])
    named = {"FlowId": flow["FlowId"]}

    codes = [
        await api.code(f"{verb}StreamLinkFlow", named)
        for verb in ("Stop", "Start", "Start", "Delete", "Stop", "Delete", "Delete", "Describe")
    ]

    state, gone = "InvalidParameter.State", "InvalidParameter.Id"
    assert codes == [state, "", state, state, "", "", gone, gone]


async def test_a_flow_without_outputs_is_not_started(api: Api) -> None:
    """There is nowhere to send it."""
    flow = await api.create_flow()

    refused = await api.code("StartStreamLinkFlow", {"FlowId": flow["FlowId"]})

    assert refused == "InvalidParameter.OutputGroups"


async def test_a_flow_lives_in_one_region(api: Api) -> None:
    """From another region it is neither listed nor found."""
    flow = await api.create_flow()

    listed = await api.done("DescribeStreamLinkFlows", region="eu-frankfurt")
    found = await api.code("DescribeStreamLinkFlow", {"FlowId": flow["FlowId"]}, region="eu-frankfurt")

    assert (listed["TotalNum"], found) == (0, "InvalidParameter.Id")


async def test_the_list_comes_in_pages(api: Api) -> None:
    """Ten a page unless asked otherwise, in the order of creation; a page after the last is empty."""
    names = [f"flow_{number}" for number in range(12)]
    for name in names:
        await api.create_flow(FlowName=name)

    first = await api.done("DescribeStreamLinkFlows")
    second = await api.done("DescribeStreamLinkFlows", {"PageNum": 2})
    beyond = await api.done("DescribeStreamLinkFlows", {"PageNum": 9, "PageSize": 100})

    assert [flow["FlowName"] for flow in (*first["Infos"], *second["Infos"])] == names
    assert {member: first[member] for member in ("PageNum", "PageSize", "TotalNum", "TotalPage")} == {
        "PageNum": 1,
        "PageSize": 10,
        "TotalNum": 12,
        "TotalPage": 2,
    }
    assert beyond["Infos"] == []
    assert await api.code("DescribeStreamLinkFlows", {"PageSize": 101}) == "InvalidParameter.PageSize"


async def test_the_international_product_tells_and_takes_less(api: Api) -> None:
    """Its flows have no region and no allowed protocols, its create no output group; its inputs tell of failover."""
    flow = await api.create_flow(InputGroup=[{**srt_input(), "FailOverOption": {"FailOverType": "HOTSTANDBY"}}])
    wanted = {"FlowName": "x", "MaxBandwidth": 10_000_000, "OutputGroup": []}
    output_kind = {**srt_output(), "OutputKind": "Pinpoint"}

    described = (await api.done("DescribeStreamLinkFlow", {"FlowId": flow["FlowId"]}, service="mdc"))["Info"]

    assert described.keys() == FLOW_MEMBERS - {"Region", "AllowedInputProtocols", "AllowedOutputProtocols"}
    assert described["InputGroup"][0]["FailOverOption"] == {"FailOverType": "HOTSTANDBY"}
    assert "FailOverOption" not in flow["InputGroup"][0]
    assert await api.code("CreateStreamLinkFlow", wanted, service="mdc") == "UnknownParameter"
    created = await api.code(
        "CreateStreamLinkOutputInfo", {"FlowId": flow["FlowId"], "Output": output_kind}, service="mdc"
    )
    assert created == "UnknownParameter"


async def test_the_account_names_its_regions_before_one_is_chosen(api: Api) -> None:
    """The regions are told in any known region, those of other relays included; the service is active."""
    regions = await api.done("DescribeStreamLinkRegions", region="na-ashburn")
    state = await api.done("DescribeStreamLinkActivateState")

    assert regions["Info"] == {"Regions": [{"Name": "ap-singapore"}, {"Name": "eu-frankfurt"}, {"Name": "na-ashburn"}]}
    assert state["Status"] == 0


@pytest.mark.parametrize("action", ["DescribeStreamLinkFlow", "StartStreamLinkFlow", "StopStreamLinkFlow"])
@pytest.mark.parametrize(
    ("payload", "code"),
    [
        pytest.param({}, "MissingParameter", id="no id"),
        pytest.param({"FlowId": None}, "MissingParameter", id="a null"),
        pytest.param({"FlowId": ""}, "InvalidParameter.Id", id="an empty id"),
        pytest.param({"FlowId": "0" * 28}, "InvalidParameter.Id", id="nobody's id"),
        pytest.param({"FlowId": 7}, "InvalidParameter", id="a number"),
    ],
)
async def test_a_flow_that_is_not_there_is_not_found(api: Api, action: str, payload: Any, code: str) -> None:
    """A flow is named by its id, and by nothing else."""
    assert await api.code(action, payload) == code
