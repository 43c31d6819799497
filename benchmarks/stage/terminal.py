"""What shows say while they run, and where their tables go."""

import sys
from typing import Final

from rich.console import Console

_PLAIN_WIDTH: Final = 110


def say(what: str) -> None:
    """Say how far a show is, in place of what it said before; on a terminal alone."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{what}")
        sys.stderr.flush()


def console() -> Console:
    """Return where a table goes; wide enough for it where nobody watches."""
    found = Console()
    return found if found.is_terminal else Console(width=_PLAIN_WIDTH)
