"""All flows or an error, never a part."""

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.domain.errors import GarbledError, RejectedError
from reconciler.domain.model import Region
from reconciler.streamlink.listing import FlowList
from tests.fakes.api import Received, ScriptedApi, client_of, refusal
from tests.unit.streamlink.test_backend import flow_payload

pytestmark = pytest.mark.anyio

LIST = "DescribeStreamLinkFlows"
LOCAL = Region("local")


def pages(total: int, *, largest: int = 100) -> Callable[[Received], Any]:
    """Return a service with so many flows that takes pages up to a size."""

    def answer(received: Received) -> Any:
        size, number = received.payload["PageSize"], received.payload["PageNum"]
        if size > largest:
            return refusal("InvalidParameter.PageSize")
        flows = [flow_payload(flow_id=f"f{index}") for index in range(total)]
        return {"Infos": flows[(number - 1) * size : number * size], "TotalNum": total}

    return answer


async def ids(api: ScriptedApi) -> list[str]:
    """Return the ids of all flows."""
    return [flow.id for flow in await FlowList(client_of(api)).read(LOCAL)]


@pytest.mark.parametrize(("total", "calls"), [(0, 1), (1, 1), (100, 1), (101, 2), (250, 3)])
async def test_a_list_takes_no_more_pages_than_it_needs(total: int, calls: int) -> None:
    """A hundred flows a page, and no call to see that there are no more."""
    api = ScriptedApi(DescribeStreamLinkFlows=pages(total))

    found = await ids(api)

    assert found == [f"f{index}" for index in range(total)]
    assert api.calls[LIST] == calls


async def test_a_page_that_is_too_large_is_halved_and_remembered() -> None:
    """The service is asked for less until it agrees, and the next list begins there."""
    api = ScriptedApi(DescribeStreamLinkFlows=pages(60, largest=30))
    flow_list = FlowList(client_of(api))

    first = await flow_list.read(LOCAL)
    second = await flow_list.read(LOCAL)

    assert first == second
    assert len(first) == 60
    assert [payload["PageSize"] for payload in api.payloads(LIST)] == [100, 50, 25, 25, 25, 25, 25, 25]


async def test_a_service_that_takes_no_page_size_is_an_error() -> None:
    """Halving ends at one."""
    with pytest.raises(RejectedError):
        await ids(ScriptedApi(DescribeStreamLinkFlows=refusal("InvalidParameter.PageSize")))


async def test_a_service_that_gives_less_than_asked_is_followed() -> None:
    """Whatever cap it has, pages are read until the total is there."""

    def capped(received: Received) -> Any:
        number = received.payload["PageNum"]
        return {"Infos": [flow_payload(flow_id=f"f{number}")], "TotalNum": 3}

    assert await ids(ScriptedApi(DescribeStreamLinkFlows=capped)) == ["f1", "f2", "f3"]


async def test_a_service_that_cuts_its_pages_short_is_asked_for_what_it_gives() -> None:
    """Where pages begin by the size that was asked for, what is cut off is on none; smaller ones are asked for then."""

    def cut(received: Received) -> Any:
        size, number = received.payload["PageSize"], received.payload["PageNum"]
        begin = (number - 1) * size
        return {
            "Infos": [flow_payload(flow_id=f"f{index}") for index in range(5)][begin : begin + min(2, size)],
            "TotalNum": 5,
        }

    api = ScriptedApi(DescribeStreamLinkFlows=cut)
    flow_list = FlowList(client_of(api))

    first = await flow_list.read(LOCAL)
    sizes = [payload["PageSize"] for payload in api.payloads(LIST)]
    second = await flow_list.read(LOCAL)

    assert [flow.id for flow in first] == ["f0", "f1", "f2", "f3", "f4"]
    assert (sizes, second) == ([100, 100, 2, 2, 2], first)
    assert api.calls[LIST] == len(sizes) + 3


async def test_a_list_that_does_not_add_up_leaves_the_size_of_pages() -> None:
    """One bad moment does not make every later list a hundred times as dear."""
    bad = {"Infos": [flow_payload(flow_id="a")], "TotalNum": 2}
    api = ScriptedApi(DescribeStreamLinkFlows=[bad, bad, bad, bad, {"Infos": [], "TotalNum": 0}])
    flow_list = FlowList(client_of(api))
    with pytest.raises(GarbledError):
        await flow_list.read(LOCAL)

    await flow_list.read(LOCAL)

    assert [payload["PageSize"] for payload in api.payloads(LIST)] == [100, 100, 1, 1, 100]


async def test_what_is_gone_is_forgotten() -> None:
    """Flows come and go for years; one that comes back is another value."""
    first = {"Infos": [flow_payload(flow_id="a")], "TotalNum": 1}
    flow_list = FlowList(client_of(ScriptedApi(DescribeStreamLinkFlows=[first, {"Infos": [], "TotalNum": 0}, first])))

    before, between, after = [await flow_list.read(LOCAL) for _ in range(3)]

    assert (before, between) == (after, ())
    assert before[0] is not after[0]


A, B = flow_payload(flow_id="a"), flow_payload(flow_id="b")


async def test_a_list_that_changed_while_it_was_read_is_read_again() -> None:
    """Somebody deleted a flow between two pages; the second reading fits."""
    api = ScriptedApi(
        DescribeStreamLinkFlows=[
            {"Infos": [A], "TotalNum": 2},
            {"Infos": [], "TotalNum": 1},
            {"Infos": [B], "TotalNum": 1},
        ]
    )

    assert await ids(api) == ["b"]


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param({"Infos": [A], "TotalNum": 0}, id="fewer than there are"),
        pytest.param({"Infos": [A, A], "TotalNum": 2}, id="one of them twice"),
        pytest.param([{"Infos": [A], "TotalNum": 2}, {"Infos": [], "TotalNum": 2}] * 2, id="more than there are"),
        pytest.param({"Infos": [A]}, id="no total"),
        pytest.param({"Infos": {}, "TotalNum": 0}, id="no list"),
        pytest.param({"Infos": ["a"], "TotalNum": 1}, id="no flows"),
        pytest.param({"Infos": [{"FlowId": 7}], "TotalNum": 1}, id="no id"),
    ],
)
async def test_a_list_that_never_adds_up_is_an_error(reply: Any) -> None:
    """A partial list would look like deleted flows, so there is none."""
    with pytest.raises(GarbledError) as error:
        await ids(ScriptedApi(DescribeStreamLinkFlows=reply))

    assert not error.value.maybe_applied
