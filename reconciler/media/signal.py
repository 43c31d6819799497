"""A test signal: a picture with a running timecode and a tone, published to the input of a flow."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from reconciler.media.rates import Backoff
from reconciler.media.rtmp_server import RtmpServers
from reconciler.media.senders import RtmpOrigin, RtmpTarget, RtpTarget, SignalTarget, send

__all__ = [
    "RtmpOrigin",
    "RtmpTarget",
    "RtpTarget",
    "SignalReport",
    "SignalState",
    "SignalTarget",
    "Told",
    "publish",
]

_HELD_S: Final = 5.0
"""A sender that ran this long was accepted."""


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


async def publish(
    target: SignalTarget,
    *,
    stop: asyncio.Event,
    told: Told = lambda _: None,
    servers: RtmpServers | None = None,
) -> None:
    """
    Publish the test signal until `stop` is set or the task is cancelled; tell of each change of its state.

    It reconnects by itself, for ever. No process is left behind, whichever way it ends. Where an input pulls, the
    signal is served at the address that it pulls from; several RTMP ones on one port need the same `servers`.
    """
    reporter = _Reporter(told)
    reporter.say(SignalState.CONNECTING)
    sending = asyncio.create_task(_again_and_again(target, reporter, servers or RtmpServers()))
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


async def _again_and_again(target: SignalTarget, reporter: _Reporter, servers: RtmpServers) -> None:
    backoff, loop = Backoff(first_s=0.3, most_s=3.0), asyncio.get_running_loop()

    def told(*, arrives: bool, last_error: str = "") -> None:
        reporter.say(SignalState.SENDING if arrives else SignalState.CONNECTING, last_error)

    while True:
        began_s = loop.time()
        told(arrives=False, last_error=await send(target, told, servers))
        if loop.time() - began_s > _HELD_S:
            backoff.reset()
        await asyncio.sleep(backoff.pause_s())
