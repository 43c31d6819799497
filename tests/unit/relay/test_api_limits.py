"""Ceilings: what is above one is refused with its number and the option that sets it, and changes nothing."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.domain.errors import EnvironmentFailedError
from reconciler.relay.limits import Limits, demand_descriptors
from tests.unit.relay.calling import Api, Json, make_plane, output, srt_input, srt_output

pytestmark = pytest.mark.anyio

LIST = "DescribeStreamLinkFlows"
LIMITS = Limits(flows=2, outputs=2, request_bytes=64)


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """Speak to a control plane that takes on little."""
    speaking = Api(replace(await make_plane(tmp_path, ports=range(29_900, 29_902)), limits=LIMITS))
    yield speaking
    await speaking.close()
    await speaking.plane.carriage.close()
    await speaking.plane.catalogue.close()


def with_room_for_bodies(api: Api) -> Api:
    """Return the same, for requests of any size."""
    return Api(replace(api.plane, limits=replace(LIMITS, request_bytes=10_000)))


def flow(name: str, *outputs: Json) -> Json:
    """Return a flow whose ends need no ports but the outputs' own."""
    caller = {"Mode": "CALLER", "SourceAddresses": [{"Ip": "127.0.0.1", "Port": 9}]}
    return {
        "FlowName": name,
        "MaxBandwidth": 10_000_000,
        "InputGroup": [srt_input(**caller)],
        "OutputGroup": list(outputs),
    }


def push(name: str) -> Json:
    """Return an output that needs no port."""
    settings = {"Destinations": [{"Url": f"rtmp://127.0.0.1:9/{name}", "StreamKey": "k"}]}
    return output(name, "RTMP", RTMPSettings=settings)


async def test_flows(api: Api) -> None:
    """Of all regions together; who deletes one has room for another."""
    api = with_room_for_bodies(api)
    made = (await api.done("CreateStreamLinkFlow", flow("one")))["Info"]
    await api.done("CreateStreamLinkFlow", flow("two"), region="eu-frankfurt")

    refused = (await api.call("CreateStreamLinkFlow", flow("three")))["Error"]
    await api.done("DeleteStreamLinkFlow", {"FlowId": made["FlowId"]})
    await api.done("CreateStreamLinkFlow", flow("three"))

    assert refused["Code"] == "InvalidParameter.ExceededQuantityLimit"
    assert "at most 2 flows" in refused["Message"]
    assert "--max-flows" in refused["Message"]


async def test_outputs_of_a_flow(api: Api) -> None:
    """One by one, and all at once with their flow."""
    api = with_room_for_bodies(api)
    made = (await api.done("CreateStreamLinkFlow", flow("one", push("a"), push("b"))))["Info"]

    one_more = (await api.call("CreateStreamLinkOutputInfo", {"FlowId": made["FlowId"], "Output": push("c")}))["Error"]
    at_once = await api.code("CreateStreamLinkFlow", flow("two", push("a"), push("b"), push("c")))

    assert one_more["Code"] == at_once == "InvalidParameter.ExceededQuantityLimit"
    assert "at most 2 outputs" in one_more["Message"]
    assert "--max-outputs" in one_more["Message"]
    assert (await api.done(LIST))["TotalNum"] == 1


async def test_ports(api: Api) -> None:
    """The message says the range, and that of which transport."""
    api = with_room_for_bodies(api)
    made = (await api.done("CreateStreamLinkFlow", flow("one", srt_output("a"), srt_output("b"))))["Info"]
    api = Api(replace(api.plane, limits=Limits()))

    refused = (await api.call("CreateStreamLinkOutputInfo", {"FlowId": made["FlowId"], "Output": srt_output("c")}))[
        "Error"
    ]

    assert refused["Code"] == "InvalidParameter.ExceededQuantityLimit"
    assert "Every UDP port of 29900-29901" in refused["Message"]
    assert "--ports FIRST-LAST" in refused["Message"]


async def test_the_size_of_a_request(api: Api) -> None:
    """A body of exactly the limit is read, and one byte more is not."""
    whole = b"{}".ljust(64)
    larger = b"{}".ljust(65)

    accepted = (await api.send(api.headers(LIST, whole), whole)).json()["Response"]
    refused = (await api.send(api.headers(LIST, larger), larger)).json()["Response"]["Error"]

    assert accepted["TotalNum"] == 0
    assert refused["Code"] == "RequestSizeLimitExceeded"
    assert "larger than 64 bytes" in refused["Message"]
    assert "--max-request-bytes" in refused["Message"]


async def test_bodies_that_are_being_read_are_bounded_together(api: Api) -> None:
    """However many requests are begun and not ended, they hold so much memory and no more."""
    body = b"{}".ljust(64)
    headers = api.headers(LIST, body)
    answers: list[Json] = []

    async def unfinished(left: int) -> AsyncIterator[bytes]:
        yield body
        if left:
            answers.append(await api.stream(headers, unfinished(left - 1)))

    await api.stream(headers, unfinished(8))
    later = await api.stream(headers, unfinished(0))

    assert [answer.get("Error", {}).get("Code") for answer in answers] == ["RequestLimitExceeded", *[None] * 7]
    assert later["TotalNum"] == 0


def test_descriptors() -> None:
    """A relay that could not hold so many connections says so at its start."""
    with pytest.raises(EnvironmentFailedError, match=r"--max-connections.*need 100000256 descriptors.*ulimit -n"):
        demand_descriptors(Limits(connections=100_000_000))
