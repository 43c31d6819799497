"""A document as it was loaded, with the place of every value and key in it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from reconciler.domain.documents import Path
from reconciler.manifests.text import LoadFault


class Mark(Protocol):
    """Where the parser was."""

    line: int
    """From 0."""
    column: int
    """From 0, in code points."""


@dataclass(slots=True)
class LoadedDocument:
    """One document that is not empty."""

    value: object
    """Of the JSON model; unreliable where a fault says so. A mapping of what could be saved when the text is broken."""
    marks: list[Mark]
    """Of every value and key, in reading order; empty when the text is broken."""
    faults: list[LoadFault] = field(default_factory=list)
    first_line: int = 0
    """Line that the part of the file which was read at once begins at, from 0."""

    def at(self, path: Path, *, on_key: bool = False) -> tuple[int, int]:
        """Return line and column, from 1, of the value at the path or of its key; of what is around it when absent."""
        if not self.marks:
            return self.faults[0].line, self.faults[0].column
        mark = self.marks[self._number(path, on_key=on_key)]
        return mark.line + 1 + self.first_line, mark.column + 1

    def path_to(self, number: int) -> Path:
        """Return the path of the value with this number in reading order."""
        return next((path for found, path in _numbered(self.value) if found == number), ())

    def _number(self, path: Path, *, on_key: bool) -> int:
        number, value = 0, self.value
        for depth, part in enumerate(path):
            step = step_to(value, part)
            if step is None:
                return number
            offset, value = step
            number += offset
            if on_key and depth == len(path) - 1 and isinstance(part, str):
                return number - 1
        return number


def _numbered(value: object, path: Path = (), number: int = 0) -> Iterator[tuple[int, Path]]:
    """Yield the number in reading order and the path of every value."""
    yield number, path
    if isinstance(value, dict):
        for key, child in value.items():
            number += 1
            yield from _numbered(child, (*path, key), number + 1)
            number += _size(child)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _numbered(child, (*path, index), number + 1)
            number += _size(child)


def _size(value: object) -> int:
    """Return how many values and keys there are in a value, itself included."""
    if isinstance(value, dict):
        return 1 + len(value) + sum(map(_size, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(_size, value))
    return 1


def step_to(value: object, part: str | int) -> tuple[int, object] | None:
    """Return the child at `part` and how many numbers it comes after its parent; None when it is not there."""
    offset = 1
    if isinstance(value, dict) and part in value:
        for key, child in value.items():
            if key == part:
                return offset + 1, child
            offset += 1 + _size(child)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return offset + sum(map(_size, value[:part])), value[part]
    return None
