"""What `docs/operations.md` has people type at night can be typed."""

import re
import shlex
from pathlib import Path
from typing import Final

import click

from reconciler.cli.main import cli

PAGE: Final = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
TYPED: Final = re.compile(r"^ *(reconciler .*?)(?: {2,}#.*)?$|`(reconciler [a-z][^`]*)`", re.MULTILINE)


def wrong(typed: str) -> str:
    """Return what of a command is unknown, "" for none."""
    words = shlex.split(re.split(r"[|;]| > ", typed)[0], comments=True)[1:]
    command: click.Command | None = cli
    while isinstance(command, click.Group) and words:
        command = command.get_command(click.Context(command), words.pop(0))
    if command is None:
        return "its verb"
    known = {name for parameter in command.params for name in parameter.opts}
    return " ".join(word for word in words if word.startswith("-") and word not in known)


def test_each_command_is_one() -> None:
    """Its verb is there, and so is each option; a fault that is put in is found."""
    typed = [found[1] or found[2] for found in TYPED.finditer(PAGE)]

    assert len(typed) > 20
    assert {one: wrong(one) for one in typed if wrong(one)} == {}
    assert [wrong("reconciler halt"), wrong("reconciler pause --everything")] == ["its verb", "--everything"]


def test_what_is_most_urgent_stands_first() -> None:
    """Whoever opens it at 2 a.m. wants to stop something, or to see what is wrong."""
    sections = re.findall(r"^## (.*)$", PAGE, re.MULTILINE)

    assert sections[:3] == ["Stop everything", "What is wrong", "Alerts"]
