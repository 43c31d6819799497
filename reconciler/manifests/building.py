"""Values of the JSON model from the events of PyYAML's C parser; each event knows its line and column."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from yaml import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)
from yaml._yaml import CParser

from reconciler.domain.findings import Rule
from reconciler.domain.rules.catalogue import ALIAS, DUPLICATE_KEY, MERGE_KEY, NOT_JSON, TAG
from reconciler.manifests.located import LoadedDocument, step_to
from reconciler.manifests.scalars import MERGE, NotJson, Scalars
from reconciler.manifests.text import LoadFault

MAX_DEPTH: Final = 64
"""Levels of nesting; a manifest needs seven."""
MAX_FAULTS: Final = 200
"""Faults of one file after which nobody reads on."""


_HEADERS: Final = frozenset({"apiVersion", "kind", "metadata", "spec"})
"""Keys that every document has."""


class TooMuchError(Exception):
    """The file has more than is read: line, column and what of."""


class Builder:
    """Builds the values of one run of the parser. Written for speed: this is where validation spends its time."""

    def __init__(self, text: bytes, scalars: Scalars, first_line: int) -> None:
        self.text = text
        self.began = 0
        """Line that the document being read began at, from 0."""
        self._next: Callable[[], Any] = CParser(text).get_event
        # Any: the stubs know neither what the C parser gives nor that its events always have their marks.
        self._scalars = scalars
        self._first_line = first_line
        self._marks: list[Any] = []
        self._faults: list[LoadFault] = []

    def documents(self) -> Iterator[LoadedDocument]:
        """Yield the documents that are not empty."""
        self._next()
        while not isinstance(event := self._next(), StreamEndEvent):
            if isinstance(event, DocumentStartEvent):
                yield from self._document(event)

    def _document(self, start: Any) -> Iterator[LoadedDocument]:
        self.began = start.start_mark.line
        self._marks, self._faults = [], []
        if start.tags:
            self._fault(TAG, start.start_mark, "a directive for tags", "remove it", node=None)
        value = self._node(self._next(), 0)
        # What follows the document begins where its end was seen.
        self.began = self._next().end_mark.line
        if value is not None or self._faults:
            yield LoadedDocument(value, self._marks, self._faults, self._first_line)

    def _node(self, event: Any, depth: int) -> object:
        self._marks.append(event.start_mark)
        if type(event) is MappingStartEvent and event.tag is None and event.anchor is None and depth < MAX_DEPTH:
            return self._mapping(depth + 1)
        if type(event) is ScalarEvent:
            return self._scalar(event)
        if type(event) is AliasEvent:
            self._fault(ALIAS, event.start_mark, "an alias", "write the value out; quote text that begins with `*`")
            return None
        return self._collection(event, depth + 1)

    def _scalar(self, event: Any) -> object:
        if event.implicit[0] and event.anchor is None:
            value = self._scalars[event.value]
            if type(value) is not NotJson:
                return value
            self._not_json(event)
            return None
        if event.tag is None and event.anchor is None:
            return event.value
        self._refuse_dress(event)
        value = self._scalars[event.value] if event.implicit[0] else event.value
        return None if isinstance(value, NotJson) else value

    def _collection(self, event: Any, depth: int) -> object:
        if depth > MAX_DEPTH:
            mark = event.start_mark
            message = f"values are nested more than {MAX_DEPTH} levels deep"
            raise TooMuchError(mark.line + 1 + self._first_line, mark.column + 1, message)
        self._refuse_dress(event)
        if type(event) is MappingStartEvent:
            return self._mapping(depth)
        items = []
        while type(event := self._next()) is not SequenceEndEvent:
            items.append(self._node(event, depth))
        return items

    def _mapping(self, depth: int) -> dict[str, object]:
        found: dict[str, object] = {}
        own = len(self._marks) - 1
        advance, node, mark = self._next, self._node, self._marks.append
        scalars, keys = self._scalars, self._scalars.keys_seen
        while type(event := advance()) is not MappingEndEvent:
            if type(event) is ScalarEvent:
                key = event.value
                is_plain, is_quoted = event.implicit
                is_text = (key in keys or scalars.is_key(key)) if is_plain else is_quoted
                if is_text and key not in found and event.anchor is None:
                    mark(event.start_mark)
                    event = advance()
                    # As `_node` would, for what most values are.
                    if type(event) is ScalarEvent and event.implicit[0] and event.anchor is None:
                        value = scalars[event.value]
                        if type(value) is not NotJson:
                            mark(event.start_mark)
                            found[key] = value
                            continue
                    found[key] = node(event, depth)
                    continue
            self._refuse_pair(event, found, own, depth)
        return found

    def _refuse_pair(self, event: Any, found: dict[str, object], own: int, depth: int) -> None:
        """Report a key that cannot stand, and read past it and its value."""
        marks, faults = len(self._marks), len(self._faults)
        self._node(event, depth)
        self._node(self._next(), depth)
        # One fault gives one finding, and what is passed over has no number.
        del self._marks[marks:], self._faults[faults:]
        self._fault_of_key(event, found, own)

    def _fault_of_key(self, event: Any, found: dict[str, object], own: int) -> None:
        mark = event.start_mark
        if type(event) is AliasEvent or event.anchor is not None:
            self._fault(ALIAS, mark, "an anchor or alias at a key", "write the key out, or quote it", node=own)
        elif type(event) is not ScalarEvent:
            self._fault(NOT_JSON, mark, "a key that is a list or a mapping", "keys are text", node=own)
        elif event.tag is not None:
            self._fault(TAG, mark, "a tag at a key", "remove it, or quote the key", node=own)
        elif event.value == MERGE and event.implicit[0]:
            self._fault(MERGE_KEY, mark, "a merge key", "write the keys of the other mapping out", node=own)
        elif event.value in found:
            first = self._mark_of_key(event.value, found, own)
            hint = f"it is at line {first.line + 1 + self._first_line} already"
            if own == 0 and event.value in _HEADERS:
                hint += "; if another document begins here, put `---` before it"
            self._fault(DUPLICATE_KEY, mark, "the same key twice in one mapping", hint, node=None)
        else:
            self._fault(NOT_JSON, mark, "a key that is no text", "quote it", node=own)

    def _mark_of_key(self, key: str, found: dict[str, object], own: int) -> Any:
        step = step_to(found, key)
        return self._marks[own + step[0] - 1] if step is not None else self._marks[own]

    def _refuse_dress(self, event: Any) -> None:
        """Report a tag or an anchor."""
        if event.tag is not None:
            self._fault(TAG, event.start_mark, "a tag", "remove it; quote text that begins with `!`")
        elif event.anchor is not None:
            hint = "remove it; quote text that begins with `&`"
            self._fault(ALIAS, event.start_mark, "an anchor", hint, node=None)

    def _not_json(self, event: Any) -> None:
        hint = "quote it if it is text"
        self._fault(NOT_JSON, event.start_mark, "a number that is not finite, or has too many digits", hint)

    def _fault(self, rule: Rule, mark: Any, message: str, hint: str, *, node: int | None = -1) -> None:
        """Report a fault; the value that it spoils is the one read last, unless another or none is named."""
        line, column = mark.line + 1 + self._first_line, mark.column + 1
        spoilt = len(self._marks) - 1 if node == -1 else node
        if len(self._faults) <= MAX_FAULTS:
            self._faults.append(LoadFault(rule=rule, line=line, column=column, message=message, hint=hint, node=spoilt))
