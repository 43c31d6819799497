"""One connection of a player: what it asks, and what it is sent."""

import asyncio
import ipaddress
import re
import secrets
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from reconciler.relay.programs.rtsp_packets import Clock, Line, Sent, Track, report
from reconciler.relay.programs.rtsp_ways import Udp, Way, Within
from reconciler.relay.programs.rtsp_words import (
    METHODS,
    Frame,
    GarbledError,
    Request,
    Status,
    Transport,
    answer,
    take,
    transport_of,
)

_SESSION_S: Final = 60
"""A player of which nothing was heard for so long is told to count as gone."""
_SILENT_S: Final = _SESSION_S + 15.0
_UNDECIDED_S: Final = 10.0
"""How long somebody may stay connected who does not play."""
_BEHIND_S: Final = 10.0
"""How long a player may not have taken everything that it was sent."""
_MOST_BEHIND_BYTES: Final = 4 << 20
_MOST_AT_ONCE: Final = 16
"""Requests that may come in one go: a player waits for an answer before it asks again."""
_MOST_FORBIDDEN: Final = 3
"""How often somebody is told that it may not play, before it is cut."""
_SEND_BUFFER_BYTES: Final = 256 << 10
_REPORT_S: Final = 5.0
_ALIVE: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES),
)
_TRACK: Final = re.compile(r"(.*)/track=([0-9]{1,3})")
_EVERYWHERE: Final = str(ipaddress.IPv4Address(0))
"""A session description's word for any address."""
_NAME: Final = secrets.token_hex(8)
"""What all tracks say they come from: players fit sound to picture by it."""

Headers = tuple[tuple[str, str], ...]
Reply = tuple[Headers, str]


class RefusedError(Exception):
    """A request was not granted."""

    def __init__(self, status: Status) -> None:
        self.status = status
        super().__init__(status)


class House(Protocol):
    """The output that players come to."""

    path: str

    def tracks(self) -> Mapping[int, Track]:
        """Return what there is to play now; nothing while there is no upstream."""
        ...

    def came(self, player: "Player") -> bool:
        """Take note of a connection; return whether it may stay."""
        ...

    def left(self, player: "Player") -> None:
        """Forget it."""
        ...

    def allows(self, player: "Player") -> bool:
        """Whether it may play, by where it comes from."""
        ...

    def admits(self, player: "Player") -> bool:
        """Whether there is a place for it; from then on it has one."""
        ...

    def plays(self, player: "Player") -> None:
        """It begins to play."""
        ...

    def complain(self, reason: str) -> None:
        """Note why somebody was refused or cut."""
        ...


@dataclass(slots=True)
class Leg:
    """A track on its way to the player."""

    way: Way
    line: Line
    packets: int = 0
    octets: int = 0
    clock: Clock | None = None
    """What this player is told of time, from its first PLAY on."""

    def stamp_at(self, now_ns: int) -> int:
        """Return the time stamp of a moment as this player is told it; where the line steps, it follows slowly."""
        stamp = self.line.stamp_at(now_ns)
        if self.clock is None:
            self.clock = Clock(self.line.clock_rate, now_ns, float(stamp))
        self.clock.follow(stamp, now_ns)
        return self.clock.stamp_at(now_ns)


