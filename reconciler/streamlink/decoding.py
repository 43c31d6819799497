"""Flows as values; one that reads as it did before is the very same value again, and costs a comparison."""

import marshal
from collections.abc import Iterable
from typing import Final

from reconciler.domain.model import FoundFlow, Region
from reconciler.streamlink.reading import Members
from reconciler.streamlink.translate import decode
from reconciler.streamlink.wire import Payload

_FORM: Final = 2
"""Of `marshal`: the last one in which equal values are always the same bytes, however they came about."""


class FlowDecoder:
    """Decodes whole lists, and remembers the last one of each region."""

    def __init__(self) -> None:
        self._known: dict[Region, dict[str, tuple[bytes, FoundFlow]]] = {}

    def flows(self, payloads: Iterable[Payload], region: Region) -> tuple[FoundFlow, ...]:
        """
        Return the flows of a region, in the order of the list; no two of them have one id.

        Raises:
            GarbledError: a payload is none of the API's.

        """
        before = self._known.get(region, {})
        now: dict[str, tuple[bytes, FoundFlow]] = {}
        for payload in payloads:
            known = before.get(Members(payload, "flow").text("FlowId"))
            # As bytes a payload is small, and 1 is neither 1.0 nor true.
            said = marshal.dumps(dict(payload), _FORM)
            if known is None or known[0] != said:
                known = said, decode.flow(payload, region)
            now[known[1].id] = known
        self._known[region] = now
        return tuple(found for _, found in now.values())
