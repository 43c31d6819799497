"""An RTMP flow: one small nginx that publishers push to and players pull from, and ffmpeg for what it pushes on."""

import asyncio
import contextlib
import secrets
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address
from typing import Final

from reconciler.domain.secrets import Secret
from reconciler.media.hooks import GATE, Answer, FlowHook, Question, Refused
from reconciler.media.nginx import Nginx, NginxFailedError, Place, RtmpListener, RtmpStream, bracketed, reached_at
from reconciler.media.processes import write_private
from reconciler.media.rates import RateWindow
from reconciler.relay.addresses import Transport
from reconciler.relay.engines.gate import Gate
from reconciler.relay.engines.home import FlowHome
from reconciler.relay.engines.push import Push, Work
from reconciler.relay.engines.push_sources import HubSource, PullSource
from reconciler.relay.engines.pushes import Pushes
from reconciler.relay.engines.restarts import Restarts
from reconciler.relay.engines.words import WAITING, after, ends_of, not_carried, of_present, waiting
from reconciler.relay.giving import INGEST_APP, PLAY_APP
from reconciler.relay.media import (
    EndHealth,
    EndId,
    EndState,
    FlowMedia,
    InputEnd,
    InputMedia,
    NotCarried,
    OutputMedia,
    RtmpDestination,
    RtmpIngest,
    RtmpPlay,
    RtmpPull,
    RtmpPush,
)
from reconciler.relay.reach import Bounds, Reach

_GATE: Final = "gate"
_ENDED: Final = "the server of this flow ended by itself"
_ROLE_PLAYER: Final = "subscriber"
_ROLE_PUBLISHER: Final = "publisher"