class Player(asyncio.Protocol):
    """One connection; it has one session at most, which ends with it."""

    def __init__(self, house: House, number: int) -> None:
        self.number = number
        self.host = ""
        self.peer = ""
        self.bytes = 0
        self.playing_s = 0.0
        """Since when it plays; 0 while it does not."""
        self.placed = False
        """Whether it has one of the places."""
        self._house = house
        self._connection: asyncio.Transport | None = None
        self._ours = ""
        self._received = bytearray()
        self._session = ""
        self._legs: dict[int, Leg] = {}
        self._heard_s = self._came_s = time.monotonic()
        self._behind_s = 0.0
        self._report_s = 0.0
        self._played = False
        self._forbidden = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        if not isinstance(transport, asyncio.Transport):
            return
        if not (peer := transport.get_extra_info("peername")):
            # It went before it was greeted.
            transport.abort()
            return
        self._connection = transport
        self.host, port = peer[:2]
        self._ours = transport.get_extra_info("sockname")[0]
        self.peer = f"[{self.host}]:{port}" if ":" in self.host else f"{self.host}:{port}"
        for level, option, value in _ALIVE:
            transport.get_extra_info("socket").setsockopt(level, option, value)
        # Any rest that has not left counts as being behind.
        transport.set_write_buffer_limits(high=0)
        if not self._house.came(self):
            self.cut()

    def connection_lost(self, _error: Exception | None) -> None:
        """End."""
        self._forget()
        self._house.left(self)

    def pause_writing(self) -> None:
        """It does not take all that it is sent."""
        self._behind_s = time.monotonic()

    def resume_writing(self) -> None:
        """It has taken all."""
        self._behind_s = 0.0

    def data_received(self, data: bytes) -> None:
        """Answer what it asks."""
        self._heard_s = time.monotonic()
        self._received += data
        if self._lags():
            # Whoever asks on and on, and reads no answer.
            self._cut_for_lagging()
            return
        try:
            self._answer_all()
        except GarbledError:
            self.cut()

    def _answer_all(self) -> None:
        """Answer what has come as a whole; whoever asks too much at once would have the loop for itself, and is cut."""
        asked = 0
        while not self._is_closing() and (message := take(self._received)) is not None:
            if isinstance(message, Frame):
                continue
            asked += 1
            if asked > _MOST_AT_ONCE:
                self._house.complain(f"{self.host} was cut: it sent more than {_MOST_AT_ONCE} requests at once")
                self.cut()
            else:
                self._answer(message)

    def send(self, number: int, packet: bytes) -> None:
        """Give it a packet, where it plays that track; one that lags too far behind is cut instead."""
        if not self.playing_s or (leg := self._legs.get(number)) is None:
            return
        if self._lags():
            self._cut_for_lagging()
            return
        leg.way.packet(packet)
        leg.packets += 1
        leg.octets += len(packet)
        self.bytes += len(packet)

    def tick(self, now_s: float) -> None:
        """Look after what time brings about."""
        if self._behind_s and now_s - self._behind_s > _BEHIND_S:
            self._cut_for_lagging()
        elif self._outstays(now_s):
            self.cut()
        elif self.playing_s and now_s >= self._report_s:
            self._report(now_s)

    def _outstays(self, now_s: float) -> bool:
        """Whether it holds a connection or a place and does nothing with it."""
        if not self._session:
            return now_s - self._came_s > _UNDECIDED_S
        if self.playing_s and not any(isinstance(leg.way, Udp) for leg in self._legs.values()):
            # By taking what it is sent it shows that it is there.
            return False
        return now_s - self._heard_s > (_SILENT_S if self._played else _UNDECIDED_S)

    def cut(self) -> None:
        """End the connection at once."""
        self._forget()
        if self._connection is not None:
            self._connection.abort()

    def _is_closing(self) -> bool:
        return self._connection is None or self._connection.is_closing()

    def _lags(self) -> bool:
        return self._connection is not None and self._connection.get_write_buffer_size() > _MOST_BEHIND_BYTES

    def _cut_for_lagging(self) -> None:
        self._house.complain(f"{self.host} was cut: it does not keep up with what it is sent")
        self.cut()

    def _forget(self) -> None:
        legs, self._legs = self._legs, {}
        for leg in legs.values():
            leg.way.close()
        self._session, self.playing_s, self.placed = "", 0.0, False

    def _report(self, now_s: float) -> None:
        self._report_s = now_s + _REPORT_S
        for leg in self._legs.values():
            sent = Sent(packets=leg.packets, octets=leg.octets)
            leg.way.report(
                report(leg.line, sent, stamp=leg.stamp_at(time.monotonic_ns()), wall_s=time.time(), name=_NAME)
            )

    def _answer(self, request: Request) -> None:
        if self._connection is None:
            return
        try:
            headers, body = self._reply(request)
        except RefusedError as error:
            self._connection.write(answer(request, error.status))
            self._forbidden += error.status is Status.FORBIDDEN
            if self._forbidden >= _MOST_FORBIDDEN:
                self.cut()
            return
        self._connection.write(answer(request, Status.OK, headers, body))
        if request.method == "PLAY":
            # After the answer: nothing within the connection may come before it.
            if not self.playing_s:
                self.playing_s, self._played = time.monotonic(), True
                self._house.plays(self)
            self._report(time.monotonic())

    def _reply(self, request: Request) -> Reply:
        if request.method == "OPTIONS":
            return (("Public", ", ".join(METHODS)),), ""
        if request.method not in METHODS:
            raise RefusedError(Status.UNKNOWN_METHOD)
        if not self._house.allows(self):
            raise RefusedError(Status.FORBIDDEN)
        place = self._place(request)
        match request.method:
            case "DESCRIBE":
                return self._describe(request)
            case "SETUP":
                return self._set_up(request, place), ""
            case _:
                return self._within_session(request), ""

    def _place(self, request: Request) -> int | None:
        """Return which track a URL names; None for all of them."""
        if request.path == self._house.path:
            return None
        named = _TRACK.fullmatch(request.path)
        if named is None or named[1] != self._house.path:
            raise RefusedError(Status.NOT_FOUND)
        return int(named[2])

    def _describe(self, request: Request) -> Reply:
        family, everywhere = ("IP6", "::") if ":" in self._ours else ("IP4", _EVERYWHERE)
        lines = [
            "v=0\r\n",
            f"o=- {secrets.randbits(32)} 1 IN {family} {self._ours}\r\n",
            "s=-\r\n",
            f"c=IN {family} {everywhere}\r\n",
            "t=0 0\r\na=control:*\r\na=range:npt=now-\r\n",
        ]
        lines += [f"{track.described}a=control:track={number}\r\n" for number, track in self._tracks().items()]
        return (("Content-Base", f"{request.url.rstrip('/')}/"),), "".join(lines)

    def _set_up(self, request: Request, place: int | None) -> Headers:
        if place is None or (track := self._tracks().get(place)) is None:
            raise RefusedError(Status.NOT_FOUND)
        if request.session != self._session or self.playing_s:
            raise RefusedError(Status.NOT_NOW if self._session else Status.NO_SESSION)
        if (wanted := transport_of(request.headers.get("transport", ""))) is None:
            raise RefusedError(Status.NO_TRANSPORT)
        if not self.placed and not self._house.admits(self):
            raise RefusedError(Status.FULL)
        way = self._way(wanted)
        if (before := self._legs.pop(place, None)) is not None:
            before.way.close()
        self._legs[place] = Leg(way, track.line)
        self._session = self._session or secrets.token_hex(12)
        return ("Transport", f'{way.told};ssrc={track.line.ssrc:08X};mode="PLAY"'), self._session_header()

    def _tracks(self) -> Mapping[int, Track]:
        if not (tracks := self._house.tracks()):
            raise RefusedError(Status.NO_UPSTREAM)
        return tracks

    def _way(self, wanted: Transport) -> Way:
        if self._connection is not None and wanted.interleaved:
            return Within(self._connection, wanted)
        try:
            return Udp(self._ours, self.host, wanted, heard=self._hear)
        except OSError as error:
            raise RefusedError(Status.NO_TRANSPORT) from error

    def _within_session(self, request: Request) -> Headers:
        """Answer what players ask of their session; asking after a parameter only says that one is there."""
        if request.method.endswith("_PARAMETER") and not request.session:
            return ()
        if not self._session or request.session != self._session:
            raise RefusedError(Status.NO_SESSION)
        told = self._session_header()
        if request.method == "PLAY":
            return told, ("Range", "npt=now-"), ("RTP-Info", self._where_it_begins(request))
        if request.method == "PAUSE":
            self.playing_s = 0.0
        elif request.method == "TEARDOWN":
            self._forget()
            self._came_s = time.monotonic()
        return (told,)

    def _where_it_begins(self, request: Request) -> str:
        base, now_ns = request.url.rstrip("/").partition("/track=")[0], time.monotonic_ns()
        return ",".join(
            f"url={base}/track={number};seq={leg.line.next_sequence};rtptime={leg.stamp_at(now_ns)}"
            for number, leg in self._legs.items()
        )

    def _session_header(self) -> tuple[str, str]:
        return "Session", f"{self._session};timeout={_SESSION_S}"

    def _hear(self) -> None:
        self._heard_s = time.monotonic()


def figures(player: Player, now_s: float) -> dict[str, Any]:
    """Return what is known of a player."""
    return {
        "id": str(player.number),
        "peer": player.peer,
        "connected_ms": round(1000 * (now_s - player.playing_s)),
        "bytes": player.bytes,
    }
