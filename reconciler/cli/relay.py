"""`reconciler relay`: the embedded StreamLink on its own, until it is told to stop."""

import asyncio
import signal
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from reconciler import wiring
from reconciler.cli.asking import agrees, may_ask
from reconciler.cli.asynchronous import on_signals, one_shot
from reconciler.cli.logs import configure
from reconciler.cli.off_air import Ending, listed, on_air_at
from reconciler.cli.options import Options
from reconciler.cli.relay_options import relay_options, relay_settings, state_option
from reconciler.coordination.alone import AloneInDirectory, holder_of, terminate
from reconciler.domain.errors import EnvironmentFailedError, ExitStatus, UsageError
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

    It answers as StreamLink does, and carries the media on this machine, until SIGTERM or Ctrl-C; while something is on
    air, the first Ctrl-C on a terminal only says what. docs/relay.md says how to run it for others than this machine.
    """
    if ctx.invoked_subcommand is not None:
        return
    options = _options(ctx)
    configure(LogFormat(options.log_format) if options.log_format else None, color=options.use_color)
    asyncio.run(serve(relay_settings(said, state=_default_state(ctx))))


@command.command()
@state_option
@click.option("--auto-approve", is_flag=True, help="Do not ask, whatever is on air.")
@click.pass_context
def stop(ctx: click.Context, *, state: Path | None, auto_approve: bool) -> None:
    """
    End the relay of a state directory, or what a killed one left there, and wait until it is gone.

    While something is on air it asks first; without a terminal to ask on, it ends nothing then, with status 4.
    """
    options = _options(ctx)
    configure(LogFormat(options.log_format) if options.log_format else None, color=options.use_color, level="warning")
    directory = state or _default_state(ctx)
    if state is not None and not state.exists():
        raise UsageError(f"There is no directory {state}, so no relay can run on it. Is the path right?")
    holder = holder_of(directory)
    if holder is None:
        media = directory / supervisor.FOLDER
        if (left := supervisor.left_over(media)) and not auto_approve:
            may = "engine may carry a stream" if left == 1 else "engines may carry streams"
            one_shot(_demand_agreement(directory, (f"{left} {may}, and the relay that knew was killed",)))
        ended = asyncio.run(supervisor.end_left_over(media))
        click.echo(f"No relay runs on {directory}.{_left(ended)}", err=True)
        return
    if registration.read(directory) is None:
        raise UsageError(f"Process {holder.pid} holds {directory}, but serves no relay there; it is left alone.")
    if not auto_approve:
        one_shot(_demand_agreement(directory, one_shot(on_air_at(directory))))
    if not terminate(holder, timeout_s=_STOP_TIMEOUT_S):
        raise EnvironmentFailedError(
            f"Process {holder.pid} was told to end {_STOP_TIMEOUT_S:.0f} s ago and still runs. "
            f"`kill -9 {holder.pid}` ends it for certain, but leaves its engines to the next start."
        )
    click.echo(f"The relay on {directory} (process {holder.pid}) has ended.", err=True)


async def _demand_agreement(directory: Path, carried: tuple[str, ...]) -> None:
    """End this verb unless nothing would go off air, or somebody says yes."""
    if not carried:
        return
    click.echo(f"Ending the relay on {directory} cuts what is on air:\n{listed(carried)}", err=True)
    if not may_ask():
        click.echo("It goes on: there is no terminal to ask on. If this is meant, say --auto-approve.", err=True)
        raise click.exceptions.Exit(ExitStatus.BLOCKED)
    if not await agrees("End it all the same?"):
        click.echo("It goes on.", err=True)
        raise click.exceptions.Exit(ExitStatus.ALL_FAILED)


def _left(ended: int) -> str:
    """Say how many engines of a killed relay were ended."""
    if not ended:
        return ""
    which = "engine that a killed one left there was" if ended == 1 else "engines that a killed one left there were"
    return f" {ended} {which} ended."


async def serve(settings: RelaySettings) -> None:
    """Serve until a signal says stop; Ctrl-C on a terminal first says what is on air."""
    told_to_stop = asyncio.Event()
    ending = Ending(told_to_stop.set, wiring.clock())
    alone = AloneInDirectory(settings.state, verb="relay")
    alone.acquire()
    try:
        with on_signals(ending.end, signal.SIGTERM), on_signals(ending.interrupted, signal.SIGINT):
            async with Relay(settings) as relay:
                ending.carries(partial(on_air_at, settings.state))
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
