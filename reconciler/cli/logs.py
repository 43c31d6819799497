"""Events on stderr: JSON for machines, lines for people."""

import sys

import structlog

from reconciler.settings import LogFormat

_LEVELS = {"debug": 10, "info": 20}


def configure(wanted: LogFormat | None, *, color: bool | None = None, level: str = "info") -> None:
    """Write every event to stderr from now on; the default is text on a terminal, else JSON."""
    on_terminal = sys.stderr.isatty()
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
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
