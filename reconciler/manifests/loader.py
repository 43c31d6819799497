"""
YAML text to values of the JSON model, with the place of every value and key.

Values are built straight from the events of PyYAML's C parser: faster than its own loader, and every event knows its
line and column. A document that is broken costs only itself: reading goes on at the next `---`.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from yaml import CSafeLoader, TagToken, YAMLError, scan

from reconciler.domain.rules.catalogue import TAG, TOO_MUCH
from reconciler.manifests.building import MAX_FAULTS, Builder, TooMuchError
from reconciler.manifests.located import LoadedDocument
from reconciler.manifests.scalars import Scalars
from reconciler.manifests.syntax import explained, stopped_at
from reconciler.manifests.text import LoadFault, plain

MAX_DOCUMENTS: Final = 100_000
"""Documents of one file."""

_BOUNDARY: Final = re.compile(rb"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_BARE_TAG: Final = re.compile(rb"!(?=[\s,\]}])")
_QUOTE = r"[\"']?"
_SAVED_KIND: Final = re.compile(rf"^kind:[ ]+{_QUOTE}([A-Za-z]+)", re.MULTILINE)
_SAVED_NAME: Final = re.compile(
    rf"^metadata:\s*(?:#.*\s*)?\{{?(?:[^\n]*\n[ ]+|[^\n]*[{{, ])??name:[ ]+{_QUOTE}([A-Za-z0-9_]+)", re.MULTILINE
)
_SAVED_FLOW: Final = re.compile(rf"^[ ]+flow:[ ]+{_QUOTE}([A-Za-z0-9_]+)", re.MULTILINE)


@dataclass(slots=True)
class Loaded:
    """All that one file says."""

    documents: tuple[LoadedDocument, ...] = ()
    faults: tuple[LoadFault, ...] = ()
    """Of the file as a whole."""
    is_whole: bool = True
    """False when there may be documents of which nothing is known, not even a name."""


def load(content: bytes, scalars: Scalars, *, max_documents: int = MAX_DOCUMENTS) -> Loaded:
    """Return every document of a file; whatever is wrong with it is a fault, never an exception."""
    text = plain(content)
    if isinstance(text, LoadFault):
        return Loaded(faults=(text,), is_whole=False)
    found: list[LoadedDocument] = []
    faults = _bare_tags(text)
    try:
        for document in _documents(text, scalars):
            found.append(document)
            _check_bounds(found, max_documents)
    except TooMuchError as error:
        line, column, message = error.args
        fault = LoadFault(rule=TOO_MUCH, line=line, column=column, message=message, hint="the rest is not read")
        return Loaded(documents=tuple(found), faults=(*faults, fault), is_whole=False)
    return Loaded(documents=tuple(found), faults=faults)


def _bare_tags(text: bytes) -> tuple[LoadFault, ...]:
    """Return the tags that are a `!` alone: the parser takes them for nothing, so that no event tells of them."""
    if _BARE_TAG.search(text) is None:
        return ()
    found: list[LoadFault] = []
    with contextlib.suppress(YAMLError):
        for token in scan(text.decode(), CSafeLoader):
            if isinstance(token, TagToken) and token.value == (None, "!") and len(found) < MAX_FAULTS:
                mark = token.start_mark
                hint = "remove it; quote text that begins with `!`"
                found.append(
                    LoadFault(rule=TAG, line=mark.line + 1, column=mark.column + 1, message="a tag", hint=hint)
                )
    return tuple(found)


def _check_bounds(found: list[LoadedDocument], max_documents: int) -> None:
    last = found[-1]
    if len(found) > max_documents:
        raise TooMuchError(*last.at(()), f"the file has more than {max_documents} documents")
    if last.faults and sum(len(document.faults) for document in found) > MAX_FAULTS:
        raise TooMuchError(*last.at(()), f"the file has more than {MAX_FAULTS} faults of this sort")


def _documents(text: bytes, scalars: Scalars) -> Iterator[LoadedDocument]:
    """Yield the documents; after a broken one, go on at the next `---`."""
    offset = first_line = 0
    while offset < len(text):
        builder = Builder(text[offset:] if offset else text, scalars, first_line)
        try:
            yield from builder.documents()
        except YAMLError as error:
            begin, end = _around(builder.text, builder.began, stopped_at(error))
            document = builder.text[begin:end]
            fault = explained(error, document, builder.began)
            yield _saved(document, replace(fault, line=fault.line + first_line))
            first_line += builder.text.count(b"\n", 0, end)
            offset += end
        else:
            return


def _around(text: bytes, began: int, stopped: int) -> tuple[int, int]:
    """Return where the broken document begins and where the next one does, as bytes, by lines from 0."""
    begin = _offset_of_line(text, began)
    search = max(_offset_of_line(text, stopped), _offset_of_line(text, began + 1))
    boundary = _BOUNDARY.search(text, search)
    return begin, boundary.start() if boundary is not None else len(text)


def _offset_of_line(text: bytes, line: int) -> int:
    offset = 0
    for _ in range(line):
        offset = text.find(b"\n", offset) + 1
        if offset == 0:
            return len(text)
    return offset


def _saved(text: bytes, fault: LoadFault) -> LoadedDocument:
    """Return what can be told of a document that is no YAML, so that others may still refer to it."""
    words = text.decode()
    value: dict[str, object] = {}
    if (kind := _SAVED_KIND.search(words)) is not None:
        value["kind"] = kind[1]
    if (name := _SAVED_NAME.search(words)) is not None:
        value["metadata"] = {"name": name[1]}
    if (flow := _SAVED_FLOW.search(words)) is not None:
        value["spec"] = {"flow": flow[1]}
    return LoadedDocument(value=value, marks=[], faults=[fault])
