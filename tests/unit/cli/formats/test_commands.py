"""Tests of `cli.formats.commands`."""

import shlex
from typing import Final

import pytest

from reconciler.cli.formats.commands import lines_of

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
