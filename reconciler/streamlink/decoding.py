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
    """Decodes the pages of lists, and remembers the flows of each region."""

    def __init__(self) -> None:
        self._known: dict[Region, dict[str, tuple[bytes, FoundFlow]]] = {}

    def flows(self, payloads: Iterable[Payload], region: Region) -> tuple[FoundFlow, ...]:
        """
        Return the flows of a page, in its order.

        Raises:
            GarbledError: a payload is none of the API's.

        """
        return tuple([self._flow(payload, region) for payload in payloads])

    def forget_all_but(self, ids: Iterable[str], region: Region) -> None:
        """Forget what is not in a region any more."""
        known = self._known.get(region, {})
        for gone in known.keys() - ids:
            del known[gone]

    def _flow(self, payload: Payload, region: Region) -> FoundFlow:
        known = self._known.setdefault(region, {})
        before = known.get(Members(payload, "flow").text("FlowId"))
        # As bytes a payload is small, and 1 is neither 1.0 nor true.
        said = marshal.dumps(dict(payload), _FORM)
        if before is not None and before[0] == said:
            return before[1]
        found = decode.flow(payload, region)
        known[found.id] = said, found
        return found
