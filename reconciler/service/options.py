"""What the service is told, and what it looks at."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reconciler.ports.clock import Clock
from reconciler.ports.journal import History
from reconciler.ports.status import Board
from reconciler.service.health import Rhythm


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOptions:
    """What may be chosen."""

    host: str
    """An address of this machine; a loopback one is open to everybody on it."""
    port: int
    """0 takes a free one."""
    token_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    webhook_secret_file: Path | None = None
    """None for no webhooks."""
    state: Path | None = None
    """The directory in which it says where it answers, for others on this machine; None to tell nobody."""
    bitrate_series: int = 500
    """Outputs whose bitrate is a series of its own, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sights:
    """What the service looks at; it changes none of it."""

    board: Board
    open_history: Callable[[], History]
    """Called in another thread, for each question anew."""
    clock: Clock
    rhythm: Callable[[], Rhythm]
    """Returns how often the loop looks and passes now: settings may be read anew."""
    branch: Callable[[], str] = lambda: ""
    """Returns the branch that is followed now, pushes to others are not of interest; "" where every push is."""
    has_ended: Callable[[], bool] = lambda: False
    """Whether the loop's task is over, in whatever way."""
    on_push: Callable[[], None] = lambda: None
    """Called in the event loop when a webhook says that somebody has pushed."""
