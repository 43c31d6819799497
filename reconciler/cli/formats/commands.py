"""What people copy, commands and ids: whole, and broken only where a shell goes on."""

import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from typing import Final, Self, TextIO

import click

from reconciler.domain.safety.releases import before_release

_WORD: Final = re.compile(r"""(?:--[a-z-]+ )?(?:'[^']*'|"[^"]*"|[^\s'"])+""")
_ID_AT_END: Final = re.compile(r"(.*?)((?:\x1b\[[0-9;]*m)*) +(\[[0-9a-f]{12}\](?:\x1b\[[0-9;]*m)*)")
_GOES_ON: Final = " \\"


class Releasing(str):
    """A line that ends with the command that releases what it tells of."""

    __slots__ = ("command", "said")

    said: str
    """What stands before the command."""
    command: str

    def __new__(cls, why: str, command: str) -> Self:
        """Return the line of a reason and a command."""
        said = before_release(why)
        line = super().__new__(cls, f"{said} {command}")
        line.said, line.command = said, command
        return line


def lines_of(command: str, *, width: int | None) -> list[str]:
    """Return a command in lines of at most so many columns that a shell takes as one; no word of it is cut."""
    if width is None or len(command) <= width:
        return [command]
    first, *words = _WORD.findall(command)
    lines = [first]
    for word in words:
        if len(lines[-1]) + 1 + len(word) + len(_GOES_ON) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(f"  {word}")
    return [*(line + _GOES_ON for line in lines[:-1]), lines[-1]]


def columns_of(stream: TextIO) -> int | None:
    """Return how many columns a stream has; None where it is no terminal, and nothing is broken."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


def unbroken(lines: Iterable[str], width: int | None) -> Iterator[str]:
    """Yield lines, and on lines of their own the commands and ids that the end of the terminal would break."""
    for line in lines:
        if width is None or len(click.unstyle(line)) <= width:
            yield line
        elif isinstance(line, Releasing):
            yield line.said
            yield from lines_of(line.command, width=width)
        elif (found := _ID_AT_END.fullmatch(line)) is not None:
            yield found[1]
            yield f"    {found[2]}{found[3]}"
        else:
            yield line


def tell(lines: Iterable[str], *, err: bool = False) -> None:
    """Write lines to stdout, or to stderr; on a terminal its end breaks nothing that people copy."""
    for line in unbroken(lines, columns_of(sys.stderr if err else sys.stdout)):
        click.echo(line, err=err)
