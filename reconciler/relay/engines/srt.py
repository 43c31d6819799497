"""An SRT flow: one engine process for its input and SRT outputs, and ffmpeg for what it pushes over RTMP."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from reconciler.media import srt
from reconciler.media.processes import Child, Streams, save, spawn
from reconciler.media.programs import SYSTEM_PYTHON
from reconciler.media.rates import Backoff, RateWindow
from reconciler.media.sockets import connected
from reconciler.relay.engines.push import Pushes, TapSource
from reconciler.relay.engines.words import WAITING, ends_of, not_carried, waiting
from reconciler.relay.media import (
    EndHealth,
    EndId,
    EndState,
    FlowMedia,
    InputMedia,
    NotCarried,
    OutputMedia,
    RtmpPlay,
    RtmpPush,
    SrtEnd,
)

PROGRAM: Final = Path(__file__).with_name("srt_engine.py")
_READY_S: Final = 10.0
_ANSWER_S: Final = 20.0
_POLL_S: Final = 0.03
_TAP: Final = TapSource()


class EngineFailedError(Exception):
    """The engine did not start, or did not answer."""


class SrtFlow:
    """Carries one SRT flow in a folder of its own."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._child: Child | None = None
        self._told: dict[str, Any] | None = None
        self._flow: FlowMedia | None = None
        self._backoff = Backoff()
        self._retry_s = 0.0
        self._rates: dict[EndId, RateWindow] = {}
        self._health: dict[EndId, EndHealth] = {}
        self._pushes = Pushes(home)

    async def converge(self, flow: FlowMedia) -> None:
        """Make the engine carry this flow so; one that has died is started anew, after a pause that grows."""
        self._flow = flow
        await self._pushes.converge(flow.outputs, _TAP)
        try:
            if not await self._started():
                return
            order = order_of(flow)
            if order != self._told:
                await self._ask(order)
                self._told = order
        except EngineFailedError:
            await self._end_engine()

    async def sample(self) -> None:
        """Learn how the ends are doing."""
        if self._flow is None or self._child is None:
            await self._pushes.follow("")
            return
        try:
            told = await self._ask({"do": "stats"})
        except EngineFailedError:
            await self._end_engine()
            return
        source = told.get("input") or {}
        self._note(self._flow.input, source)
        for output in self._flow.outputs:
            if output.id in told.get("outputs", {}):
                self._note(output, told["outputs"][output.id])
        # A publisher that left and came back between two looks is another session all the same.
        await self._pushes.follow(f"{source['connections']}" if source.get("connected") else "")

    def health(self) -> Mapping[EndId, EndHealth]:
        """Return what is known of each end."""
        if self._flow is None:
            return {}
        known = {**self._health, **self._pushes.health()}
        return {end.id: _health_of(end, known) for end in ends_of(self._flow)}

    async def close(self) -> None:
        """End the engine and the pushes."""
        await self._pushes.close()
        await self._end_engine()

    def _note(self, end: InputMedia | OutputMedia, told: Mapping[str, Any]) -> None:
        rate = self._rates.setdefault(end.id, RateWindow())
        if told.get("connected"):
            rate.feed(asyncio.get_running_loop().time(), told["bytes"])
        else:
            rate.clear()
        encrypted = isinstance(end.end, SrtEnd) and end.end.passphrase is not None
        self._health[end.id] = health_of(told, bitrate_bps=rate.bitrate_bps, encrypted=encrypted)

    async def _started(self) -> bool:
        """Return whether the engine runs, after starting it where it does not and may be tried again."""
        if self._child is not None and self._child.running:
            return True
        loop = asyncio.get_running_loop()
        await self._end_engine()
        if loop.time() < self._retry_s:
            return False
        self._retry_s = loop.time() + self._backoff.pause_s()
        (self._home / "control.sock").unlink(missing_ok=True)
        try:
            child = spawn(
                [SYSTEM_PYTHON, "-I", str(PROGRAM), str(self._home)],
                mark=str(self._home),
                cwd=self._home,
                streams=Streams(log=self._home / "engine.log"),
            )
        except OSError as error:
            raise EngineFailedError from error
        self._child = child
        save(child.identity, self._home / "engine.identity")
        await self._until_ready(child)
        self._backoff.reset()
        return True

    async def _until_ready(self, child: Child) -> None:
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + _READY_S
        while not (self._home / "control.sock").is_socket():
            if not child.running or loop.time() > deadline_s:
                raise EngineFailedError
            await asyncio.sleep(_POLL_S)

    async def _end_engine(self) -> None:
        self._told = None
        self._health.clear()
        if self._child is not None:
            await self._child.end()
            self._child = None
            (self._home / "engine.identity").unlink(missing_ok=True)

    async def _ask(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """
        Return the engine's answer to a command.

        Raises:
            EngineFailedError: it gives none.

        """
        try:
            async with asyncio.timeout(_ANSWER_S), connected(self._home, "control.sock") as (reader, writer):
                writer.write(json.dumps(command).encode() + b"\n")
                answer = json.loads(await reader.readline())
        except (OSError, TimeoutError, ValueError) as error:
            raise EngineFailedError from error
        if not isinstance(answer, dict) or "error" in answer:
            raise EngineFailedError
        return answer


def order_of(flow: FlowMedia) -> dict[str, Any]:
    """Return the engine's order for a flow, secrets included; it leaves over the control socket only."""
    if not isinstance(flow.input.end, SrtEnd):
        raise TypeError("an SRT engine carries flows with an SRT input")
    return {
        "do": "carry",
        "input": _spec(flow.input.end, flow.input.allowlist, max_concurrent=1),
        "outputs": {
            output.id: _spec(output.end, output.allowlist, max_concurrent=output.max_concurrent)
            for output in flow.outputs
            if isinstance(output.end, SrtEnd)
        },
        "tap": any(isinstance(output.end, RtmpPush) for output in flow.outputs),
    }


def _spec(end: SrtEnd, allowlist: tuple[str, ...], *, max_concurrent: int) -> dict[str, Any]:
    return {
        "listens": end.listens,
        "host": end.host,
        "port": end.port,
        "latency_ms": end.latency_ms,
        "peer_idle_timeout_ms": end.peer_idle_timeout_ms,
        "stream_id": end.stream_id,
        "passphrase": "" if end.passphrase is None else end.passphrase.reveal(),
        "key_length": end.key_length,
        "allowlist": list(allowlist),
        "max_concurrent": max_concurrent,
    }


def health_of(told: Mapping[str, Any], *, bitrate_bps: int, encrypted: bool) -> EndHealth:
    """Return the health of an end from what the engine tells of it."""
    reconnections = max(0, told.get("connections", 0) - 1)
    if not told.get("connected"):
        complaint = told.get("complaint", "")
        reason = told.get("error", "") or (srt.why(complaint) if complaint else "")
        return EndHealth(state=EndState.WAITING, reconnections=reconnections, last_error=reason)
    return EndHealth(
        state=EndState.CONNECTED,
        connected_ms=told["connected_ms"],
        bitrate_bps=bitrate_bps,
        reconnections=reconnections,
        peer=told["peer"],
        latency_ms=told.get("latency_ms"),
        rtt_ms=told.get("rtt_ms"),
        packets=told.get("packets"),
        packets_lost=told.get("packets_lost"),
        packets_retransmitted=told.get("packets_retransmitted"),
        packets_dropped=told.get("packets_dropped"),
        encrypted=encrypted,
    )


def _health_of(end: InputMedia | OutputMedia, known: Mapping[EndId, EndHealth]) -> EndHealth:
    if isinstance(end.end, NotCarried):
        return not_carried(end.end)
    if isinstance(end.end, RtmpPlay):
        return waiting("an SRT flow is not served over RTMP")
    return known.get(end.id, WAITING)
