"""A service that tests start, on a free port of loopback, and how it is asked."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import httpx

from reconciler.ports.journal import History
from reconciler.service.health import Rhythm
from reconciler.service.metrics import Metrics
from reconciler.service.options import ServiceOptions, Sights
from reconciler.service.server import Service
from tests.fakes.board import FakeBoard
from tests.fakes.clock import FakeClock
from tests.fakes.journal import MemoryJournal

PATIENCE_S: Final = 30.0
RHYTHM: Final = Rhythm(rescan_s=10, observe_s=60)
OPTIONS: Final = ServiceOptions(host="127.0.0.1", port=0)


@dataclass(kw_only=True)
class Stage:
    """What a service looks at, and what became of it."""

    board: FakeBoard = field(default_factory=FakeBoard)
    clock: FakeClock = field(default_factory=lambda: FakeClock(auto=False))
    options: ServiceOptions = OPTIONS
    open_history: Callable[[], History] | None = None
    has_ended: bool = False
    rhythm: Rhythm = RHYTHM
    branch: str = ""
    pushes: int = 0

    def __post_init__(self) -> None:
        self.journal = MemoryJournal(self.clock)

    def with_options(self, **options: Any) -> "Stage":
        """Choose something."""
        self.options = replace(self.options, **options)
        return self

    @property
    def sights(self) -> Sights:
        """Return what the service looks at."""
        return Sights(
            board=self.board,
            open_history=self.open_history or (lambda: self.journal),
            clock=self.clock,
            rhythm=lambda: self.rhythm,
            branch=lambda: self.branch,
            has_ended=lambda: self.has_ended,
            on_push=self._push,
        )

    def build(self) -> Service:
        """Return a service that is not started."""
        # Its own, because a registry takes the gauges of one board.
        self.metrics = Metrics()
        self.service = Service(self.options, self.sights, self.metrics)
        return self.service

    @contextlib.asynccontextmanager
    async def served(self, **client: Any) -> AsyncIterator[httpx.AsyncClient]:
        """Lend a client of the running service."""
        async with self.build() as service:
            headers = {"Accept": "application/json"}
            async with httpx.AsyncClient(
                base_url=service.url, timeout=PATIENCE_S, trust_env=False, headers=headers, **client
            ) as asking:
                yield asking

    @contextlib.asynccontextmanager
    async def asked(self, *, host: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
        """Lend a client of the same application without a server, which costs nothing to start and stop."""
        transport = httpx.ASGITransport(self.build().application(), client=("127.0.0.1", 50_000))
        async with httpx.AsyncClient(base_url=f"http://{host}:8080", transport=transport) as asking:
            yield asking
        await self.service.stop()

    def _push(self) -> None:
        self.pushes += 1


def secret_file(path: Path, *lines: str) -> Path:
    """Return a file that holds these secrets."""
    path.write_text("".join(f"{line}\n" for line in lines))
    return path
