"""
Pieces of work that are measured: one input of 5 Mb/s, carried to so many far ends.

Each lends what is to be measured: the sessions of the processes that do the work, and a counter of bytes for each far
end. Senders and receivers are in neither.
"""

import asyncio
import contextlib
import secrets
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.stage import datagrams, far_rtmp, film, receivers
from benchmarks.stage.account import (
    HERE,
    Account,
    latency,
    output,
    push,
    rtp,
    rtp_source,
    rtsp_source,
    secured,
    source,
    srt_caller,
    srt_listener,
)
from benchmarks.stage.relay import Json, StagedRelay
from reconciler.media.programs import FFMPEG

_FIRST_PORT: Final = 40_000
_RTMP_PORT: Final = 39_998
_RTSP_PORT: Final = 39_997
_PULLING_S: Final = 20.0
_LATENCY_MS: Final = 200
_SRT: Final = f"latency={_LATENCY_MS}"


@dataclass(slots=True)
class Work:
    """A piece of work that is being done."""

    leaders: Callable[[], Sequence[int]]
    """Processes whose sessions do it."""
    counters: list[Callable[[], int]] = field(default_factory=list)
    """Bytes that have come, at each far end."""
    look: Callable[[], Any] | None = None
    """Asks for the counters anew, where they are not kept by themselves."""


Doing = Callable[[Path, int], contextlib.AbstractAsyncContextManager[Work]]
"""Does a piece of work with a film, to so many far ends, for as long as it is entered."""


def _ports(count: int) -> range:
    return range(_FIRST_PORT, _FIRST_PORT + count)


_PASSPHRASE: Final = secrets.token_hex(16)
_SETTINGS: Final = {**secured(_PASSPHRASE, 16), **latency(_LATENCY_MS)}
_SECURED: Final = (_SRT, f"passphrase={_PASSPHRASE}", "pbkeylen=16")


@contextlib.asynccontextmanager
async def _srt_flow(path: Path, outputs: list[Json], stack: AsyncExitStack) -> AsyncIterator[tuple[StagedRelay, Json]]:
    relay = await stack.enter_async_context(StagedRelay())
    flow = await Account(relay).running("bill", source("SRT", SRTSettings={"Mode": "LISTENER", **_SETTINGS}), outputs)
    port = flow["InputGroup"][0]["InputAddressList"][0]["Port"]
    await stack.enter_async_context(film.sent_over_srt(path, _called(port)))
    yield relay, flow


def _called(port: int) -> str:
    return f"srt://127.0.0.1:{port}?" + "&".join(("mode=caller", *_SECURED))


@contextlib.asynccontextmanager
async def relay_srt_listeners(path: Path, count: int) -> AsyncIterator[Work]:
    """The relay: SRT in, to SRT listeners on ports of their own, a receiver at each."""
    outputs = [srt_listener(f"out_{number}", **_SETTINGS) for number in range(count)]
    async with AsyncExitStack() as stack, _srt_flow(path, outputs, stack) as (relay, flow):
        work = Work(leaders=lambda: relay.leaders)
        for each in flow["OutputGroup"]:
            port = each["SRTSettings"]["SourceAddresses"][0]["Port"]
            work.counters.append(await _receiving(stack, port))
        yield work


@contextlib.asynccontextmanager
async def relay_srt_callers(path: Path, count: int) -> AsyncIterator[Work]:
    """The relay: SRT in, to calls of receivers that listen."""
    async with AsyncExitStack() as stack:
        counters = [await _receiving(stack, port, listens=True) for port in _ports(count)]
        outputs = [srt_caller(f"out_{port}", port, **_SETTINGS) for port in _ports(count)]
        async with _srt_flow(path, outputs, stack) as (relay, _):
            yield Work(leaders=lambda: relay.leaders, counters=counters)


async def _receiving(stack: AsyncExitStack, port: int, *, listens: bool = False) -> Callable[[], int]:
    options = _SECURED if listens else _SECURED[:2]
    received = await stack.enter_async_context(receivers.over_srt(port, *options, judged=False, listens=listens))
    return _octets(received)


def _octets(received: receivers.Received) -> Callable[[], int]:
    return lambda: received.octets


