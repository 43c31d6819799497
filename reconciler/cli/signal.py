"""`reconciler signal`."""

import asyncio
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.completing import flows
from reconciler.cli.options import Options, backend_options
from reconciler.domain.errors import EnvironmentFailedError, ExitStatus, UsageError

if TYPE_CHECKING:
    from reconciler.domain.model import FoundFlow
    from reconciler.media.signal import SignalReport, SignalTarget
    from reconciler.ports.backend import Backend
    from reconciler.settings import Settings


@click.command(name="signal")
@click.argument("flow", shell_complete=flows)
@click.option("--seconds", type=click.FloatRange(min=0.1), help="End after this long.  [default: at Ctrl-C]")
@click.option("--yes", is_flag=True, help="Publish to a cloud account, where people may be watching.")
@backend_options
@click.pass_obj
def command(options: Options, /, flow: str, *, seconds: float | None, yes: bool, **backend: Any) -> None:
    """
    Publish a test picture with a running timecode and a tone to a flow's input.

    FLOW is flow/NAME, NAME, or the name that a console shows. An input that is connected already is left alone. Where
    the input pulls from this machine, or calls it, the picture is served there. The exit status is 1 when nothing was
    sent in the --seconds.
    """
    from reconciler.cli import logs
    from reconciler.cli.asynchronous import one_shot
    from reconciler.settings import BackendKind

    settings = options.settings(**backend)
    logs.configure(settings.log_format, color=options.use_color, level="warning")
    if settings.backend.kind is BackendKind.STREAMLINK and not yes:
        raise UsageError(
            "This would put a test picture on a cloud account, where people may be watching. Say --yes if that is meant"
        )
    raise click.exceptions.Exit(one_shot(_publish(settings, flow, seconds=seconds)))


async def _publish(settings: "Settings", name: str, *, seconds: float | None) -> ExitStatus:
    from reconciler.media import programs
    from reconciler.media.signal import publish

    target = await _target(settings, name)
    programs.demand()
    stop = asyncio.Event()
    if seconds is not None:
        asyncio.get_running_loop().call_later(seconds, stop.set)
    teller = Teller()
    await publish(target, stop=stop, told=teller.tell)
    return teller.status(seconds)


async def _target(settings: "Settings", name: str) -> "SignalTarget":
    """Return where to publish, once it is certain that nobody else does."""
    from reconciler import wiring
    from reconciler.cli.ends import all_flows, flow_named
    from reconciler.media.far_ends import signal_target

    async with wiring.existing_backend(settings) as backend:
        click.echo(f"Backend: {backend.name}", err=True)
        flow = flow_named(name, await all_flows(backend), owner=wiring.owner(settings))
        target = signal_target(flow)
        await _demand_silence(backend, flow)
        if why := wiring.without_media(settings):
            raise EnvironmentFailedError(f"{why}; nothing was sent.")
        return target


async def _demand_silence(backend: "Backend", flow: "FoundFlow") -> None:
    from reconciler.domain.model import FlowState

    if flow.state is FlowState.IDLE:
        raise UsageError(f"The flow {flow.live_name} is idle, so its input takes nothing; start it first")
    for end in await backend.status(flow.region, flow.id):
        if end.is_input and end.state == "Connected":
            raise UsageError(
                f"The input of {flow.live_name} is connected: somebody is publishing ({end.bitrate_bps // 1000} kb/s), "
                "and a test picture would fight with it"
            )


class Teller:
    """Tells how the signal is doing, and knows at the end whether anything was sent."""

    def __init__(self) -> None:
        self._was_sent = False

    def tell(self, report: "SignalReport") -> None:
        """Say each change of its state."""
        from reconciler.media.signal import SignalState

        self._was_sent = self._was_sent or report.state is SignalState.SENDING
        why = f": {report.last_error}" if report.last_error else ""
        click.echo(f"{report.state}{why}", err=True)

    def status(self, seconds: float | None) -> ExitStatus:
        """Return how the verb ends; where nothing was sent that is said."""
        if self._was_sent:
            return ExitStatus.OK
        within = "" if seconds is None else f" within {seconds:g} s"
        click.echo(f"Nothing was sent{within}: the input was not reached.", err=True)
        return ExitStatus.ALL_FAILED
