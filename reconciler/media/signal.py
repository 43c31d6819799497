"""A test signal: a picture with a running timecode and a tone, published to the input of a flow."""

import asyncio
import os
import subprocess
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from reconciler.domain.secrets import Secret
from reconciler.media import srt
from reconciler.media.ffmpeg import NOT_ONE_LINE, is_one_line, publish_preset, rtmp_output, signal_command, why
from reconciler.media.processes import Streams, reading, spawn, tail, tied, unnamed_file
from reconciler.media.programs import FFMPEG
from reconciler.media.rates import Backoff
from reconciler.media.srt import SrtSocket

_HELD_S: Final = 5.0
"""A sender that ran this long was accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RtmpTarget:
    """The RTMP address to publish to: the full URL is `url` + "/" + `stream_key`."""

    url: str
    stream_key: Secret


SignalTarget = SrtSocket | RtmpTarget
"""Where a test signal goes: an SRT socket (nearly always one that calls), or an RTMP address."""


class SignalState(StrEnum):
    """Whether the signal arrives."""

    CONNECTING = "connecting"
    SENDING = "sending"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalReport:
    """How the test signal is doing."""

    state: SignalState
    last_error: str = ""
    """Why it does not arrive, in words, without secrets."""


Told = Callable[[SignalReport], None]


async def publish(target: SignalTarget, *, stop: asyncio.Event, told: Told = lambda _: None) -> None:
    """
    Publish the test signal until `stop` is set or the task is cancelled; tell of each change of its state.

    It reconnects by itself, for ever. No process is left behind, whichever way it ends.
    """
    reporter = _Reporter(told)
    reporter.say(SignalState.CONNECTING)
    sending = asyncio.create_task(_again_and_again(target, reporter))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({sending, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        sending.cancel()
        await asyncio.wait({sending, stopping})
    if not sending.cancelled() and (error := sending.exception()) is not None:
        raise error


class _Reporter:
    """Tells of changes only."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._last: SignalReport | None = None

    def say(self, state: SignalState, last_error: str = "") -> None:
        report = SignalReport(state=state, last_error=last_error)
        if report != self._last:
            self._last = report
            self._told(report)


async def _again_and_again(target: SignalTarget, reporter: _Reporter) -> None:
    backoff, loop = Backoff(first_s=0.3, most_s=3.0), asyncio.get_running_loop()
    while True:
        began_s = loop.time()
        if isinstance(target, SrtSocket):
            reason = await _send_srt(target, reporter)
        else:
            reason = await _send_rtmp(target, reporter)
        reporter.say(SignalState.CONNECTING, reason)
        if loop.time() - began_s > _HELD_S:
            backoff.reset()
        await asyncio.sleep(backoff.pause_s())


async def _send_srt(target: SrtSocket, reporter: _Reporter) -> str:
    """Run picture and SRT sender until either ends; return why in words."""
    report = srt.PipeReport()

    def told() -> None:
        state = SignalState.SENDING if report.connected else SignalState.CONNECTING
        reporter.say(state, "" if report.connected else report.last_error)

    source, sink = os.pipe()
    try:
        # The order goes first into the very pipe that the stream follows in: it is far smaller than a pipe holds.
        os.write(sink, target.order(sends=True))
        async with AsyncExitStack() as stack:
            sender = srt.start(stdin=source, stdout=subprocess.DEVNULL)
            stack.push_async_callback(sender.end)
            command = signal_command(("-f", "mpegts", "-muxdelay", "0", "-protocol_whitelist", "pipe", f"pipe:{sink}"))
            picture = spawn(tied(command), mark=FFMPEG, cwd=Path("/"), streams=Streams(keep=(sink,)))
            stack.push_async_callback(picture.end)
            os.close(sink)
            sink = -1
            await srt.listen_to(sender, report, told=told)
    finally:
        for descriptor in (source, sink):
            if descriptor >= 0:
                os.close(descriptor)
    return report.last_error


async def _send_rtmp(target: RtmpTarget, reporter: _Reporter) -> str:
    """Run ffmpeg until it ends; return why in words."""
    if not is_one_line(target.url, target.stream_key.reveal()):
        return NOT_ONE_LINE
    with unnamed_file(publish_preset(target.url, target.stream_key.reveal())) as preset:
        command = signal_command(("-progress", "pipe:1", "-stats_period", "0.5", *rtmp_output(target.url, preset)))
        child = spawn(
            tied(command),
            mark=FFMPEG,
            cwd=Path("/"),
            streams=Streams(stdout=subprocess.PIPE, stderr=subprocess.PIPE, keep=(preset,)),
        )
    began = False
    complaints = asyncio.create_task(tail(child))
    try:
        async with reading(child.stdout) as lines:
            async for line in lines:
                # ffmpeg counts the header alone before the server has answered.
                if line.startswith(b"total_size=") and line.split(b"=")[1].strip().isdigit():
                    began = True
                    reporter.say(SignalState.SENDING)
        return why(await complaints, began=began)
    finally:
        complaints.cancel()
        await child.end()
