"""Faults of the list of flows, seen from outside."""

import pytest

from reconciler.relay.faults.injection import Faults
from reconciler.relay.faults.knobs import Begin, Knob, ListOrder, MissingPage, Order, PageSizeCap, RepeatedPage
from tests.unit.relay.calling import Api

pytestmark = pytest.mark.anyio

ABCDE = ["a", "b", "c", "d", "e"]


@pytest.fixture
async def five(api: Api) -> Api:
    """Make five flows."""
    for name in ABCDE:
        await api.create_flow(FlowName=name)
    return api


async def page(api: Api, number: int, size: int) -> list[str]:
    """Return the names on a page, which must say of itself that it is that page of five flows."""
    answer = await api.done("DescribeStreamLinkFlows", {"PageNum": number, "PageSize": size})
    assert (answer["PageNum"], answer["TotalNum"]) == (number, len(ABCDE))
    return [flow["FlowName"] for flow in answer["Infos"]]


@pytest.mark.parametrize(
    ("knob", "expected"),
    [
        pytest.param(ListOrder(order=Order.REVERSED), ["ed", "cb", "a", ""], id="reversed"),
        pytest.param(ListOrder(order=Order.SHUFFLED), ["ab", "de", "b", ""], id="shuffled"),
        pytest.param(RepeatedPage(page=2), ["ab", "ab", "e", ""], id="a page repeated"),
        pytest.param(MissingPage(page=1), ["cd", "e", "", ""], id="the first page missing"),
        pytest.param(MissingPage(page=2), ["ab", "e", "", ""], id="another page missing"),
        pytest.param(PageSizeCap(rows=1), ["a", "b", "c", "d"], id="small pages"),
        pytest.param(PageSizeCap(rows=1, begin=Begin.ASKED), ["a", "c", "e", ""], id="pages cut short"),
        pytest.param(PageSizeCap(rows=3), ["ab", "cd", "e", ""], id="no smaller than asked for"),
    ],
)
async def test_pages_of_two(five: Api, faults: Faults, knob: Knob, expected: list[str]) -> None:
    """Each page says its own number and the true total, whatever it shows."""
    faults.turn(knob)

    pages = ["".join(await page(five, number, 2)) for number in range(1, 5)]

    assert pages == expected


async def test_a_capped_page_says_its_size(five: Api, faults: Faults) -> None:
    """A client can see that it got less than it asked for."""
    faults.turn(PageSizeCap(rows=2))

    answer = await five.done("DescribeStreamLinkFlows", {"PageSize": 100})

    assert (answer["PageSize"], answer["TotalPage"], len(answer["Infos"])) == (2, 3, 2)


async def test_faults_of_a_list_go_together(five: Api, faults: Faults) -> None:
    """Reversed pages of two, of which the second is shown twice, however large a page is asked for."""
    faults.turn(ListOrder(order=Order.REVERSED), RepeatedPage(page=3), PageSizeCap(rows=2))

    pages = ["".join(await page(five, number, 100)) for number in range(1, 4)]

    assert pages == ["ed", "cb", "cb"]


async def test_more_flows_than_a_page_holds_are_all_reordered(api: Api, faults: Faults) -> None:
    """The order is that of the whole list, not of its first hundred flows."""
    names = [f"f{number}" for number in range(103)]
    for name in names:
        await api.create_flow(FlowName=name, InputGroup=[])
    faults.turn(ListOrder(order=Order.REVERSED))

    answers = [await api.done("DescribeStreamLinkFlows", {"PageNum": number, "PageSize": 100}) for number in (1, 2)]

    assert [flow["FlowName"] for answer in answers for flow in answer["Infos"]] == names[::-1]


async def test_a_list_is_as_it_was_when_the_fault_is_over(five: Api, faults: Faults) -> None:
    """A knob that is for one call spoils one."""
    faults.turn(RepeatedPage(page=2, times=1))

    pages = ["".join(await page(five, 2, 2)) for _ in range(2)]

    assert pages == ["ab", "cd"]


async def test_other_calls_are_not_touched(five: Api, faults: Faults) -> None:
    """The faults of a list are for lists alone."""
    faults.turn(ListOrder(order=Order.SHUFFLED), RepeatedPage(page=2), MissingPage(page=1), PageSizeCap(rows=1))

    answer = await five.done("DescribeStreamLinkRegions")

    assert len(answer["Info"]["Regions"]) == 3