@contextlib.asynccontextmanager
async def relay_rtp(path: Path, count: int) -> AsyncIterator[Work]:
    """The relay: RTP in, to RTP destinations."""
    outputs = [rtp(f"out_{port}", (HERE, port)) for port in _ports(count)]
    async with AsyncExitStack() as stack:
        came = stack.enter_context(datagrams.received_on(_ports(count)))
        relay = await stack.enter_async_context(StagedRelay())
        flow = await Account(relay).running("bill", rtp_source(), outputs)
        port = flow["InputGroup"][0]["InputAddressList"][0]["Port"]
        await stack.enter_async_context(
            film.sent_by_ffmpeg(path, "rtp_mpegts", f"rtp://127.0.0.1:{port}?pkt_size=1328")
        )
        yield Work(leaders=lambda: relay.leaders, counters=_of(came))


def _of(came: datagrams.Datagrams) -> list[Callable[[], int]]:
    return [partial(came.octets.__getitem__, port) for port in came.octets]


@contextlib.asynccontextmanager
async def relay_players(path: Path, count: int) -> AsyncIterator[Work]:
    """The relay: RTMP in, to RTMP players, one an output."""
    async with AsyncExitStack() as stack:
        outputs = [output(f"out_{number}", "RTMP_PULL") for number in range(count)]
        relay, flow = await _rtmp_flow(path, outputs, stack)
        work = Work(leaders=lambda: relay.leaders)
        for each in flow["OutputGroup"]:
            server = each["RTMPPullSettings"]["ServerUrls"][0]
            url = f"{server['TcUrl']}/{server['StreamKey']}"
            received = await stack.enter_async_context(receivers.reading(*_playing(url), judged=False))
            work.counters.append(_octets(received))
        yield work


def _playing(url: str) -> tuple[str, ...]:
    return (FFMPEG, "-nostdin", "-v", "quiet", "-i", url, "-c", "copy", "-f", "flv", "pipe:1")


async def _rtmp_flow(path: Path, outputs: list[Json], stack: AsyncExitStack) -> tuple[StagedRelay, Json]:
    relay = await stack.enter_async_context(StagedRelay())
    flow = await Account(relay).running("bill", source("RTMP"), outputs)
    ingest = flow["InputGroup"][0]
    at, settings = ingest["InputAddressList"][0], ingest["RTMPSettings"]
    url = f"rtmp://127.0.0.1:{at['Port']}/{settings['AppName']}/{settings['StreamKey']}"
    await stack.enter_async_context(film.sent_by_ffmpeg(path, "flv", url))
    return relay, flow


def _pushes(far: far_rtmp.FarRtmp, count: int) -> list[Json]:
    return [push(f"out_{number}", (far.url, f"key{number}")) for number in range(count)]


def _keyed(far: far_rtmp.FarRtmp, count: int) -> list[Callable[[], int]]:
    return [partial(far.came, f"key{number}") for number in range(count)]


@contextlib.asynccontextmanager
async def relay_pushes(path: Path, count: int) -> AsyncIterator[Work]:
    """The relay: RTMP in, pushed to RTMP destinations."""
    async with AsyncExitStack() as stack:
        far = await stack.enter_async_context(far_rtmp.serving(_RTMP_PORT))
        relay, _ = await _rtmp_flow(path, _pushes(far, count), stack)
        yield Work(leaders=lambda: relay.leaders, counters=_keyed(far, count), look=far.look)


@contextlib.asynccontextmanager
async def relay_pushes_from_srt(path: Path, count: int) -> AsyncIterator[Work]:
    """The relay: SRT in, pushed to RTMP destinations."""
    async with AsyncExitStack() as stack:
        far = await stack.enter_async_context(far_rtmp.serving(_RTMP_PORT))
        async with _srt_flow(path, _pushes(far, count), stack) as (relay, _):
            yield Work(leaders=lambda: relay.leaders, counters=_keyed(far, count), look=far.look)


