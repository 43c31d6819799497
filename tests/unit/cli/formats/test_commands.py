"""Tests of `cli.formats.commands`."""

import io
import shlex
from typing import Final

import click
import pytest

from reconciler.cli.formats.commands import Releasing, columns_of, lines_of, tell, unbroken

APPROVE: Final = "--approve output/news/tower:edit:0123456789ab"
COMMAND: Final = f"'/opt/a b/reconciler' --state s apply 'my site' {APPROVE} --reason 'WHY'"


@pytest.mark.parametrize("width", [1, 20, 40, 60, 80, 100])
def test_a_shell_takes_the_lines_as_one(width: int) -> None:
    """However narrow it is, no word is cut."""
    lines = lines_of(COMMAND, width=width)

    assert shlex.split("\n".join(lines).replace("\\\n", "")) == shlex.split(COMMAND)
    assert any(APPROVE in line for line in lines)
    assert width < 60 or all(len(line) <= width for line in lines)


@pytest.mark.parametrize("width", [None, len(COMMAND)])
def test_what_fits_is_one_line(width: int | None) -> None:
    """So is whatever goes elsewhere than to a terminal."""
    assert lines_of(COMMAND, width=width) == [COMMAND]


def test_what_people_copy_has_lines_of_its_own() -> None:
    """The end of a terminal breaks neither an id nor a command; elsewhere all stays as it is."""
    styled = click.style("~ edit output/news/tower  impact: none  (differs)") + click.style(f"  [{'1' * 12}]", dim=True)
    lines = ["short", "x" * 50, Releasing("why.", COMMAND), styled]

    fitted = [click.unstyle(line) for line in unbroken(lines, 48)]

    assert list(unbroken(lines, None)) == lines
    assert fitted[:3] == ["short", "x" * 50, "why. To do it all the same:"]
    assert fitted[-2:] == ["~ edit output/news/tower  impact: none  (differs)", f"    [{'1' * 12}]"]
    assert shlex.split("\n".join(fitted[3:-2]).replace("\\\n", "")) == shlex.split(COMMAND)


class Terminal(io.StringIO):
    """Says that it is one."""

    def isatty(self) -> bool:
        """Return that it is."""
        return True


@pytest.mark.parametrize("err", [False, True])
def test_lines_are_broken_by_the_terminal_that_they_go_to(monkeypatch: pytest.MonkeyPatch, *, err: bool) -> None:
    """The other stream may well be a file."""
    monkeypatch.setenv("COLUMNS", "40")
    terminal, file = Terminal(), io.StringIO()
    monkeypatch.setattr("sys.stderr" if err else "sys.stdout", terminal)
    monkeypatch.setattr("sys.stdout" if err else "sys.stderr", file)

    tell([Releasing("why.", COMMAND)], err=err)
    tell([Releasing("why.", COMMAND)], err=not err)

    assert terminal.getvalue().splitlines()[0] == "why. To do it all the same:"
    assert file.getvalue() == f"why. To do it all the same: {COMMAND}\n"


def test_columns_are_those_of_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file has none."""
    monkeypatch.setenv("COLUMNS", "72")

    assert (columns_of(Terminal()), columns_of(io.StringIO())) == (72, None)
