"""`reconciler run --demo`: the manifests on this machine, a signal at every input, a receiver at every output."""

import asyncio
import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from reconciler.cli.audience import Audience, Row
from reconciler.cli.held_panel import panel
from reconciler.domain.errors import BackendError, ExitStatus
from reconciler.domain.model import Desired, FlowSpec, OutputSpec
from reconciler.domain.resolution import secrets_of
from reconciler.domain.safety.releases import whole
from reconciler.domain.secrets import SecretRef, SecretSource
from reconciler.media.probe import ReceptionState

if TYPE_CHECKING:
    from reconciler.engine.reconcile import PassOutcome
    from reconciler.wiring import Session

DELIVERED_FRAMES: Final = 101
"""Frames that a receiver must have counted before its output has delivered: four seconds of picture."""
DELIVERY_S: Final = 60.0
"""Seconds within which every output must have delivered, with `--once`."""
_REFRESH_S: Final = 0.5
_FRAME: Final = 5
"""Lines of the table's head and of the space around it, and the one where the cursor stands."""
_LEAST: Final = 7
"""Lines that what is held back may take in any case: two of them with reason and command, and how many more."""
_PLAIN_WIDTH: Final = 160
"""Columns of the table where no terminal says how many there are: nothing is cut off in a log."""
_KEY_BYTES: Final = 12


def make_missing_secrets(desired: Desired, directory: Path) -> tuple[Path, ...]:
    """
    Make up the secret files that the manifests name and that are not there, each 0600; return those made.

    The demonstration's secrets are nobody's: what matters is that no example ever ships one.
    """
    made: list[Path] = []
    for ref in _file_secrets(desired):
        path = directory / ref.name
        if path.exists():
            continue
        # What is above is closed to others, too: it is the state directory, as a rule.
        directory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(_KEY_BYTES) + "\n")
        made.append(path)
    return tuple(made)


class Demonstration:
    """Runs the loop of a session with an audience around it, and shows what arrives."""

    def __init__(self, session: "Session", *, console: Console, once: bool) -> None:
        self._session = session
        self._console = console
        self._once = once
        self._passed = asyncio.Event()
        self._loop = session.loop(self._on_pass)
        self._outcome: PassOutcome | None = None
        self._ended = asyncio.Event()

    def stop(self) -> None:
        """End it; the call in flight is finished."""
        self._ended.set()
        self._loop.stop()

    async def run(self) -> ExitStatus:
        """Run until stopped; with `once` until every output has delivered, or not in time."""
        async with Audience(self._session.world.backend) as audience:
            looping = asyncio.create_task(self._loop.run())
            try:
                status = await self._show(audience, looping)
            finally:
                self._loop.stop()
                await asyncio.wait({looping})
            if not looping.cancelled() and (error := looping.exception()) is not None:
                raise error
            return status

    def _on_pass(self, outcome: "PassOutcome") -> None:
        self._outcome = outcome
        self._passed.set()

    async def _show(self, audience: Audience, looping: "asyncio.Task[None]") -> ExitStatus:
        clock = self._session.world.clock
        until_s = clock.monotonic_s() + DELIVERY_S
        live = Live(console=self._console, auto_refresh=False, transient=False)
        with live if self._console.is_terminal else contextlib.nullcontext():
            while not self._ended.is_set() and not looping.done():
                await self._look(audience)
                rows = audience.rows()
                if self._console.is_terminal:
                    live.update(self._picture(rows), refresh=True)
                if self._once and (_delivered(rows) or clock.monotonic_s() > until_s):
                    break
                await clock.wait(self._ended, _REFRESH_S)
        return self._conclude(audience.rows())

    def _picture(self, rows: tuple[Row, ...]) -> Group:
        size = self._console.size
        return picture(rows, self._outcome, width=size.width, height=size.height)

    async def _look(self, audience: Audience) -> None:
        if not self._passed.is_set():
            return
        try:
            await audience.follow(await self._session.world.backend.regions())
        except BackendError:
            # The relay is on its way up or down; the loop reports it, and the next look tries again.
            return

    def _conclude(self, rows: tuple[Row, ...]) -> ExitStatus:
        if not self._console.is_terminal:
            self._console.print(table(rows))
        if not self._once or (rows and _delivered(rows)):
            return ExitStatus.OK
        for line in self._reasons(rows):
            click.secho(line, err=True, fg="red")
        return ExitStatus.ALL_FAILED

    def _reasons(self, rows: tuple[Row, ...]) -> Iterator[str]:
        if self._ended.is_set():
            yield "error: cut short before every output had delivered"
            return
        if not rows:
            yield f"error: no output appeared within {DELIVERY_S:.0f} s"
        for row in rows:
            if row.reception.frames < DELIVERED_FRAMES:
                why = row.trouble or row.reception.last_error or "nothing arrived, and nobody said why"
                yield (
                    f"error: {row.key} delivered {row.reception.frames} of {DELIVERED_FRAMES} frames "
                    f"within {DELIVERY_S:.0f} s: {why}"
                )
        if self._outcome is not None:
            left = self._outcome.left
            yield from (f"error: {item.change.key}: {item.why}" for item in self._outcome.undone)
            held: list[tuple[object, str]] = [(item.key, item.why) for item in left.failed]
            held += [(item.key, whole(item)) for item in left.blocked]
            held += [(item.key, item.why) for item in left.waiting]
            yield from (f"error: {key}: {why}" for key, why in held)


