"""All flows of a region, in whole: pages until the count is right, or an error; never a partial list."""

from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from reconciler.domain.errors import BackendError, GarbledError
from reconciler.domain.model import FoundFlow, Region
from reconciler.streamlink.client import StreamLinkClient
from reconciler.streamlink.codes import Code
from reconciler.streamlink.decoding import FlowDecoder
from reconciler.streamlink.reading import Members

PAGE_SIZE: Final = 100
"""Flows asked for at once. The service documents no largest page, so this is halved until it is taken."""
_TOO_LARGE: Final = frozenset({Code.PAGE_SIZE, Code.RESPONSE_SIZE_LIMIT_EXCEEDED})
_READINGS: Final = 2
"""Times that a list is read when its pages do not fit together, as happens when somebody writes meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """A part of the list."""

    tag: str
    """Of the answer; another page with the same one need not be read."""
    flows: tuple[FoundFlow, ...] = field(repr=False)
    """They have URLs with keys in them."""
    total: int
    """How many flows it says there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """All pages, read once."""

    size: int = 0
    """Flows that each page was asked for."""
    pages: tuple[_Page, ...] = ()

    @property
    def flows(self) -> tuple[FoundFlow, ...]:
        """Return what was read."""
        return tuple(chain.from_iterable(page.flows for page in self.pages))

    @property
    def totals(self) -> frozenset[int]:
        """Return how many flows each page says there are."""
        return frozenset(page.total for page in self.pages)

    @property
    def first(self) -> int:
        """Return how many flows were on the first page."""
        return len(self.pages[0].flows)

    @property
    def ids(self) -> frozenset[str]:
        """Return what was read, each once."""
        return frozenset(flow.id for flow in self.flows)

    @property
    def adds_up(self) -> bool:
        """Return whether nothing is missing and nothing there twice."""
        count = sum(len(page.flows) for page in self.pages)
        return len(self.ids) == count and self.totals == {count}

    def page(self, number: int) -> _Page | None:
        """Return the page of that number, where there was one; of whatever size, its tag tells all that it says."""
        return self.pages[number - 1] if number <= len(self.pages) else None

    @property
    def better_size(self) -> int:
        """
        Return what to ask for where this did not add up: what the first page gave, if that was less.

        A service that gives less a page than it is asked for may count pages by what was asked for all the same; then
        what it cuts off is on no page.
        """
        return self.first if 0 < self.first < min(self.size, max(self.totals)) else self.size


class FlowList:
    """Lists flows, and remembers how large a page the service takes, and what each said."""

    def __init__(self, client: StreamLinkClient) -> None:
        self._client = client
        self._page_size = PAGE_SIZE
        self._decoder = FlowDecoder()
        self._last: dict[Region, _Reading] = {}

    async def read(self, region: Region) -> tuple[FoundFlow, ...]:
        """
        Return every flow of the region, in the service's order; one that reads as it did before is the same value.

        Raises:
            GarbledError: the pages do not add up, however often they are read, or a flow is none of the API's.
            BackendError: the service did not answer.

        """
        why, size = "", self._page_size
        for _ in range(_READINGS):
            reading = await self._pages(region, size)
            if reading.adds_up:
                # Other regions may be read meanwhile, and have learnt of a smaller one.
                self._page_size = min(self._page_size, reading.size)
                self._last[region] = reading
                self._decoder.forget_all_but(reading.ids, region)
                return reading.flows
            why = f"{len(reading.flows)} flows with {len(reading.ids)} ids, and totals of {sorted(reading.totals)}"
            size = reading.better_size
        raise GarbledError(
            f"The list of flows in {region} does not add up: {why}. Is something else writing there?",
            maybe_applied=False,
        )

    async def _pages(self, region: Region, size: int) -> _Reading:
        pages: list[_Page] = []
        while True:
            page = await self._page(region, len(pages) + 1, size)
            if page is None:
                size //= 2
                pages = []
                continue
            pages.append(page)
            reading = _Reading(size=size, pages=tuple(pages))
            if not page.flows or len(reading.flows) >= max(reading.totals):
                return reading

    async def _page(self, region: Region, number: int, size: int) -> _Page | None:
        """Return one page; None when it was too large, and all are to be asked for again in smaller ones."""
        request = {"PageNum": number, "PageSize": size}
        before = self._last.get(region, _Reading()).page(number)
        known = "" if before is None else before.tag
        try:
            answer = await self._client.call("DescribeStreamLinkFlows", request, region=region, known=known)
        except BackendError as error:
            if error.code not in _TOO_LARGE or size == 1:
                raise
            return None
        if before is not None and answer.is_known:
            return before
        page = Members(answer.response, "list")
        flows = self._decoder.flows([member.payload for member in page.objects("Infos")], region)
        return _Page(tag=answer.tag, flows=flows, total=page.number("TotalNum", default=-1))