@contextlib.asynccontextmanager
async def relay_rtsp(path: Path, count: int) -> AsyncIterator[Work]:
    """The relay: pulled over RTSP, to RTSP players over TCP, one an output."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(film.served_over_rtsp(path, _RTSP_PORT))
        relay = await stack.enter_async_context(StagedRelay())
        outputs = [output(f"out_{number}", "RTSP_PULL") for number in range(count)]
        flow = await Account(relay).running("bill", rtsp_source(_RTSP_PORT), outputs)
        await _pulling(relay, flow["FlowId"])
        work = Work(leaders=lambda: relay.leaders)
        for each in flow["OutputGroup"]:
            command = (FFMPEG, "-nostdin", "-v", "quiet", "-rtsp_transport", "tcp", "-i", each["StreamUrls"][0]["Url"])
            received = await stack.enter_async_context(
                receivers.reading(*command, "-c", "copy", "-f", "flv", "pipe:1", judged=False)
            )
            work.counters.append(_octets(received))
        yield work


async def _pulling(relay: StagedRelay, flow_id: str) -> None:
    """Return once the input is connected: players who come earlier are told that there is nothing."""
    async with asyncio.timeout(_PULLING_S):
        while True:
            told = await relay.call("DescribeStreamLinkFlowRealtimeStatus", FlowId=flow_id)
            if any(one["Type"] == "Input" and one["CommonStatus"]["State"] == "Connected" for one in told["Datas"]):
                return
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def srt_live_transmit(path: Path, count: int) -> AsyncIterator[Work]:
    """srt-live-transmit: one process an output, UDP in, an SRT listener out."""
    sources = range(_FIRST_PORT + count, _FIRST_PORT + 2 * count)
    commands = [
        (
            *("srt-live-transmit", "-q", "-loglevel:fatal", "-chunk:1316", f"udp://127.0.0.1:{source}"),
            f"srt://127.0.0.1:{port}?" + "&".join(("mode=listener", *_SECURED)),
        )
        for source, port in zip(sources, _ports(count), strict=True)
    ]
    async with _peers(path, commands, sources) as (work, stack):
        for port in _ports(count):
            work.counters.append(await _receiving(stack, port))
        yield work


@contextlib.asynccontextmanager
async def ffmpeg_srt(path: Path, count: int) -> AsyncIterator[Work]:
    """ffmpeg: one process an output, UDP in, an SRT listener out."""
    sources = range(_FIRST_PORT + count, _FIRST_PORT + 2 * count)
    commands = [
        # ffmpeg counts the latency in microseconds.
        (
            *_ffmpeg_from(source),
            "-f",
            "mpegts",
            f"srt://127.0.0.1:{port}?mode=listener&passphrase={_PASSPHRASE}&pbkeylen=16&latency={1000 * _LATENCY_MS}",
        )
        for source, port in zip(sources, _ports(count), strict=True)
    ]
    async with _peers(path, commands, sources) as (work, stack):
        await asyncio.sleep(_FFMPEG_LISTENS_S)
        for port in _ports(count):
            work.counters.append(await _receiving(stack, port))
        yield work


_FFMPEG_LISTENS_S: Final = 8.0
"""ffmpeg learns its input before it listens, and a receiver that calls earlier is refused."""


def _ffmpeg_from(port: int) -> tuple[str, ...]:
    source = f"udp://127.0.0.1:{port}?buffer_size=4000000&fifo_size=50000&overrun_nonfatal=1"
    return (FFMPEG, "-nostdin", "-v", "quiet", "-i", source, "-map", "0:v:0", "-map", "0:a:0", "-c", "copy")


@contextlib.asynccontextmanager
async def ffmpeg_rtp(path: Path, count: int) -> AsyncIterator[Work]:
    """ffmpeg: one process an output, UDP in, RTP out."""
    sources = range(_FIRST_PORT + count, _FIRST_PORT + 2 * count)
    commands = [
        (*_ffmpeg_from(source), "-f", "rtp_mpegts", f"rtp://127.0.0.1:{port}?pkt_size=1328")
        for source, port in zip(sources, _ports(count), strict=True)
    ]
    with datagrams.received_on(_ports(count)) as came:
        async with _peers(path, commands, sources) as (work, _):
            work.counters.extend(_of(came))
            yield work


@contextlib.asynccontextmanager
async def ffmpeg_pushes(path: Path, count: int) -> AsyncIterator[Work]:
    """ffmpeg: one process an output, UDP in, RTMP out."""
    sources = range(_FIRST_PORT, _FIRST_PORT + count)
    async with far_rtmp.serving(_RTMP_PORT) as far:
        commands = [
            (*_ffmpeg_from(source), "-f", "flv", f"{far.url}/key{number}") for number, source in enumerate(sources)
        ]
        async with _peers(path, commands, sources) as (work, _):
            work.counters.extend(_keyed(far, count))
            work.look = far.look
            yield work


@contextlib.asynccontextmanager
async def _peers(
    path: Path, commands: Sequence[tuple[str, ...]], sources: Sequence[int]
) -> AsyncIterator[tuple[Work, AsyncExitStack]]:
    """Run one process an output, each in a session of its own, and send the film to the port of each."""
    children = [
        await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for command in commands
    ]
    try:
        with ExitStack() as sending:
            sending.enter_context(datagrams.sent_to(path, sources))
            async with AsyncExitStack() as stack:
                yield Work(leaders=lambda: [child.pid for child in children]), stack
    finally:
        for child in children:
            if child.returncode is None:
                child.kill()
            await child.wait()
