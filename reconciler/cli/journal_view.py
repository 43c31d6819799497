"""What the journal holds, as people and programs read it: the newest last."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click

from reconciler.cli import moments
from reconciler.cli.formats.commands import lines_of
from reconciler.cli.formats.values import safe
from reconciler.cli.moments import Moment
from reconciler.domain.safety.releases import before_release
from reconciler.ports.journal import Noted, Settled, Written

OPEN: Final = "open"
"""The result of a call of which nothing is known."""
_COLOURS: Final = {Settled.DONE: "green", Settled.REFUSED: "red", Settled.UNKNOWN: "yellow", None: "yellow"}
_CALL_HEADS: Final = ("TIME", "RESOURCE", "ACTION", "RESULT", "TOOK", "CHANGE", "REVISION", "REQUEST")
_NOTE_HEADS: Final = ("TIME", "KIND", "RESOURCE", "REVISION")
_RESULT: Final = 3
"""Column of the result."""
_LEAST_COLUMNS: Final = 5
"""Columns of calls that stand side by side on any terminal; what has no room stands below, and is never broken."""
_NOTHING: Final = "-"
_GAP: Final = "  "
_INDENT: Final = "    "
_SHORT: Final = 12
"""Characters of a revision that tell it apart."""
_NARROWEST: Final = 40
"""Columns that words are given, even where the terminal has fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What lines are written on."""

    width: int | None = None
    """Columns of the terminal; None where it is none, and nothing is broken."""
    moment: Moment = moments.utc


def calls_text(calls: Sequence[Written], page: Page) -> Iterator[str]:
    """Yield a table of calls, and below each why it failed."""
    rows = [_CALL_HEADS, *(_call_cells(call, page.moment) for call in calls)]
    widths = _widths(rows)
    columns = len(_CALL_HEADS)
    while page.width is not None and columns > _LEAST_COLUMNS and _length(widths[:columns]) > page.width:
        columns -= 1
    yield _heading(_line(rows[0][:columns], widths))
    for call, row in zip(calls, rows[1:], strict=True):
        yield _line(row[:columns], widths, {_RESULT: _COLOURS[call.settled]})
        rest = zip(_CALL_HEADS[columns:], row[columns:], strict=True)
        if beside := [f"{head.lower()} {cell}" for head, cell in rest if cell != _NOTHING]:
            yield from below(", ".join(beside), page, dim=True)
        if call.why:
            yield from below(f"! {safe(call.why)}", page)


def notes_text(notes: Sequence[Noted], page: Page) -> Iterator[str]:
    """Yield a table of notes, and below each why, and what else it says."""
    rows = [_NOTE_HEADS, *(_note_cells(noted, page.moment) for noted in notes)]
    widths = _widths(rows)
    yield _heading(_line(rows[0], widths))
    for noted, row in zip(notes, rows[1:], strict=True):
        yield _line(row, widths)
        fields = dict(noted.note.fields)
        release = str(fields.pop("release", ""))
        if noted.note.why:
            yield from below(safe(noted.note.why), page, release=safe(release))
        if fields:
            said = ", ".join(f"{safe(name)}: {safe(str(value))}" for name, value in fields.items())
            yield from below(said, page, dim=True)


def calls_document(calls: Sequence[Written]) -> dict[str, Any]:
    """Return calls as JSON says them."""
    return {"version": 1, "calls": [call_json(call) for call in calls]}


def notes_document(notes: Sequence[Noted]) -> dict[str, Any]:
    """Return notes as JSON says them."""
    return {"version": 1, "notes": [note_json(noted) for noted in notes]}


def call_json(call: Written) -> dict[str, Any]:
    """Return a call as JSON says it; the result is null while nothing is known."""
    return {
        "number": call.number,
        "at": call.at.isoformat(),
        "resource": call.intent.resource,
        "action": call.intent.action,
        "result": None if call.settled is None else str(call.settled),
        "why": call.why,
        "request_id": call.request_id,
        "duration_s": call.duration_s,
        "change": call.intent.change,
        "revision": call.intent.revision,
        "pass_id": call.intent.pass_id,
        "live_name": call.intent.live_name,
    }


def note_json(noted: Noted) -> dict[str, Any]:
    """Return a note as JSON says it."""
    return {
        "number": noted.number,
        "at": noted.at.isoformat(),
        "kind": noted.note.kind,
        "resource": noted.note.resource,
        "why": noted.note.why,
        "revision": noted.note.revision,
        "pass_id": noted.note.pass_id,
        "fields": dict(noted.note.fields),
    }


def result_of(call: Written) -> str:
    """Return what became of a call in a word."""
    return OPEN if call.settled is None else str(call.settled)


def short(revision: str) -> str:
    """Return as much of a revision as tells it apart."""
    return safe(revision[:_SHORT]) or "-"


def below(text: str, page: Page, *, release: str = "", dim: bool = False) -> Iterator[str]:
    """Yield what belongs to the line above, further in, and broken where the terminal ends; last what releases it."""
    said = before_release(text) if release else text
    lines = [f"{said} {release}" if release else said]
    if page.width is not None:
        width = max(_NARROWEST, page.width - len(_INDENT))
        lines = textwrap.wrap(said, width, break_long_words=False, break_on_hyphens=False)
        lines += lines_of(release, width=width) if release else []
    for line in lines:
        yield click.style(_INDENT + line, dim=True) if dim else _INDENT + line


def _call_cells(call: Written, moment: Moment) -> tuple[str, ...]:
    return (
        moment(call.at),
        safe(call.intent.resource),
        safe(call.intent.action),
        result_of(call),
        moments.took(call.duration_s),
        safe(call.intent.change) or "-",
        short(call.intent.revision),
        safe(call.request_id) or "-",
    )


def _note_cells(noted: Noted, moment: Moment) -> tuple[str, ...]:
    return (moment(noted.at), safe(noted.note.kind), safe(noted.note.resource) or "-", short(noted.note.revision))


def _widths(rows: Sequence[tuple[str, ...]]) -> list[int]:
    return [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]


def _length(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _line(row: Sequence[str], widths: Sequence[int], colours: dict[int, str] | None = None) -> str:
    """Return a row whose columns stand below each other; nothing is padded at its end."""
    cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
    cells[-1] = row[-1]
    for column, colour in (colours or {}).items():
        cells[column] = click.style(cells[column], fg=colour)
    return _GAP.join(cells)


def _heading(line: str) -> str:
    return click.style(line, fg="bright_black")
