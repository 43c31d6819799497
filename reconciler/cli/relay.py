"""`reconciler relay`: the embedded StreamLink on its own, until it is told to stop."""

import asyncio
import signal
from pathlib import Path
from typing import Any, Final

import click

from reconciler.cli.asynchronous import on_signals
from reconciler.cli.logs import configure
from reconciler.cli.options import Options
from reconciler.cli.relay_options import relay_options, relay_settings, state_option
from reconciler.coordination.alone import AloneInDirectory, holder_of, terminate
from reconciler.domain.errors import EnvironmentFailedError, UsageError
from reconciler.relay import credentials, registration, supervisor
from reconciler.relay.service import Relay
from reconciler.relay.settings import RelaySettings
from reconciler.settings import DEFAULT_STATE, LogFormat

_STOP_TIMEOUT_S: Final = 30.0


@click.group(name="relay", invoke_without_command=True)
@relay_options
@click.pass_context
def command(ctx: click.Context, /, **said: Any) -> None:
    """
    Serve the embedded relay on its own.

    It answers as StreamLink does, and carries the media on this machine, until SIGTERM or Ctrl-C. docs/relay.md says
    how to run it for others than this machine.
    """
    if ctx.invoked_subcommand is not None:
        return
    options = _options(ctx)
    configure(LogFormat(options.log_format) if options.log_format else None, color=options.use_color)
    asyncio.run(serve(relay_settings(said, state=_default_state(ctx))))


@command.command()
@state_option
@click.pass_context
def stop(ctx: click.Context, *, state: Path | None) -> None:
    """End the relay of a state directory, or what a killed one left there, and wait until it is gone."""
    directory = state or _default_state(ctx)
    if state is not None and not state.exists():
        raise UsageError(f"There is no directory {state}, so no relay can run on it. Is the path right?")
    holder = holder_of(directory)
    if holder is None:
        ended = asyncio.run(supervisor.end_left_over(directory / supervisor.FOLDER))
        click.echo(f"No relay runs on {directory}.{_left(ended)}", err=True)
        return
    if registration.read(directory) is None:
        raise UsageError(f"Process {holder.pid} holds {directory}, but serves no relay there; it is left alone.")
    if not terminate(holder, timeout_s=_STOP_TIMEOUT_S):
        raise EnvironmentFailedError(
            f"Process {holder.pid} was told to end {_STOP_TIMEOUT_S:.0f} s ago and still runs. "
            f"`kill -9 {holder.pid}` ends it for certain, but leaves its engines to the next start."
        )
    click.echo(f"The relay on {directory} (process {holder.pid}) has ended.", err=True)


def _left(ended: int) -> str:
    """Say how many engines of a killed relay were ended."""
    if not ended:
        return ""
    which = "engine that a killed one left there was" if ended == 1 else "engines that a killed one left there were"
    return f" {ended} {which} ended."


async def serve(settings: RelaySettings) -> None:
    """Serve until a signal says stop."""
    told_to_stop = asyncio.Event()
    alone = AloneInDirectory(settings.state, verb="relay")
    alone.acquire()
    try:
        with on_signals(told_to_stop.set, signal.SIGTERM, signal.SIGINT):
            async with Relay(settings) as relay:
                _announce(relay)
                await told_to_stop.wait()
    finally:
        alone.release()


def _announce(relay: Relay) -> None:
    settings = relay.settings
    if settings.faults is not None:
        click.echo(
            f"WARNING: faults are on, and this relay misbehaves on purpose: {', '.join(settings.faults.names)}.\n"
            f"  It is for tests alone; without --faults it behaves.",
            err=True,
        )
    click.echo(
        f"The relay serves {', '.join(settings.regions)} at {relay.endpoint}\n"
        f"  credentials: {settings.state / credentials.FILE_NAME}\n"
        f"  stop it:     Ctrl-C, or: reconciler relay stop --state {settings.state}",
        err=True,
    )


def _options(ctx: click.Context) -> Options:
    return ctx.find_object(Options) or Options()


def _default_state(ctx: click.Context) -> Path:
    """Return what was given to an outer command, or the state directory that every verb uses."""
    outer = ctx.parent.params.get("state") if ctx.parent is not None else None
    return outer or _options(ctx).state or DEFAULT_STATE
