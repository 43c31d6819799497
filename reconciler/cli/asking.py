"""A question on the terminal, asked while the event loop runs: a signal at it does what it does anywhere else."""

import asyncio
import os
import sys
from typing import Final

import click

_ANSWERS: Final = {"y": True, "yes": True, "n": False, "no": False, "": False}
_LINE_BYTES: Final = 4096
"""As long as a line can be on a terminal: termios(3), canonical mode."""


def may_ask() -> bool:
    """Return whether somebody sits there who can be asked: what is read from and what is told to are a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


async def agrees(question: str) -> bool:
    """
    Return whether whoever sits at the terminal says yes; Enter and the end of the input say no.

    It asks on stderr and reads from stdin, which is a terminal. Nothing waits within a read: a signal that came just
    before it would be noticed only with the next key.
    """
    while True:
        click.echo(f"{question} [y/N]: ", nl=False, err=True)
        typed = await _typed()
        answer = _ANSWERS.get(typed.strip().lower())
        if not typed:
            click.echo(err=True)
        if answer is not None:
            return answer
        click.echo("Say y, or n.", err=True)


async def _typed() -> str:
    """Return a line, with its end; "" at the end of the input."""
    there = asyncio.Event()
    loop, terminal = asyncio.get_running_loop(), sys.stdin.fileno()
    loop.add_reader(terminal, there.set)
    try:
        await there.wait()
    finally:
        loop.remove_reader(terminal)
    return os.read(terminal, _LINE_BYTES).decode(errors="replace")
