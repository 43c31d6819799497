"""All flows of a region, in whole: pages until the count is right, or an error; never a partial list."""

from dataclasses import dataclass
from typing import Final

from reconciler.domain.errors import BackendError, GarbledError
from reconciler.domain.model import Region
from reconciler.streamlink.client import StreamLinkClient
from reconciler.streamlink.codes import Code
from reconciler.streamlink.reading import Members
from reconciler.streamlink.wire import Payload

PAGE_SIZE: Final = 100
"""Flows asked for at once. The service documents no largest page, so this is halved until it is taken."""
_TOO_LARGE: Final = frozenset({Code.PAGE_SIZE, Code.RESPONSE_SIZE_LIMIT_EXCEEDED})
_READINGS: Final = 2
"""Times that a list is read when its pages do not fit together, as happens when somebody writes meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """All pages, read once."""

    flows: tuple[Payload, ...]
    totals: frozenset[int]
    """How many flows each page says there are."""
    size: int
    """Flows that each page was asked for."""
    first: int
    """Flows that were on the first page."""

    @property
    def ids(self) -> int:
        """Return how many different flows were read."""
        return len({Members(flow, "flow").text("FlowId") for flow in self.flows})

    @property
    def adds_up(self) -> bool:
        """Return whether nothing is missing and nothing there twice."""
        return self.ids == len(self.flows) and self.totals == {len(self.flows)}

    @property
    def better_size(self) -> int:
        """
        Return what to ask for where this did not add up: what the first page gave, if that was less.

        A service that gives less a page than it is asked for may count pages by what was asked for all the same; then
        what it cuts off is on no page.
        """
        return self.first if 0 < self.first < min(self.size, max(self.totals)) else self.size


class FlowList:
    """Lists flows, and remembers how large a page the service takes."""

    def __init__(self, client: StreamLinkClient) -> None:
        self._client = client
        self._page_size = PAGE_SIZE

    async def read(self, region: Region) -> tuple[Payload, ...]:
        """
        Return every flow of the region, in the service's order.

        Raises:
            GarbledError: the pages do not add up, however often they are read.
            BackendError: the service did not answer.

        """
        why, size = "", self._page_size
        for _ in range(_READINGS):
            reading = await self._pages(region, size)
            if reading.adds_up:
                # Other regions may be read meanwhile, and have learnt of a smaller one.
                self._page_size = min(self._page_size, reading.size)
                return reading.flows
            why = f"{len(reading.flows)} flows with {reading.ids} ids, and totals of {sorted(reading.totals)}"
            size = reading.better_size
        raise GarbledError(
            f"The list of flows in {region} does not add up: {why}. Is something else writing there?",
            maybe_applied=False,
        )

    async def _pages(self, region: Region, size: int) -> _Reading:
        flows: list[Payload] = []
        totals: set[int] = set()
        number = first = 0
        while True:
            number += 1
            answer = await self._page(region, number, size)
            if answer is None:
                size //= 2
                flows, totals, number = [], set(), 0
                continue
            page = [member.payload for member in answer.objects("Infos")]
            first = len(page) if number == 1 else first
            flows.extend(page)
            totals.add(answer.number("TotalNum", default=-1))
            if not page or len(flows) >= max(totals):
                return _Reading(flows=tuple(flows), totals=frozenset(totals), size=size, first=first)

    async def _page(self, region: Region, number: int, size: int) -> Members | None:
        """Return one page; None when it was too large, and all are to be asked for again in smaller ones."""
        request = {"PageNum": number, "PageSize": size}
        try:
            answer = await self._client.call("DescribeStreamLinkFlows", request, region=region)
        except BackendError as error:
            if error.code not in _TOO_LARGE or size == 1:
                raise
            return None
        return Members(answer.response, "list")
