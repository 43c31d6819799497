"""`reconciler relay`: the embedded StreamLink on its own, until it is told to stop."""

import asyncio
import signal
from pathlib import Path
from typing import Final

import click

from reconciler.cli.asynchronous import on_signals
from reconciler.cli.logs import configure
from reconciler.cli.options import Options
from reconciler.cli.relay_reach import reach_of, reach_options
from reconciler.coordination.alone import AloneInDirectory, holder_of, terminate
from reconciler.domain.errors import EnvironmentFailedError, UsageError
from reconciler.domain.regions import LOCAL
from reconciler.relay import credentials, registration, supervisor
from reconciler.relay.editing import EditRules
from reconciler.relay.service import MediaKind, Relay, RelaySettings
from reconciler.settings import DEFAULT_STATE, LogFormat

DEFAULT_LISTEN: Final = "127.0.0.1:0"
_STOP_TIMEOUT_S: Final = 30.0
_MAX_PORT: Final = 65_535

_state_option = click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory of the catalogue and the credentials.  [default: .reconciler]",
)


@click.group(name="relay", invoke_without_command=True)
@click.option(
    "--listen",
    default=DEFAULT_LISTEN,
    show_default=True,
    metavar="HOST:PORT",
    help="Loopback address of the API; port 0 takes a free one.",
)
@_state_option
@click.option(
    "--region",
    "regions",
    multiple=True,
    metavar="NAME",
    help=f"A region in which it keeps flows; repeat it for more.  [default: {LOCAL}]",
)
@click.option(
    "--media",
    type=click.Choice([kind.value for kind in MediaKind]),
    default=MediaKind.ENGINES.value,
    show_default=True,
    help="What carries the streams; `none` serves the control plane alone.",
)
@click.option(
    "--edit-rules",
    type=click.Choice([rules.value for rules in EditRules]),
    default=EditRules.LIVE_2023.value,
    show_default=True,
    help="What may be changed while a flow runs, by generation of the vendor's documents.",
)
@reach_options
@click.pass_context
def command(  # noqa: PLR0913 -- one parameter an option
    ctx: click.Context,
    *,
    listen: str,
    state: Path | None,
    regions: tuple[str, ...],
    media: str,
    edit_rules: str,
    denied: tuple[str, ...],
    ca_files: tuple[Path, ...],
) -> None:
    """
    Serve the embedded relay on its own.

    It answers as StreamLink does, and carries the media on this machine, until SIGTERM or Ctrl-C.
    """
    if ctx.invoked_subcommand is not None:
        return
    options = _options(ctx)
    configure(LogFormat(options.log_format) if options.log_format else None, color=options.use_color)
    host, port = parse_listen(listen)
    settings = RelaySettings(
        state=state or _default_state(ctx),
        host=host,
        port=port,
        regions=regions or (LOCAL,),
        media=MediaKind(media),
        edit_rules=EditRules(edit_rules),
        reach=reach_of(denied, ca_files),
    )
    asyncio.run(serve(settings))


@command.command()
@_state_option
@click.pass_context
def stop(ctx: click.Context, *, state: Path | None) -> None:
    """End the relay of a state directory, or what a killed one left there, and wait until it is gone."""
    directory = state or _default_state(ctx)
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
    alone = AloneInDirectory(settings.state)
    alone.acquire()
    try:
        with on_signals(told_to_stop.set, signal.SIGTERM, signal.SIGINT):
            async with Relay(settings) as relay:
                _announce(relay)
                await told_to_stop.wait()
    finally:
        alone.release()


def parse_listen(listen: str) -> tuple[str, int]:
    """
    Return host and port of `HOST:PORT`; an IPv6 host stands in brackets.

    Raises:
        UsageError: it is not of that form.

    """
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > _MAX_PORT or not host:
        raise UsageError(f"{listen!r} is not HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080.")
    host = "127.0.0.1" if host == "localhost" else host.removeprefix("[").removesuffix("]")
    return host, int(port)


def _announce(relay: Relay) -> None:
    settings = relay.settings
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
