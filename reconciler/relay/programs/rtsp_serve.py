"""The downstream side of an RTSP flow: for each output a port of its own, where players ask and are served."""

import asyncio
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from reconciler.relay.programs.reach import listed, networks_of
from reconciler.relay.programs.rtsp_packets import Track
from reconciler.relay.programs.rtsp_player import Player, figures

_RETRY_S: Final = 1.0
_BACKLOG: Final = 64
_TOLD_S: Final = 60.0
"""How long it is told that somebody was refused or cut."""
_MOST_CLIENTS: Final = 32
"""Connections to one output, playing or not."""
_NO_MORE: Final = "this machine takes no more connections"

Offer = Callable[[], Mapping[int, Track]]
"""Returns the tracks to serve by number; nothing while there is no upstream."""


class Output:
    """One output; everything runs on the engine's one loop."""

    def __init__(self, spec: dict[str, Any], offer: Offer) -> None:
        self.spec = spec
        self._networks = networks_of(spec["allowlist"])
        self._verdicts: dict[int, bool] = {}
        """Of each who is connected and was asked about: whether it is in the allowlist."""
        self.path = "/" + spec["path"].strip("/")
        self.error = ""
        self.connections = 0
        self.tracks = offer
        self._players: dict[int, Player] = {}
        """Who is connected, in the order of arrival."""
        self._counted = 0
        self._listener: socket.socket | None = None
        self._greeting: set[asyncio.Task[Any]] = set()
        self._is_closed = False
        self._retry_s = 0.0
        self._complained_s = 0.0

    def tick(self, now_s: float) -> None:
        """Listen, where that is not done, and look after the players."""
        if self._listener is None and now_s >= self._retry_s:
            self._retry_s = now_s + _RETRY_S
            self._open()
        if self._listener is not None and now_s - self._complained_s > _TOLD_S:
            self.error = ""
        for player in list(self._players.values()):
            player.tick(now_s)

    def edit(self, spec: dict[str, Any]) -> None:
        """Take who may play, and how many; who plays and still may notices nothing."""
        self.spec = spec
        self._networks = networks_of(spec["allowlist"])
        self._verdicts.clear()
        for player in list(self._players.values()):
            if not self._is_listed(player):
                self.complain(f"{player.host} was cut: it is not in the allowlist")
                player.cut()
        placed = [player for player in self._players.values() if player.placed]
        for surplus in placed[spec["max_concurrent"] :]:
            surplus.cut()

    def empty(self) -> None:
        """End who is there: what there is to play has become something else, and they must ask anew."""
        for player in list(self._players.values()):
            player.cut()

    def feed(self, number: int, packet: bytes) -> None:
        """Give a packet of a track to all who play."""
        for player in list(self._players.values()):
            player.send(number, packet)

    def figures(self, now_s: float) -> dict[str, Any]:
        """Return what is known of it."""
        return {
            "connections": self.connections,
            "error": self.error,
            "sessions": [figures(player, now_s) for player in self._players.values() if player.playing_s],
        }

    def close(self) -> None:
        """Serve nobody any longer; the port is free at once."""
        self._is_closed = True
        self._deafen()
        self.empty()

    def came(self, player: Player) -> bool:
        """Take note of a connection; return whether it may stay."""
        self._players[player.number] = player
        if self._is_closed:
            return False
        return len(self._players) <= _MOST_CLIENTS or self._makes_room(player)

    def left(self, player: Player) -> None:
        """Forget a connection."""
        self._players.pop(player.number, None)
        self._verdicts.pop(player.number, None)

    def allows(self, player: Player) -> bool:
        """Whether a player may play, by where it comes from."""
        if self._is_listed(player):
            return True
        self.complain(f"{player.host} was refused: it is not in the allowlist")
        return False

    def admits(self, player: Player) -> bool:
        """Whether there is a place for a player; from then on it has one."""
        if sum(each.placed for each in self._players.values()) >= self.spec["max_concurrent"]:
            self.complain(f"{player.host} was refused: all {self.spec['max_concurrent']} places are taken")
            return False
        player.placed = True
        return True

    def plays(self, _player: Player) -> None:
        """Count a player."""
        self.connections += 1

    def complain(self, reason: str) -> None:
        """Note why somebody was refused or cut."""
        self.error, self._complained_s = reason, time.monotonic()

    def _makes_room(self, newer: Player) -> bool:
        """
        Cut somebody who has no place, so that a newer connection may stay; return whether it may.

        Else as many connections as there may be, all of them idle, would keep out everybody who wants to play.
        """
        idle = [player for player in self._players.values() if not player.placed and player is not newer]
        outside = [player for player in (*idle, newer) if not self._is_listed(player)]
        spare = next(iter(outside or idle), newer)
        if spare is newer:
            why = "it is not in the allowlist" if outside else f"all {_MOST_CLIENTS} connections are players'"
            self.complain(f"{newer.host} was refused: {why}")
            return False
        self.complain(f"{spare.host} was cut: it did not play, and {_MOST_CLIENTS} connections are all there may be")
        # At once: of an end it is told later only, and more may come until then.
        self.left(spare)
        spare.cut()
        return True

    def _open(self) -> None:
        host = self.spec["host"]
        try:
            made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        except OSError:
            self.error = _NO_MORE
            return
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((host, self.spec["port"]))
            made.listen(_BACKLOG)
        except OSError:
            made.close()
            self.error = "the port is in use"
            return
        self._listener, self.error = made, ""
        asyncio.get_running_loop().add_reader(made, self._accept, made)

    def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(_BACKLOG):
            try:
                accepted, _address = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError:
                # No descriptor is left. Whoever waits would be reported again at once; `tick` listens anew.
                self._deafen()
                self.error = _NO_MORE
                return
            greeting = loop.create_task(loop.connect_accepted_socket(self._player, accepted))
            self._greeting.add(greeting)
            greeting.add_done_callback(self._greeting.discard)

    def _deafen(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            asyncio.get_running_loop().remove_reader(listener)
            listener.close()

    def _player(self) -> Player:
        self._counted += 1
        return Player(self, self._counted)

    def _is_listed(self, player: Player) -> bool:
        if player.number not in self._verdicts:
            self._verdicts[player.number] = listed(self._networks, player.host)
        return self._verdicts[player.number]
