"""An RTMP flow: one small nginx that publishers push to and players pull from, and ffmpeg for what it pushes on."""

import asyncio
import secrets
from collections.abc import Mapping
from typing import Final

from reconciler.domain.secrets import Secret
from reconciler.media.hooks import HookServer
from reconciler.media.nginx import Nginx, NginxFailedError, RtmpListener, RtmpStream, bracketed, reached_at
from reconciler.media.rates import Backoff, RateWindow
from reconciler.relay.engines.gate import Gate
from reconciler.relay.engines.home import FlowHome
from reconciler.relay.engines.push import HubSource, Pushes
from reconciler.relay.engines.words import WAITING, ends_of, not_carried, waiting
from reconciler.relay.giving import PLAY_APP
from reconciler.relay.media import (
    EndHealth,
    EndId,
    EndState,
    FlowMedia,
    InputMedia,
    NotCarried,
    OutputMedia,
    RtmpIngest,
    RtmpPlay,
    RtmpPush,
)

_ROLE_PLAYER: Final = "subscriber"
_ROLE_PUBLISHER: Final = "publisher"


class RtmpFlow:
    """Carries one RTMP flow in a folder of its own."""

    def __init__(self, home: FlowHome, hooks: HookServer) -> None:
        self._home = home.run
        self._hooks = hooks
        self._nginx = Nginx(home.run, outlives_us=True)
        self._gate: Gate | None = None
        self._gate_url = ""
        self._served: RtmpIngest | None = None
        self._backoff = Backoff()
        self._retry_s = 0.0
        self._last_error = ""
        self._hub = Secret(secrets.token_urlsafe(18))
        self._pushes = Pushes(home.run)
        self._rates: dict[EndId, RateWindow] = {}
        self._sent_bytes: dict[EndId, float] = {}
        self._copied_bytes = 0
        self._publishers = 0
        self._last_publisher = ""
        self._health: dict[EndId, EndHealth] = {}

    async def converge(self, flow: FlowMedia) -> None:
        """Make the server and the pushes carry this flow so; a server that has died is started anew."""
        gate = self._gate_for(flow)
        ingest = gate.ingest
        url = f"rtmp://{bracketed(reached_at(ingest.host))}:{ingest.port}/{ingest.app}"
        await self._pushes.converge(flow.outputs, HubSource(url, self._hub))
        if await self._started(ingest):
            await self._evict(gate)

    def _gate_for(self, flow: FlowMedia) -> Gate:
        if self._gate is None:
            self._gate = Gate(hub=self._hub, now_s=asyncio.get_running_loop().time, flow=flow)
            self._gate_url = self._hooks.open_gate(self._gate.answer)
        self._gate.flow = flow
        return self._gate

    async def _started(self, ingest: RtmpIngest) -> bool:
        """Return whether the server runs on this address, after starting it where it does not and may be tried."""
        same_address = self._served is not None and _address(self._served) == _address(ingest)
        if self._nginx.running and same_address:
            self._served = ingest
            return True
        now_s = asyncio.get_running_loop().time()
        if same_address and now_s < self._retry_s:
            return False
        self._served, self._retry_s = ingest, now_s + self._backoff.pause_s()
        try:
            await self._nginx.start(listener_for(ingest, self._gate_url))
        except NginxFailedError as error:
            self._last_error = str(error)
            return False
        self._last_error = ""
        self._backoff.reset()
        return True

    async def _evict(self, gate: Gate) -> None:
        """Cut whoever may not stay, as the flow is wanted now; the others are not touched."""
        for client in gate.unwelcome():
            gate.players.pop(client)
            for app in {PLAY_APP, *_play_apps(gate.flow)}:
                await self._nginx.drop(app=app, name=self._hub.reveal(), role=_ROLE_PLAYER, client_id=client)
        if gate.publisher and not gate.may_stay():
            await self._nginx.drop(
                app=gate.ingest.app, name=self._hub.reveal(), role=_ROLE_PUBLISHER, client_id=gate.publisher
            )

    async def sample(self) -> None:
        """Learn how the ends are doing."""
        gate = self._gate
        try:
            streams = await self._nginx.streams() if self._nginx.running else ()
        except NginxFailedError as error:
            self._last_error, streams = str(error), ()
        if gate is None:
            return
        hub = self._hub.reveal()
        ours = {stream.app: stream for stream in streams if stream.name == hub}
        self._note_input(gate, ours.get(gate.ingest.app))
        players = [client.id for stream in ours.values() for client in stream.clients if not client.publishes]
        gate.seen(players)
        self._note_players(gate, ours, set(players))
        await self._pushes.follow(f"{self._publishers}" if self._is_published() else "")

    def _is_published(self) -> bool:
        return self._gate is not None and bool(self._last_publisher)

    def _note_input(self, gate: Gate, stream: RtmpStream | None) -> None:
        publisher = next((client for client in stream.clients if client.publishes), None) if stream else None
        rate = self._rates.setdefault(gate.flow.input.id, RateWindow())
        if stream is None or publisher is None:
            self._last_publisher = ""
            gate.publisher_left()
            rate.clear()
            reason = self._last_error or gate.last_error
            self._health[gate.flow.input.id] = EndHealth(
                state=EndState.WAITING, reconnections=max(0, self._publishers - 1), last_error=reason
            )
            return
        if publisher.id != self._last_publisher:
            self._last_publisher = publisher.id
            self._publishers += 1
        rate.feed(asyncio.get_running_loop().time(), stream.bytes_in)
        self._health[gate.flow.input.id] = EndHealth(
            state=EndState.CONNECTED,
            connected_ms=publisher.connected_ms,
            bitrate_bps=rate.bitrate_bps,
            reconnections=max(0, self._publishers - 1),
            peer=publisher.address,
        )

    def _note_players(self, gate: Gate, ours: Mapping[str, RtmpStream], listed: set[str]) -> None:
        """
        Share what the server sent among the outputs.

        It counts all players together; they all get the same stream, so an output's share goes by its players.
        """
        copied = sum(stream.bytes_out for stream in ours.values())
        fresh, self._copied_bytes = max(0, copied - self._copied_bytes), copied
        for output in gate.flow.outputs:
            if isinstance(output.end, RtmpPlay):
                playing = [client for client in gate.playing(output.id) if client in listed]
                self._note_output(gate, output, playing, fresh * len(playing) / max(1, len(listed)))

    def _note_output(self, gate: Gate, output: OutputMedia, playing: list[str], fresh_bytes: float) -> None:
        now_s = asyncio.get_running_loop().time()
        rate = self._rates.setdefault(output.id, RateWindow())
        self._sent_bytes[output.id] = self._sent_bytes.get(output.id, 0.0) + fresh_bytes
        if not playing:
            rate.clear()
            self._health[output.id] = waiting(gate.refusals.get(output.id, ""))
            return
        rate.feed(now_s, round(self._sent_bytes[output.id]))
        first = min((gate.players[client] for client in playing), key=lambda player: player.since_s)
        self._health[output.id] = EndHealth(
            state=EndState.CONNECTED,
            connected_ms=round(1000 * (now_s - first.since_s)),
            bitrate_bps=rate.bitrate_bps,
            peer=first.address,
        )

    def health(self) -> Mapping[EndId, EndHealth]:
        """Return what is known of each end."""
        if self._gate is None:
            return {}
        known = {**self._health, **self._pushes.health()}
        return {end.id: _health_of(end, known) for end in ends_of(self._gate.flow)}

    async def close(self) -> None:
        """End the server and the pushes."""
        await self._pushes.close()
        await self._nginx.stop()
        self._hooks.close_gate(self._gate_url)
        self._gate = None


def listener_for(ingest: RtmpIngest, gate_url: str) -> RtmpListener:
    """Return what the server of this input serves: publishers in one application, players in another."""
    apps = tuple(sorted({ingest.app, PLAY_APP}))
    return RtmpListener(
        host=ingest.host,
        port=ingest.port,
        apps=apps,
        gate=gate_url,
        copies={} if ingest.app == PLAY_APP else {ingest.app: PLAY_APP},
    )


def _address(ingest: RtmpIngest) -> tuple[str, int, str]:
    return ingest.host, ingest.port, ingest.app


def _play_apps(flow: FlowMedia) -> set[str]:
    return {output.end.app for output in flow.outputs if isinstance(output.end, RtmpPlay)}


def _health_of(end: InputMedia | OutputMedia, known: Mapping[EndId, EndHealth]) -> EndHealth:
    if isinstance(end.end, NotCarried):
        return not_carried(end.end)
    if not isinstance(end.end, RtmpIngest | RtmpPlay | RtmpPush):
        return waiting("an RTMP flow is not sent over SRT")
    return known.get(end.id, WAITING)