class RtmpFlow:
    """Carries one RTMP flow in a folder of its own."""

    def __init__(self, home: FlowHome, reach: Reach) -> None:
        self._home = home
        self._reach = reach
        self._nginx = Nginx(Place(run=home.run, records=home.records, user=home.user), outlives_us=True)
        self._gate: Gate | None = None
        self._hook: FlowHook | None = None
        self._noted = ""
        self._served: RtmpIngest | None = None
        self._restarts = Restarts(asyncio.get_running_loop().time)
        self._last_error = ""
        self._names = _Names(home)
        self._hub = self._names.hub
        self._pull: Push | None = None
        self._pushes = Pushes(home)
        self._rates: dict[EndId, RateWindow] = {}
        self._sent_bytes: dict[EndId, float] = {}
        self._copied_bytes = 0
        self._publishers = 0
        self._last_publisher = ""
        self._worker = ""
        self._looked_s = 0.0
        self._health: dict[EndId, EndHealth] = {}

    async def converge(self, flow: FlowMedia) -> None:
        """Make the server and the pushes carry this flow so; a server that has died is started anew."""
        gate = self._gate_for(self._as_pushed_to(flow))
        ingest = gate.ingest
        url = f"rtmp://{bracketed(reached_at(ingest.host))}:{ingest.port}/{ingest.app}"
        bounds = self._reach.bounds(flow, Transport.TCP)
        self._rates, self._sent_bytes = of_present(self._rates, flow), of_present(self._sent_bytes, flow)
        self._health = of_present(self._health, flow)
        await self._pushes.converge(flow, HubSource(url, self._hub), bounds)
        await self._listen(gate)
        if await self._started(gate):
            await self._evict(gate)
            await self._pull_from(flow.input.end, RtmpDestination(url=url, stream_key=self._names.own_key), bounds)

    def _as_pushed_to(self, flow: FlowMedia) -> FlowMedia:
        """Return a flow that pulls as one that is pushed to: by us, under a key that nobody else knows."""
        source = flow.input.end
        if not isinstance(source, RtmpPull):
            return flow
        ingest = RtmpIngest(host=source.host, port=source.port, app=INGEST_APP, stream_key=self._names.own_key)
        here = tuple(sorted({f"{address}/{ip_address(address).max_prefixlen}" for address in _ourselves(source.host)}))
        return replace(flow, input=replace(flow.input, end=ingest, allowlist=here))

    async def _pull_from(self, source: InputEnd, destination: RtmpDestination, bounds: Bounds) -> None:
        """Keep ffmpeg pulling, where the input is to be pulled."""
        wanted = PullSource(source.url, source.stream_key) if isinstance(source, RtmpPull) else None
        if self._pull is not None and (self._pull.source, self._pull.destination) != (wanted, destination):
            await self._pull.close()
            self._pull = None
        if wanted is not None and self._pull is None:
            self._pull = Push(destination, wanted, Work(self._home, "pull"))
        if self._pull is not None:
            self._pull.bounds = bounds
            await self._pull.follow(f"pull {self._nginx.session}")

    def _gate_for(self, flow: FlowMedia) -> Gate:
        if self._gate is None:
            self._gate = Gate(hub=self._hub, now_s=asyncio.get_running_loop().time, flow=flow)
        self._gate.flow = flow
        return self._gate

    async def _listen(self, gate: Gate) -> None:
        """Answer the server; it asks from the moment that it runs, and whoever comes before is refused."""
        if self._hook is None:
            self._hook = FlowHook(self._home.run, self._answer)
        if await self._hook.start():
            self._home.give(self._hook.path)
            if self._nginx.adopt(listener_for(gate.ingest)):
                self._served = gate.ingest
                with contextlib.suppress(OSError, ValueError, KeyError):
                    gate.remember((self._home.records / _GATE).read_text())

    def _answer(self, question: Question) -> Answer:
        if self._gate is None:
            return Refused()
        answer = self._gate.answer(question)
        self._note_gate(self._gate)
        return answer

    def _note_gate(self, gate: Gate) -> None:
        noted = gate.note()
        if noted != self._noted:
            # A full disk costs what the next run of ours would know, and nothing now; it is tried again.
            with contextlib.suppress(OSError):
                write_private(self._home.records / _GATE, noted)
                self._noted = noted

    async def _started(self, gate: Gate) -> bool:
        """Return whether the server runs on its address, after starting it where it does not and may be tried."""
        ingest = gate.ingest
        same_address = self._served is not None and _address(self._served) == _address(ingest)
        if self._nginx.running and same_address:
            self._served = ingest
            return True
        if same_address and self._nginx.session:
            self._restarts.died(_ENDED)
            self._last_error = _ENDED
        await self._nginx.stop()
        gate.server_ended(before_s=gate.now_s())
        self._worker = ""
        if same_address and not self._restarts.is_due:
            return False
        self._served = ingest
        try:
            with self._restarts.attempt():
                await self._nginx.start(listener_for(ingest))
        except NginxFailedError as error:
            self._last_error = str(error)
            return False
        self._last_error = ""
        return True

    async def _evict(self, gate: Gate) -> None:
        """Cut whoever may not stay, as the flow is wanted now; the others are not touched."""
        for client in gate.unwelcome():
            # It stays listed until the server says that it has left: one that is just coming in is not there to be cut.
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
            # What is not known is not gone: nobody is forgotten, and pushes go on.
            self._last_error = str(error)
            return
        if gate is None:
            return
        self._look_for_the_worker(gate)
        hub = self._hub.reveal()
        ours = {stream.app: stream for stream in streams if stream.name == hub}
        self._note_input(gate, ours.get(gate.ingest.app))
        players = [client.id for stream in ours.values() for client in stream.clients if not client.publishes]
        gate.seen(players)
        self._note_gate(gate)
        self._note_players(gate, ours, set(players))
        # The number of a connection is the server's own, so it tells sessions apart over a restart of ours too.
        session = f"{self._nginx.session} {self._last_publisher}" if self._is_published() else ""
        await self._pushes.follow(session)

    def _look_for_the_worker(self, gate: Gate) -> None:
        """Notice that the server has replaced a worker that died: it does so by itself, and everybody has to return."""
        if self._worker and self._nginx.worker != self._worker:
            self._restarts.died(_ENDED)
            gate.server_ended(before_s=self._looked_s)
        self._worker, self._looked_s = self._nginx.worker, gate.now_s()

    def _is_published(self) -> bool:
        return self._gate is not None and bool(self._last_publisher)

    def _note_input(self, gate: Gate, stream: RtmpStream | None) -> None:
        publisher = next((client for client in stream.clients if client.publishes), None) if stream else None
        rate = self._rates.setdefault(gate.flow.input.id, RateWindow())
        if stream is None or publisher is None:
            self._last_publisher = ""
            gate.publisher_left()
            rate.clear()
            pulled = "" if self._pull is None else self._pull.last_error
            reason = self._last_error or pulled or self._complaint(gate)
            self._health[gate.flow.input.id] = EndHealth(
                state=EndState.WAITING, reconnections=max(0, self._publishers - 1), last_error=reason
            )
            return
        if publisher.id != self._last_publisher:
            self._last_publisher = publisher.id
            self._publishers += 1
        gate.heard(stream.bytes_in)
        rate.feed(asyncio.get_running_loop().time(), stream.bytes_in)
        self._health[gate.flow.input.id] = EndHealth(
            state=EndState.CONNECTED,
            connected_ms=publisher.connected_ms,
            bitrate_bps=rate.bitrate_bps,
            reconnections=max(0, self._publishers - 1),
            last_error=self._complaint(gate),
            peer=publisher.address if self._pull is None else self._pull.origin,
        )

    def _complaint(self, gate: Gate) -> str:
        """Return whom the input turned away; where we pull, nobody else has any business there."""
        return gate.complaint(gate.flow.input.id) if self._pull is None else ""

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
            self._health[output.id] = waiting(self._last_error or gate.complaint(output.id))
            return
        rate.feed(now_s, round(self._sent_bytes[output.id]))
        first = min((gate.players[client] for client in playing), key=lambda player: player.since_s)
        self._health[output.id] = EndHealth(
            state=EndState.CONNECTED,
            connected_ms=round(1000 * (now_s - first.since_s)),
            bitrate_bps=rate.bitrate_bps,
            last_error=gate.complaint(output.id),
            peer=first.address,
        )

    def health(self) -> Mapping[EndId, EndHealth]:
        """Return what is known of each end."""
        if self._gate is None:
            return {}
        known = {**self._health, **self._pushes.health()}
        return {end.id: after(self._restarts.mishap, _health_of(end, known)) for end in ends_of(self._gate.flow)}

    async def close(self) -> None:
        """End the server and the pushes."""
        if self._pull is not None:
            await self._pull.close()
        await self._pushes.close()
        await self._nginx.stop()
        if self._hook is not None:
            await self._hook.close()
        self._gate = self._hook = None


