"""`reconciler calendar`."""

import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from reconciler.cli.options import Options, form_option, paths_argument
from reconciler.domain.errors import ExitStatus

if TYPE_CHECKING:
    from reconciler.cli.outlook import Outlook

_SPAN: Final = re.compile(r"([1-9][0-9]{0,4})([hdw])")
_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
LONGEST: Final = timedelta(days=366)
"""Longest span that is shown: a year of windows that open every day is long enough a list."""
FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2199
"""What clocks will show after it is anybody's guess."""


def span_of(_: click.Context, __: click.Parameter, said: str) -> timedelta:
    """
    Return what a number of hours, days or weeks says, such as 7d.

    Raises:
        BadParameter: it is none, or longer than is shown.

    """
    found = _SPAN.fullmatch(said)
    if found is None:
        raise click.BadParameter(f"{said!r} is no span; write a number with h, d or w, such as 12h, 7d or 4w.")
    span = int(found[1]) * _UNITS[found[2]]
    if span > LONGEST:
        raise click.BadParameter(f"{said} is {span.days} days; at most {LONGEST.days} are shown.")
    return span


def moment_of(_: click.Context, __: click.Parameter, said: str | None) -> datetime | None:
    """
    Return what a date and time with its zone says, in UTC; None where nothing is said.

    Raises:
        BadParameter: it is none, has no zone, or is too far away.

    """
    if said is None:
        return None
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        raise click.BadParameter(f"{said!r} is no time; write one such as 2026-11-28T18:00Z.") from None
    if found.tzinfo is None:
        raise click.BadParameter(f"{said!r} does not say where; end it with Z for UTC, or an offset such as +01:00.")
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise click.BadParameter(f"{said!r} is too far away; years from {FIRST_YEAR} to {LAST_YEAR} are shown.")
    return found.astimezone(UTC)


@click.command(name="calendar")
@paths_argument
@click.option(
    "--next",
    "span",
    callback=span_of,
    default="7d",
    show_default=True,
    metavar="SPAN",
    help="How far to look: 12h, 7d, 4w.",
)
@click.option(
    "--at", callback=moment_of, metavar="TIME", help="Look from another moment: 2026-11-28T18:00Z.  [default: now]"
)
@form_option
@click.pass_obj
def command(options: Options, /, paths: tuple[Path, ...], *, span: timedelta, at: datetime | None, form: str) -> None:
    """
    Show which windows of calendars are open, and what opens next.

    PATH is a manifest or a directory of them; without any, what the settings say, else manifests/. No backend is asked:
    whether a window goes on because something is on air is told as a possibility. Ends with 3 when manifests have
    errors; what the others say is shown all the same.
    """
    from reconciler import wiring
    from reconciler.cli import logs, render
    from reconciler.cli.outlook import outlook
    from reconciler.domain.findings import Severity, has_errors
    from reconciler.sources.clock import SystemClock

    settings = options.settings()
    if wiring.is_followed(settings, paths):
        logs.configure(settings.log_format, level="warning")
    verdict = wiring.verdict_now(settings, paths)
    errors = [finding for finding in verdict.findings if finding.weight is Severity.ERROR]
    for line in render.findings(errors):
        click.echo(line, err=True)
    begin = at or SystemClock().now().replace(microsecond=0)
    seen = outlook(verdict.policies.calendars, begin, begin + span, wiring.zone_of)
    show(seen, form=form, color=options.use_color, errors=tuple(map(str, errors)))
    if has_errors(verdict.findings):
        raise click.exceptions.Exit(ExitStatus.FINDINGS)


def show(seen: "Outlook", *, form: str, color: bool | None, errors: tuple[str, ...] = ()) -> None:
    """Show what is open and what opens: JSON, a table on a terminal, or lines of text."""
    from reconciler.cli import calendar_view

    if form == "json":
        from reconciler.cli.formats.json import dumped

        click.echo(dumped(calendar_view.document(seen, errors)))
    elif errors and not seen.calendars:
        click.echo(calendar_view.NONE_SOUND, err=True)
    elif sys.stdout.isatty():
        from rich.console import Console

        from reconciler.cli.calendar_tables import tables

        console = Console(no_color=color is False, highlight=False)
        for part in tables(seen, console.width):
            console.print(part)
    else:
        for line in calendar_view.lines(seen):
            click.echo(line)
