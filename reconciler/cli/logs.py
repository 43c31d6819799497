"""Events on stderr: JSON for machines, lines for people."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import structlog

from reconciler.settings import LogFormat

_LEVELS = {"debug": 10, "info": 20, "warning": 30}


@contextlib.contextmanager
def written_to(path: Path | None, wanted: LogFormat | None) -> Iterator[None]:
    """Write events to this file (0600) meanwhile, so that they do not disturb a live table; None for stderr."""
    if path is None:
        configure(wanted)
        yield
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a", buffering=1) as file:
        configure(wanted, stream=file)
        yield


def configure(
    wanted: LogFormat | None, *, color: bool | None = None, level: str = "info", stream: TextIO | None = None
) -> None:
    """Write every event to `stream`, else stderr, from now on; the default is text on a terminal, else JSON."""
    stream = sys.stderr if stream is None else stream
    on_terminal = stream.isatty()
    form = wanted or (LogFormat.TEXT if on_terminal else LogFormat.JSON)
    renderer: structlog.typing.Processor
    if form is LogFormat.JSON:
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=on_terminal if color is None else color)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
