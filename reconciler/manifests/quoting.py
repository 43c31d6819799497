"""
Which lines of a manifest may be shown: those on which nothing stands that may be a secret.

The answer errs on the side of silence: a line is shown only when every key on it is one of ours and every value is at a
property that holds none. Comments are cut off, for people keep old passwords in them.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from reconciler.domain.documents import Path
from reconciler.manifests.identify import SCHEMAS
from reconciler.manifests.loader import Loaded
from reconciler.manifests.located import LoadedDocument, Mark
from reconciler.manifests.schemas import Schema, written_out
from reconciler.manifests.wording import holds_no_secret

_COMMENT: Final = re.compile(r"(?:^|[ \t])#")
_HARMLESS: Final = re.compile(r"(?!.*://)[A-Za-z0-9_.:/;, -]{0,100}")
"""What a value may be made of; a password might be, too, but it has no business at these properties."""
_LEAD: Final = re.compile(r"[ \t-]*")


class _Item(NamedTuple):
    """A key or a value, and whether it may be shown; a collection itself may, for it is what is in it."""

    mark: Mark
    may_show: bool


class Quoter:
    """The lines of one file."""

    def __init__(self, content: bytes, loaded: Loaded) -> None:
        self._lines = content.decode("utf-8-sig", errors="replace").split("\n")
        self._documents = loaded.documents
        self._begins = [document.at(())[0] for document in loaded.documents]
        self._is_certain = not loaded.faults and all(one.marks and not one.faults for one in loaded.documents)
        """What is broken says nothing certain of what stands where, nor of where it begins."""
        self._hidden_of, self._hidden = -1, frozenset[int]()

    def line(self, number: int) -> str | None:
        """Return a line, from 1, without its comment; None when it may hold a secret."""
        index = bisect_right(self._begins, number) - 1
        document = self._documents[index] if index >= 0 else None
        if document is None or not self._is_certain:
            return None
        if self._hidden_of != index:
            self._hidden_of, self._hidden = index, self._hidden_in(document, index)
        return None if number in self._hidden else _without_comment(self._lines[number - 1].rstrip("\r"))

    def _hidden_in(self, document: LoadedDocument, index: int) -> frozenset[int]:
        """Return the lines of a document, from 1, that something stands on which may be a secret."""
        first = document.first_line
        items = [*_items(document), _Item(_End(self._end_of(index) - first), may_show=True)]
        return frozenset(
            line + 1 + first
            for item, following in pairwise(items)
            if not item.may_show
            for line in range(item.mark.line, self._reach(following.mark, first) + 1)
        )

    def _end_of(self, index: int) -> int:
        """Return the line, from 0, that the next document begins at, or the file ends."""
        return self._begins[index + 1] - 1 if index + 1 < len(self._begins) else len(self._lines)

    def _reach(self, following: Mark, first: int) -> int:
        """Return the last line that something may reach to before what follows it."""
        if following.line + first >= len(self._lines):
            return len(self._lines) - 1 - first
        before = self._lines[following.line + first][: following.column]
        # What begins a line of its own leaves no room for the end of something else.
        return following.line - 1 if _LEAD.fullmatch(before) else following.line


@dataclass(slots=True)
class _End:
    """Where a document ends."""

    line: int
    column: int = 0


def _items(document: LoadedDocument) -> Iterator[_Item]:
    kind = document.value.get("kind") if isinstance(document.value, dict) else None
    schema = written_out(SCHEMAS[kind]) if isinstance(kind, str) and kind in SCHEMAS else {}
    shown = _shown(document.value, (), [schema])
    return (_Item(mark, may_show) for mark, may_show in zip(document.marks, shown, strict=True))


def _shown(value: object, path: Path, schemas: Sequence[Schema]) -> Iterator[bool]:
    """Yield, in reading order, whether each value and key may be shown; `schemas` speak of this place."""
    if isinstance(value, dict):
        yield True
        for key, child in value.items():
            below = [one["properties"][key] for one in schemas if key in one.get("properties", {})]
            yield bool(below)
            yield from _shown(child, (*path, key), list(_alternatives(below)))
    elif isinstance(value, list):
        yield True
        items = list(_alternatives([one["items"] for one in schemas if "items" in one]))
        for index, child in enumerate(value):
            yield from _shown(child, (*path, index), items)
    else:
        yield bool(schemas) and holds_no_secret(path) and _HARMLESS.fullmatch(str(value)) is not None


def _alternatives(schemas: Sequence[Schema]) -> Iterator[Schema]:
    for schema in schemas:
        yield schema
        for word in ("oneOf", "anyOf"):
            yield from _alternatives(schema.get(word, ()))


def _without_comment(text: str) -> str | None:
    found = _COMMENT.search(text)
    shown = text[: found.start()] if found is not None else text
    if "#" in shown:
        # It may be a comment all the same: after a bracket none needs a blank.
        return None
    return shown.expandtabs(1).rstrip() if shown.expandtabs(1).isprintable() else None
