"""What calendars say, on a terminal: two tables where there is room for them, else paragraphs."""

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reconciler.cli.calendar_view import COLOURS, NONE, about, in_utc, moment, state, there, times
from reconciler.cli.outlook import Now, Outlook
from reconciler.domain.policies import Calendar, WindowKind
from reconciler.domain.upcoming import AROUND, Stretch

LEAST_COLUMNS: Final = 78
"""Of a terminal on which tables are read more easily than paragraphs."""
_KIND_WIDTH: Final = max(map(len, WindowKind))


def tables(seen: Outlook, width: int) -> Iterator[RenderableType]:
    """Yield what to print for an outlook on a terminal of this many columns; nothing in it is read as markup."""
    if not seen.calendars:
        yield Text(NONE)
        return
    has_room = width >= LEAST_COLUMNS
    yield Text(f"At {moment(seen.at)}:", style="bold")
    yield from [_now_table(seen.now)] if has_room else map(_now_paragraph, seen.now)
    yield Text(
        f"Opens until {moment(seen.until)}:" if seen.next else f"Nothing opens until {moment(seen.until)}.", "bold"
    )
    if seen.next:
        yield from [_next_table(seen.next)] if has_room else map(_next_paragraph, seen.next)


def _now_table(rows: tuple[Now, ...]) -> Table:
    shown = _table("calendar", "holds", "until", "about")
    for row in rows:
        said = "if something is on air" if row.ended else "outside its windows" if row.is_outside else ""
        holds = _kind(row.kind, said or _goes_on(overruns=row.overruns))
        shown.add_row(_name(row.calendar), holds, _until(row), Text(about(row.calendar), overflow="fold"))
    return shown


def _next_table(rows: tuple[Stretch, ...]) -> Table:
    shown = _table("calendar", "opens", "from", "until")
    for row in rows:
        opens = _kind(row.kind, _goes_on(overruns=row.overruns))
        shown.add_row(_name(row.calendar), opens, _time(row.begins, row.zone), _time(row.ends, row.zone))
    return shown


def _table(*heads: str) -> Table:
    """Return a table in which no time is broken: names and words give way."""
    shown = Table(box=SIMPLE_HEAD, pad_edge=False)
    for head in heads:
        is_time = head in {"from", "until"}
        shown.add_column(head, no_wrap=is_time, min_width=_KIND_WIDTH if head in {"holds", "opens"} else None)
    return shown


def _now_paragraph(row: Now) -> RenderableType:
    return _paragraph(row, f"{state(row)}; about {about(row.calendar)}")


def _next_paragraph(row: Stretch) -> RenderableType:
    return _paragraph(row, times(row))


def _paragraph(row: Now | Stretch, said: str) -> RenderableType:
    lead = Text.assemble((str(row.kind), COLOURS[row.kind]), f" {row.calendar.name}")
    return Group(lead, Padding(Text(said), (0, 0, 0, 2)))


def _name(calendar: Calendar) -> Text:
    return Text.assemble(calendar.name, (f"\n{calendar.zone}", "dim"), overflow="fold")


def _kind(kind: WindowKind, said: str) -> Text:
    return Text.assemble((str(kind), COLOURS[kind]), (f"\n{said}" if said else "", "dim"))


def _goes_on(*, overruns: bool) -> str:
    return "longer while on air" if overruns else ""


def _until(row: Now) -> Text:
    return Text("a year from now,\nor later") if row.is_outside and row.until is None else _time(row.until, row.zone)


def _time(at: datetime | None, zone: tzinfo) -> Text:
    if at is None:
        return Text(f"{AROUND.days} days from now,\nor later")
    return Text.assemble(there(at, zone), (f"\n{in_utc(at, zone)}", "dim"))