def console_for(*, color: bool | None) -> Console:
    """Return where the table is shown: colours and a live table on a terminal alone."""
    console = Console(no_color=color is False, highlight=False)
    return console if console.is_terminal else Console(no_color=True, highlight=False, width=_PLAIN_WIDTH)


def picture(rows: tuple[Row, ...], outcome: "PassOutcome | None", *, width: int, height: int) -> Group:
    """Return the table and what is held back below it, in no more lines than the terminal has."""
    room = height - _FRAME
    held = [] if outcome is None else panel(outcome, width=width, lines=max(_LEAST, room - len(rows)))
    most = max(1, room - len(held))
    shown = rows if len(rows) <= most else rows[: most - 1]
    parts: list[RenderableType] = [table(shown)]
    if len(shown) < len(rows):
        parts.append(Text(f"and {len(rows) - len(shown)} more outputs; `reconciler status` shows all"))
    # Of one width with the terminal and never wrapped anew: people copy these lines.
    parts += [Text(line, style="yellow", no_wrap=True, overflow="crop") for line in held]
    return Group(*parts)


def table(rows: tuple[Row, ...]) -> Table:
    """Return the table that people watch."""
    shown = Table(box=SIMPLE_HEAD, pad_edge=False)
    shown.add_column("output", no_wrap=True)
    shown.add_column("protocol", no_wrap=True)
    shown.add_column("state", no_wrap=True)
    shown.add_column("bitrate", justify="right", no_wrap=True)
    shown.add_column("frames", justify="right", no_wrap=True)
    shown.add_column("gaps", justify="right", no_wrap=True)
    # Where there is no room, this one gives way: its cells are cut, and never wrapped.
    shown.add_column("picture")
    for row in rows:
        shown.add_row(*_cells(row))
    return shown


def _cells(row: Row) -> tuple[str | Text, ...]:
    got = row.reception
    receiving = got.state is ReceptionState.RECEIVING
    colour = "green" if receiving and row.state == "Connected" else "yellow"
    picture = f"{got.codec} {got.width}x{got.height} {got.fps:g} fps" if got.width else ""
    why = row.trouble or ("" if receiving else got.last_error)
    return (
        f"{row.key.flow}/{row.key.name}",
        row.protocol,
        f"[{colour}]{row.state or 'Idle'}[/{colour}]",
        f"{got.bitrate_bps / 1_000_000:.2f} Mb/s" if receiving else "-",
        str(got.frames),
        str(got.discontinuities),
        Text(picture or why, no_wrap=True, overflow="ellipsis"),
    )


def _delivered(rows: tuple[Row, ...]) -> bool:
    return bool(rows) and all(row.reception.frames >= DELIVERED_FRAMES for row in rows)


def _file_secrets(desired: Desired) -> Iterator[SecretRef]:
    specs: list[FlowSpec | OutputSpec] = [flow.spec for flow in desired.flows]
    specs += [output.spec for output in desired.outputs]
    for spec in specs:
        for secret in secrets_of(spec):
            if isinstance(secret, SecretRef) and secret.source is SecretSource.FILE:
                yield secret
