"""All flows of a region, in whole: pages until the count is right, or an error; never a partial list."""

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
        why, asked_for = "", self._page_size
        for _ in range(_READINGS):
            flows, totals, first = await self._pages(region)
            ids = {Members(flow, "flow").text("FlowId") for flow in flows}
            if len(ids) == len(flows) and totals == {len(flows)}:
                return tuple(flows)
            why = f"{len(flows)} flows with {len(ids)} ids, and totals of {sorted(totals)}"
            if 0 < first < min(self._page_size, max(totals)):
                # The service gives less a page than it is asked for, and may count pages by what was asked for.
                self._page_size = first
        self._page_size = asked_for
        raise GarbledError(
            f"The list of flows in {region} does not add up: {why}. Is something else writing there?",
            maybe_applied=False,
        )

    async def _pages(self, region: Region) -> tuple[list[Payload], set[int], int]:
        """Return the flows of all pages, how many each page says there are, and how many were on the first."""
        flows: list[Payload] = []
        totals: set[int] = set()
        number = first = 0
        while True:
            number += 1
            answer = await self._page(region, number)
            if answer is None:
                flows, totals, number = [], set(), 0
                continue
            page = [member.payload for member in answer.objects("Infos")]
            first = len(page) if number == 1 else first
            flows.extend(page)
            totals.add(answer.number("TotalNum", default=-1))
            if not page or len(flows) >= max(totals):
                return flows, totals, first

    async def _page(self, region: Region, number: int) -> Members | None:
        """Return one page; None when it was too large, and all are to be asked for again in smaller ones."""
        request = {"PageNum": number, "PageSize": self._page_size}
        try:
            answer = await self._client.call("DescribeStreamLinkFlows", request, region=region)
        except BackendError as error:
            if error.code not in _TOO_LARGE or self._page_size == 1:
                raise
            self._page_size //= 2
            return None
        return Members(answer.response, "list")
