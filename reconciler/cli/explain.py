"""`reconciler explain`."""

import re
import shutil
import sys
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from reconciler.domain.errors import UsageError

if TYPE_CHECKING:
    from reconciler.domain.findings import Rule
    from reconciler.manifests.fields import Field

_RULE: Final = re.compile(r"[Ss][Ll][0-9]+")
_MOST: Final = 100
"""Columns of a line; fewer where the terminal has not as many."""
_LEAST: Final = 20
"""Columns that words need; where there are fewer the terminal breaks the lines."""


@click.command(name="explain")
@click.argument("what")
def command(what: str) -> None:
    """
    Say what a property or a rule means.

    WHAT is a way to a property, such as output.srt.latency, or its name alone; flow, output, approval,
    override, calendar or move lists what there is. Or it is a rule's id, such as SL214; rules lists them all.
    """
    from reconciler.domain.rules.catalogue import RULES
    from reconciler.manifests.fields import UnknownFieldError, field_at

    if what.upper() in RULES:
        lines = _of_rule(RULES[what.upper()])
    elif what.lower() == "rules":
        lines = (f"{rule.id}  {rule.severity:7}  {rule.name}" for rule in RULES.values())
    elif _RULE.fullmatch(what):
        raise UsageError(f"There is no rule {what}; `reconciler explain rules` lists them.")
    else:
        try:
            lines = _of_field(field_at(what))
        except UnknownFieldError as error:
            raise UsageError(f"There is nothing to explain: {error}") from error
    for line in lines:
        click.echo(line)


def _of_rule(rule: "Rule") -> Iterator[str]:
    from reconciler.domain.findings import Example

    yield click.style(f"{rule.id} {rule.name}", bold=True) + f" ({rule.severity})"
    yield ""
    yield from _filled(f"{rule.explanation} {rule.remedy}")
    if rule.can_be_excused:
        excuse = f'A resource is excused from it by metadata.annotations: reconciler/ignore: "{rule.id}: why".'
        yield from ("", *_filled(excuse))
    yield ""
    if isinstance(rule.example, Example):
        for word, colour, part in (("wrong", "red", rule.example.wrong), ("right", "green", rule.example.right)):
            yield click.style(f"# {word}", fg=colour)
            yield from part.splitlines()
    else:
        yield from _filled(f"For example: {rule.example}.")


def _of_field(field: "Field") -> Iterator[str]:
    yield click.style(field.way, bold=True) + (f"  ({field.types})" if field.types else "")
    yield ""
    yield from _filled(field.description)
    if field.values:
        yield from _filled(f"Values: {', '.join(field.values)}.")
    if field.default not in (None, "", [], {}) and "Default" not in field.description:
        yield f"Default: {field.default}."
    if field.is_required:
        yield "It must be given."
    if field.children:
        yield ""
        width = max(len(_name(child)) for child in field.children)
        for child in field.children:
            first = child.description.split(". ")[0].rstrip(".")
            mark = "*" if child.is_required else ""
            name = click.style(_name(child), fg="cyan") + mark + " " * (width - len(_name(child)) + (not mark))
            yield f"  {name} {_short(first, _width() - width - 4)}"
        yield "  (* must be given)" if any(child.is_required for child in field.children) else ""


def _name(field: "Field") -> str:
    return field.way.rpartition(".")[2]


def _short(said: str, width: int) -> str:
    """Return words cut to a terminal's width; elsewhere they are whole."""
    return textwrap.shorten(said, max(_LEAST, width), placeholder=" …") if sys.stdout.isatty() else said


def _filled(said: str) -> list[str]:
    return textwrap.wrap(said, _width(), break_long_words=False, break_on_hyphens=False)


def _width() -> int:
    return max(_LEAST, min(_MOST, shutil.get_terminal_size().columns))
