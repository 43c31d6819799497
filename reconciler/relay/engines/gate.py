"""Who may publish to an RTMP flow, and who may play from it."""

import hashlib
import ipaddress
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from reconciler.domain.secrets import Secret
from reconciler.media.hooks import Admitted, Answer, Question, Refused
from reconciler.media.nginx import reached_at
from reconciler.relay.media import EndId, FlowMedia, OutputMedia, RtmpIngest, RtmpPlay

_UNSEEN_S: Final = 2.0
"""How long somebody who was let in counts before the server lists him; it does so within the same breath."""
_SILENT_S: Final = 3.0
"""How long a publisher sends nothing before another one with the same key may take its place."""
_WAITS_S: Final = 10.0
"""How long somebody who was refused is taken to try again."""
_REMEMBERED_S: Final = 60.0
"""How long it is told that somebody was turned away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """Someone who plays an output."""

    output: EndId
    address: str
    since_s: float
    key: str
    """Digest of the key that was asked for: another key since then, and the player has to go."""


@dataclass(slots=True)
class Gate:
    """
    Answers the RTMP server of one flow.

    The stream has one hidden name inside the server: whoever knows an output's key is let in and sent there, so that an
    output is an entry here and nothing at all in the server.
    """

    hub: Secret
    now_s: Callable[[], float]
    flow: FlowMedia
    publisher: str = ""
    """Client id of whoever publishes; empty when nobody does."""
    publisher_address: str = ""
    publisher_key: str = ""
    """Digest of the key that whoever publishes came with."""
    publisher_since_s: float = 0.0
    players: dict[str, Player] = field(default_factory=dict)
    _heard: tuple[int, float] = (0, 0.0)
    """How many bytes had come from whoever publishes, and when that number grew last."""
    _listened_s: float = 0.0
    """When that number was looked at last: what nobody looked at is no silence."""
    _knocked_s: float | None = None
    """When somebody else who may publish asked for the place."""
    _complaints: dict[EndId, tuple[str, float]] = field(default_factory=dict)

    def note(self) -> str:
        """Return what another run of ours has to know of who is connected."""
        players = {
            client: [player.output, player.address, player.since_s, player.key]
            for client, player in self.players.items()
        }
        publisher = [self.publisher, self.publisher_address, self.publisher_key, self.publisher_since_s]
        return json.dumps({"publisher": publisher, "players": players})

    def remember(self, noted: str) -> None:
        """Take over what an earlier run of ours has noted; who has left since then is forgotten by `seen`."""
        told = json.loads(noted)
        self.publisher, self.publisher_address, self.publisher_key, self.publisher_since_s = told["publisher"]
        self._heard = (0, self.now_s())
        self.players = {
            client: Player(output=EndId(output), address=address, since_s=since_s, key=key)
            for client, (output, address, since_s, key) in told["players"].items()
        }

    def answer(self, question: Question) -> Answer:
        """Say whether a caller may go on, and under which name."""
        match question.get("call"):
            case "publish":
                return self._publish(question)
            case "publish_done":
                if question.get("clientid") == self.publisher:
                    self.publisher = self.publisher_address = ""
                return Admitted()
            case "play":
                return self._play(question)
            case "play_done":
                self.players.pop(question.get("clientid", ""), None)
                return Admitted()
            case _:
                return Refused()

    @property
    def ingest(self) -> RtmpIngest:
        """The flow's RTMP input."""
        if not isinstance(self.flow.input.end, RtmpIngest):
            raise TypeError("an RTMP server carries flows with an RTMP input")
        return self.flow.input.end

    def _publish(self, question: Question) -> Answer:
        address, name = _caller(question), Secret(question.get("name", ""))
        if question.get("app") != self.ingest.app:
            # The server's own copy of the stream, from the application for publishers to the one for players.
            return Admitted() if name == self.hub and self._is_ours(address) else Refused()
        source = self.flow.input
        if name != self.ingest.stream_key:
            self._refuse(source.id, f"a publisher from {address}", "its stream key is not the one that is asked for")
        elif not allows(source.allowlist, address):
            self._refuse(source.id, f"a publisher from {address}", "it is not in the allowlist")
        elif self.publisher:
            self._knocked_s = self.now_s()
            self._refuse(source.id, f"a publisher from {address}", "somebody publishes already")
        else:
            self.publisher, self.publisher_address = question.get("clientid", ""), address
            self.publisher_key, self.publisher_since_s = _digest(name), self.now_s()
            self._heard, self._knocked_s = (0, self.now_s()), None
            self._complaints.pop(source.id, None)
            return Admitted(self.hub.reveal())
        return Refused()

    def _refuse(self, end: EndId, whom: str, why: str) -> None:
        self._complaints[end] = (f"{whom} was refused: {why}", self.now_s())

    def complaint(self, end: EndId) -> str:
        """Return whom an end turned away last, and why, in words; empty when that was long ago."""
        words, at_s = self._complaints.get(end, ("", 0.0))
        return words if self.now_s() - at_s <= _REMEMBERED_S else ""

    def _play(self, question: Question) -> Answer:
        address, name = _caller(question), Secret(question.get("name", ""))
        if name == self.hub and self._is_inside(question.get("app", ""), address):
            return Admitted()
        output = self._output_of(question.get("app", ""), name)
        if output is None:
            return Refused()
        if not allows(output.allowlist, address):
            self._refuse(output.id, f"a player from {address}", "it is not in the allowlist")
        elif len(self.playing(output.id)) >= limit_of(output):
            self._refuse(output.id, f"a player from {address}", f"{limit_of(output)} are connected already")
        else:
            self.players[question.get("clientid", "")] = Player(
                output=output.id, address=address, since_s=self.now_s(), key=_digest(name)
            )
            return Admitted(self.hub.reveal())
        return Refused()

    def _output_of(self, app: str, key: Secret) -> OutputMedia | None:
        for output in self.flow.outputs:
            if isinstance(output.end, RtmpPlay) and output.end.app == app and output.end.stream_key == key:
                return output
        return None

    def _is_inside(self, app: str, address: str) -> bool:
        """Whether it is the server's own copying, which asks without an application, or an engine of ours."""
        return not app or (app == self.ingest.app and self._is_ours(address))

    def _is_ours(self, address: str) -> bool:
        return address in {"127.0.0.1", "::1", reached_at(self.ingest.host)}

    def may_stay(self) -> bool:
        """Whether whoever publishes may go on, as the flow is wanted now, and is not in another one's way."""
        has_key = self.publisher_key == _digest(self.ingest.stream_key)
        return has_key and allows(self.flow.input.allowlist, self.publisher_address) and not self._gives_way

    @property
    def _gives_way(self) -> bool:
        """Whether whoever publishes has gone silent while another one waits for the place."""
        wanted = self._knocked_s is not None and self.now_s() - self._knocked_s < _WAITS_S
        return wanted and self._listened_s - self._heard[1] > _SILENT_S

    def heard(self, total_bytes: int) -> None:
        """Note how much has come from whoever publishes."""
        self._listened_s = self.now_s()
        if total_bytes != self._heard[0]:
            self._heard = (total_bytes, self._listened_s)

    def server_ended(self, *, before_s: float) -> None:
        """Forget who was let in before a moment: what they were connected to runs no longer."""
        if self.publisher_since_s < before_s:
            self.publisher = self.publisher_address = ""
        self.players = {client: player for client, player in self.players.items() if player.since_s >= before_s}
        # Whoever was refused since then was refused for the sake of somebody who is not there.
        self._complaints.clear()

    def publisher_left(self) -> None:
        """Forget a publisher that the server does not list; one that was only just let in may yet appear."""
        if self.publisher and self.now_s() - self.publisher_since_s > _UNSEEN_S:
            self.publisher = self.publisher_address = ""

    def playing(self, output: EndId) -> list[str]:
        """Return the client ids that play an output."""
        return [client for client, player in self.players.items() if player.output == output]

    def seen(self, clients: Iterable[str]) -> None:
        """Forget who has left: keep those that the server lists, and those too new for it."""
        listed, now_s = set(clients), self.now_s()
        self.players = {
            client: player
            for client, player in self.players.items()
            if client in listed or now_s - player.since_s < _UNSEEN_S
        }

    def unwelcome(self) -> list[str]:
        """Return the client ids of players that may not play any longer, as the flow is wanted now."""
        leaving: list[str] = []
        outputs = {output.id: output for output in self.flow.outputs}
        for client, player in self.players.items():
            output = outputs.get(player.output)
            if output is None or not _may_play(output, player):
                leaving.append(client)
        for output in self.flow.outputs:
            staying = [client for client in self.playing(output.id) if client not in leaving]
            leaving += staying[limit_of(output) :] if isinstance(output.end, RtmpPlay) else []
        return leaving


def _digest(key: Secret) -> str:
    """Return what tells one key from another, and neither of them: it is noted on the disk."""
    return hashlib.sha256(key.reveal().encode()).hexdigest()


def _may_play(output: OutputMedia, player: Player) -> bool:
    same_key = isinstance(output.end, RtmpPlay) and _digest(output.end.stream_key) == player.key
    return same_key and allows(output.allowlist, player.address)


def limit_of(output: OutputMedia) -> int:
    """Return how many may play an output at once."""
    ends = [output.max_concurrent]
    if isinstance(output.end, RtmpPlay):
        ends.append(output.end.max_concurrent)
    return min(ends)


def _caller(question: Question) -> str:
    """Return who asks; an IPv4 address in IPv6 clothes, from a server that listens for both, counts as what it is."""
    address = question.get("addr", "")
    mapped = ipaddress.IPv6Address(address).ipv4_mapped if address.startswith("::ffff:") else None
    return address if mapped is None else str(mapped)


def allows(allowlist: tuple[str, ...], address: str) -> bool:
    """Whether an address is within one of the CIDRs; an empty list allows everybody."""
    if not allowlist:
        return True
    try:
        host = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(host in ipaddress.ip_network(cidr, strict=False) for cidr in allowlist)
