"""`reconciler run` as a service: signals, the supervisor that restarts it, and settings that are read anew."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import structlog

from reconciler.cli.asynchronous import on_signals
from reconciler.cli.invocation import Invocation
from reconciler.cli.off_air import Ending, on_air_at
from reconciler.domain.errors import ReconcilerError

if TYPE_CHECKING:
    from reconciler.engine.loop import Loop
    from reconciler.ports.supervision import Supervisor
    from reconciler.settings import Settings
    from reconciler.wiring import Session

log: Final = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How it was started."""

    settings: "Settings"
    paths: tuple[Path, ...]
    observes: bool
    here: Invocation
    again: "Callable[[], Settings]"
    """Reads the settings anew."""


async def for_ever(start: Start) -> None:
    """Keep the backend as the manifests say, until a signal ends it; SIGHUP has it read its settings anew."""
    await Service(start).run()


def say_where(session: "Session") -> None:
    """Say on stderr which backend is meant."""
    click.echo(f"Backend: {session.world.backend.name}", err=True)


class Service:
    """One `run` that goes on."""

    def __init__(self, start: Start) -> None:
        """Prepare to run; nothing is started yet."""
        from reconciler import wiring

        self._start = start
        self._is_ending = False
        self._loop: Loop | None = None
        self._wants_settings = False
        self._supervisor: Supervisor = wiring.supervisor()
        self._clock = wiring.clock()
        self._ending = Ending(self._end, self._clock)

    async def run(self) -> None:
        """Start what is wanted, and keep to it."""
        from reconciler import wiring

        start = self._start
        # From the first moment on: whoever ends it while the relay starts must not leave engines behind.
        with (
            on_signals(self._ending.end, signal.SIGTERM),
            on_signals(self._ending.interrupted, signal.SIGINT),
            on_signals(self.read_again, signal.SIGHUP),
        ):
            async with wiring.session(
                start.settings, start.paths, apply=start.here.saying("apply"), observes=start.observes
            ) as session:
                if session.relay is not None:
                    self._ending.carries(partial(on_air_at, start.settings.state))
                say_where(session)
                async with self._attended(session):
                    await self.keep(session)

    async def keep(self, session: "Session") -> None:
        """Run loop after loop, each by the settings of its time; those may be others already before the first."""
        while not self._is_ending:
            if self._wants_settings:
                self._wants_settings = False
                self._renew(session)
            self._loop = session.loop(observes=self._start.observes)
            await self._loop.run()

    def _end(self) -> None:
        self._is_ending = True
        self._supervisor.stopping("finishing what is in flight")
        if self._loop is not None:
            self._loop.stop()

    def read_again(self) -> None:
        """Have the loop end at a good moment, and begin anew by other settings; what is carried goes on."""
        self._wants_settings = True
        if self._loop is not None:
            self._supervisor.reloading()
            self._loop.stop()

    def _renew(self, session: "Session") -> None:
        apply = self._start.here.saying("apply")
        try:
            kept = session.renew(self._start.again(), apply=apply)
        except ReconcilerError as error:
            log.warning("settings.refused", why=str(error))
        else:
            log.info("settings.reread", kept=list(kept))
        if self._loop is not None:
            # Before the first loop it is not ready yet, and nobody was told of a reload.
            self._supervisor.ready("settings read anew")

    @contextlib.asynccontextmanager
    async def _attended(self, session: "Session") -> AsyncIterator[None]:
        """Tell the supervisor meanwhile how it is."""
        from reconciler.engine.attending import attend, health_of

        health = health_of(session.board, is_alive=session.is_alive)
        attending = asyncio.create_task(attend(self._supervisor, health, clock=self._clock))
        try:
            yield
        finally:
            session.has_ended = True
            attending.cancel()
            await asyncio.wait({attending})
