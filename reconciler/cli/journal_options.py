"""What the verbs that read the journal have in common."""

import shutil
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Verb

if TYPE_CHECKING:
    from reconciler.cli.journal_view import Page
    from reconciler.journal.reader import JournalReader


def limit_option(verb: Verb) -> Verb:
    """Give a verb the option `--limit`."""
    return click.option(
        "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="The newest so many, at most."
    )(verb)


def page() -> "Page":
    """Return what stdout is: a terminal of some width with local times, or anything else with times of UTC."""
    from reconciler.cli import moments
    from reconciler.cli.journal_view import Page

    if not sys.stdout.isatty():
        return Page()
    return Page(width=shutil.get_terminal_size().columns, moment=moments.local)


def nothing(reader: "JournalReader", what: str, of: str) -> str:
    """Return why there is nothing to show."""
    if not reader.is_there:
        return f"There is no journal at {reader.path} yet; `run` and `apply` write one. --state says where it is."
    if not of:
        return f"The journal at {reader.path} has no {what}."
    elsewhere = f"If it had another name before, its past is under that: `reconciler why {of}` says which"
    return f"The journal at {reader.path} has no {what} of {of}. {elsewhere}."


def tell(lines: Iterable[str], *, color: bool | None) -> None:
    """Write the lines of a result."""
    for line in lines:
        click.echo(line, color=color)