class _Names:
    """Names of one flow that only we know, the same for every run of ours while the flow is carried."""

    def __init__(self, home: FlowHome) -> None:
        path = home.records / "names"
        try:
            hub, own_key = path.read_text().split()
        except (OSError, ValueError):
            hub, own_key = secrets.token_urlsafe(18), secrets.token_urlsafe(18)
            write_private(path, f"{hub} {own_key}")
        self.hub: Final = Secret(hub)
        """Of the stream inside the server."""
        self.own_key: Final = Secret(own_key)
        """Under which we publish what we pull."""


def listener_for(ingest: RtmpIngest) -> RtmpListener:
    """Return what the server of this input serves: publishers in one application, players in another."""
    apps = tuple(sorted({ingest.app, PLAY_APP}))
    return RtmpListener(
        host=ingest.host,
        port=ingest.port,
        apps=apps,
        gate=GATE,
        copies={} if ingest.app == PLAY_APP else {ingest.app: PLAY_APP},
    )


def _ourselves(host: str) -> set[str]:
    """Return the addresses from which we reach a server of ours on this host."""
    return {"127.0.0.1", "::1", reached_at(host)}


def _address(ingest: RtmpIngest) -> tuple[str, int, str]:
    return ingest.host, ingest.port, ingest.app


def _play_apps(flow: FlowMedia) -> set[str]:
    return {output.end.app for output in flow.outputs if isinstance(output.end, RtmpPlay)}


def _health_of(end: InputMedia | OutputMedia, known: Mapping[EndId, EndHealth]) -> EndHealth:
    if isinstance(end.end, NotCarried):
        return not_carried(end.end)
    if not isinstance(end.end, RtmpIngest | RtmpPull | RtmpPlay | RtmpPush):
        return waiting("an RTMP flow is not sent over SRT")
    return known.get(end.id, WAITING)
