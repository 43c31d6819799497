"""Flows as values; one that reads as it did before is the very same value again, and costs a comparison."""

from collections.abc import Iterable

from reconciler.domain.model import FoundFlow, Region
from reconciler.streamlink.reading import Members
from reconciler.streamlink.translate import decode
from reconciler.streamlink.wire import Payload


class FlowDecoder:
    """
    Decodes whole lists, and remembers the last one of each region.

    The first list of a region is not kept: who reads once has no use for it, and it is as large again as its values.
    """

    def __init__(self) -> None:
        self._known: dict[Region, dict[str, tuple[Payload, FoundFlow]]] = {}

    def flows(self, payloads: Iterable[Payload], region: Region) -> tuple[FoundFlow, ...]:
        """
        Return the flows of a region, in the order of the list; no two of them have one id.

        Raises:
            GarbledError: a payload is none of the API's.

        """
        has_read, before = region in self._known, self._known.get(region, {})
        now: dict[str, tuple[Payload, FoundFlow]] = {}
        for payload in payloads:
            known = before.get(Members(payload, "flow").text("FlowId"))
            # What was read before is kept, and not what was read now: of equal ones the older has its peace.
            if known is None or known[0] != payload:
                known = payload, decode.flow(payload, region)
            now[known[1].id] = known
        self._known[region] = now if has_read else {}
        return tuple(found for _, found in now.values())
