"""Events on stderr: JSON for machines, lines for people."""

import contextlib
import os
import sys
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Final, TextIO

import structlog

from reconciler.cli.journal_view import short
from reconciler.settings import LogFormat

OF_CALLS: Final = frozenset({"relay.request_finished", "streamlink.call_finished"})
"""Events of single calls: of those that went well, the event of the change says all that people look for."""
_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_COLUMNS: Final = 24
"""Of the name of an event; nearly all have room."""
_ALWAYS: Final = frozenset({"event", "level", "timestamp"})


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
    wanted: LogFormat | None,
    *,
    color: bool | None = None,
    level: str = "info",
    stream: TextIO | None = None,
    spared: AbstractSet[str] = frozenset(),
) -> None:
    """
    Write every event to `stream`, else stderr, from now on; the default is text on a terminal, else JSON.

    A terminal has the time of its clock and is spared what says nothing: counts of none, the rest of a long hash, and
    of the events `spared` those that went well.
    """
    stream = sys.stderr if stream is None else stream
    on_terminal = stream.isatty()
    form = wanted or (LogFormat.TEXT if on_terminal else LogFormat.JSON)
    stamper = structlog.processors.TimeStamper(fmt="iso", utc=True)
    brief: list[structlog.typing.Processor] = []
    renderer: structlog.typing.Processor
    if form is LogFormat.JSON:
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=on_terminal if color is None else color, pad_event_to=_COLUMNS, sort_keys=False
        )
        if on_terminal:
            stamper = structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
            brief.append(_Brief(spared))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            stamper,
            *brief,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )


class _Brief:
    """Leaves out of an event what says nothing to people."""

    def __init__(self, spared: AbstractSet[str]) -> None:
        self._spared = spared

    def __call__(self, _: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        """
        Return the event as a terminal shows it.

        Raises:
            structlog.DropEvent: it tells of a call that went well, and is spared.

        """
        if event["event"] in self._spared and not event.get("code"):
            raise structlog.DropEvent
        told = {name: value for name, value in event.items() if value or name in _ALWAYS}
        return told | ({"revision": short(told["revision"])} if "revision" in told else {})
