"""`reconciler probe`."""

import asyncio
import contextlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import click

from reconciler.cli.completing import outputs
from reconciler.cli.options import Options, backend_options, form_option
from reconciler.domain.errors import EnvironmentFailedError, ExitStatus

if TYPE_CHECKING:
    from reconciler.media.probe import ProbeSource, Receiver, Reception
    from reconciler.settings import Settings

FIRST_FRAME_S: Final = 20.0
"""How long the first frame may take: connecting, a key frame, and five seconds in which ffmpeg learns the streams."""
HELD_BACK_S: Final = 1.0
"""After the first frame, before anything counts: what arrived while ffmpeg learnt the streams is listed all at once."""


@click.command(name="probe")
@click.argument("output", shell_complete=outputs)
@form_option
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.5),
    default=10.0,
    show_default=True,
    help="How long to measure, once frames arrive.",
)
@backend_options
@click.pass_obj
def command(options: Options, /, output: str, *, form: str, seconds: float, **backend: Any) -> None:
    """
    Receive from an output, and report resolution, rate, frames and discontinuities.

    OUTPUT is output/FLOW/NAME or FLOW/NAME. It is pulled from (RTSP over TCP), or listened for where it calls or sends
    to this machine. Frames and discontinuities are those of the --seconds, and of nothing before. The exit status is 1
    when no frame arrived within 20 s, or none in the --seconds.
    """
    from reconciler.cli import logs
    from reconciler.cli.asynchronous import one_shot

    settings = options.settings(**backend)
    logs.configure(settings.log_format, color=options.use_color, level="warning")
    reception = one_shot(_receive(settings, output, seconds=seconds))
    if form == "json":
        click.echo(json.dumps(report_json(output, reception, seconds=seconds), indent=2))
    else:
        click.echo(report_text(output, reception, seconds=seconds))
    raise click.exceptions.Exit(ExitStatus.OK if reception.frames else ExitStatus.ALL_FAILED)


async def _receive(settings: "Settings", name: str, *, seconds: float) -> "Reception":
    from reconciler.media import programs
    from reconciler.media.probe import Receiver

    source = await _source(settings, name)
    programs.demand()
    async with Receiver(source) as receiver:
        return await measured(receiver, seconds=seconds)


async def measured(receiver: "Receiver", *, seconds: float) -> "Reception":
    """Return what arrived within so many seconds; where no frame comes in time, what is known then."""
    try:
        await asyncio.wait_for(receiver.frames(1), FIRST_FRAME_S)
    except TimeoutError:
        return receiver.reception
    await _receive_for(receiver, HELD_BACK_S)
    before = receiver.reception
    await _receive_for(receiver, seconds)
    after = receiver.reception
    return replace(
        after, frames=after.frames - before.frames, discontinuities=after.discontinuities - before.discontinuities
    )


async def _receive_for(receiver: "Receiver", seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        # Nothing fulfils the condition, so this ends with the time, or early when the receiver itself breaks.
        await asyncio.wait_for(receiver.until(lambda _: False), seconds)


async def _source(settings: "Settings", name: str) -> "ProbeSource":
    from reconciler import wiring
    from reconciler.cli.ends import all_flows, output_named
    from reconciler.media.far_ends import probe_source

    async with wiring.existing_backend(settings) as backend:
        click.echo(f"Backend: {backend.name}", err=True)
        found = output_named(name, await all_flows(backend), owner=wiring.owner(settings))
        if why := wiring.without_media(settings):
            raise EnvironmentFailedError(f"{why}; nothing can arrive.")
        return probe_source(found.output)


def report_text(output: str, reception: "Reception", *, seconds: float) -> str:
    """Return what arrived, in a few words."""
    why = reception.last_error or "nobody said why"
    if not reception.connections:
        return f"{output}: nothing arrived within {FIRST_FRAME_S:g} s: {why}"
    if not reception.frames:
        return f"{output}: it began, and then nothing arrived for {seconds:g} s: {why}"
    return (
        f"{output}: {reception.transport}, {reception.codec} {reception.width}x{reception.height} "
        f"{reception.fps:g} fps, {reception.bitrate_bps / 1e6:.2f} Mb/s, {reception.frames} frames, "
        f"{reception.discontinuities} discontinuities in {seconds:g} s"
    )


def report_json(output: str, reception: "Reception", *, seconds: float) -> dict[str, Any]:
    """Return what arrived, as JSON says it."""
    return {
        "version": 1,
        "output": output,
        "seconds": seconds,
        "transport": reception.transport,
        "codec": reception.codec,
        "width": reception.width,
        "height": reception.height,
        "fps": reception.fps,
        "bitrate_bps": reception.bitrate_bps,
        "frames": reception.frames,
        "discontinuities": reception.discontinuities,
        "error": reception.last_error,
    }
