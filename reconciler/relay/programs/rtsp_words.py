"""RTSP 1.0 as players speak it (RFC 2326): requests, answers, and the description of a track."""

import contextlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Protocol
from urllib.parse import urlsplit

METHODS: Final = ("OPTIONS", "DESCRIBE", "SETUP", "PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER", "SET_PARAMETER")
_LONGEST_BYTES: Final = 16_384
"""Of a request's head, and of its body."""
_INTERLEAVED: Final = 0x24
_FRAME_HEAD_BYTES: Final = 4
_HEAD_END: Final = b"\r\n\r\n"
_MOST_CHANNEL: Final = 255
_MOST_PORT: Final = 65_535
_LENGTH: Final = re.compile(r"[0-9]{1,7}")
_NUMBER: Final = re.compile(r"[0-9]{1,20}")
_DISPUTED: Final = re.compile(r"[\x00-\x20\x7f#\\]")
"""What readers of URLs read differently, as the end of the host or as nothing at all."""
_PORT: Final = 554
_REQUEST_LINE: Final = re.compile(r"([A-Z_]+) (\S+) RTSP/1\.\d")

_PASSED_ON: Final = frozenset({"rtpmap", "fmtp", "framerate", "framesize", "ptime", "maxptime", "lang", "cliprect"})
"""Attributes that say what packets hold; the others are of the origin's own session."""


class Status(IntEnum):
    """How a request was answered."""

    OK = 200
    BAD_REQUEST = 400
    FORBIDDEN = 403
    NOT_FOUND = 404
    FULL = 453
    NO_SESSION = 454
    NOT_NOW = 455
    NO_TRANSPORT = 461
    UNKNOWN_METHOD = 501
    NO_UPSTREAM = 503


_REASONS: Final[Mapping[Status, str]] = {
    Status.OK: "OK",
    Status.BAD_REQUEST: "Bad Request",
    Status.FORBIDDEN: "Forbidden",
    Status.NOT_FOUND: "Not Found",
    Status.FULL: "Not Enough Bandwidth",
    Status.NO_SESSION: "Session Not Found",
    Status.NOT_NOW: "Method Not Valid in This State",
    Status.NO_TRANSPORT: "Unsupported Transport",
    Status.UNKNOWN_METHOD: "Not Implemented",
    Status.NO_UPSTREAM: "Service Unavailable",
}


class GarbledError(Exception):
    """What came is no RTSP, or longer than any request needs to be."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a player asks for."""

    method: str
    url: str
    headers: Mapping[str, str]
    """By name in small letters."""

    @property
    def path(self) -> str:
        """The path that its URL names, without a slash at the end."""
        try:
            return urlsplit(self.url).path.rstrip("/")
        except ValueError:
            return ""

    @property
    def session(self) -> str:
        """The session that it is of; empty when it names none."""
        return self.headers.get("session", "").partition(";")[0].strip()


@dataclass(frozen=True, slots=True)
class Frame:
    """What a player sends within its connection on one of the channels: its reports."""

    channel: int


@dataclass(frozen=True, slots=True)
class Transport:
    """How a player wants to get a track: within its connection, or at two UDP ports of its own host."""

    interleaved: bool
    first: int
    """The channel or port of the packets."""
    second: int
    """That of the reports."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an RTSP URL leads."""

    host: str
    port: int
    tls: bool


class Media(Protocol):
    """A section of a session description."""

    def as_text(self) -> str:
        """Return it as it is written."""
        ...


class Session(Protocol):
    """A session description, as GStreamer has it."""

    def medias_len(self) -> int:
        """Return how many sections it has."""
        ...

    def get_media(self, number: int) -> Media:
        """Return one of them."""
        ...


def origin_of(url: str) -> Origin | None:
    """
    Return where an RTSP URL leads; None where it is no such URL.

    None, too, where it is not sure: whoever calls it in the end reads it for itself, and must come to the same host as
    whoever asks whether that host may be called.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _PORT
    except ValueError:
        return None
    if parts.scheme not in {"rtsp", "rtsps"} or not host:
        return None
    if _DISPUTED.search(url) or parts.netloc.count("@") > 1 or not parts.netloc.isascii():
        return None
    return Origin(host, port, tls=parts.scheme == "rtsps")


def take(received: bytearray) -> Request | Frame | None:
    """
    Return the first message of what was received, and remove it from there; None until it is whole.

    Raises:
        GarbledError: it never will be one.

    """
    # Some players end a line too many.
    while received[:2] == b"\r\n":
        del received[:2]
    if received[:1] == bytes([_INTERLEAVED]):
        return _frame(received)
    end = received.find(_HEAD_END)
    if end > _LONGEST_BYTES or (end < 0 and len(received) > _LONGEST_BYTES):
        raise GarbledError
    if end < 0:
        return None
    request, body_bytes = _request(received[:end].decode("utf-8", errors="replace"))
    whole = end + len(_HEAD_END) + body_bytes
    if len(received) < whole:
        return None
    del received[:whole]
    return request


def _frame(received: bytearray) -> Frame | None:
    if len(received) < _FRAME_HEAD_BYTES:
        return None
    whole = _FRAME_HEAD_BYTES + int.from_bytes(received[2:_FRAME_HEAD_BYTES], "big")
    if len(received) < whole:
        return None
    frame = Frame(received[1])
    del received[:whole]
    return frame


def _request(head: str) -> tuple[Request, int]:
    """Return a request, and how many bytes its body has; nothing is asked for in a body."""
    first, *lines = head.split("\r\n")
    asked = _REQUEST_LINE.fullmatch(first)
    if asked is None:
        raise GarbledError
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = headers.get("content-length", "0")
    if not _LENGTH.fullmatch(length) or int(length) > _LONGEST_BYTES:
        raise GarbledError
    return Request(asked[1], asked[2], headers), int(length)


def answer(request: Request, status: Status, headers: Iterable[tuple[str, str]] = (), body: str = "") -> bytes:
    """Return the answer to a request."""
    sequence = request.headers.get("cseq", "")
    lines = [f"RTSP/1.0 {status.value} {_REASONS[status]}", f"CSeq: {sequence if _NUMBER.fullmatch(sequence) else 0}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body:
        lines += ["Content-Type: application/sdp", f"Content-Length: {len(body.encode())}"]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def frame(channel: int, packet: bytes) -> bytes:
    """Return a packet as it goes within a connection."""
    return bytes((_INTERLEAVED, channel)) + len(packet).to_bytes(2, "big") + packet


def transport_of(offered: str) -> Transport | None:
    """
    Return the first of the transports in a header that is served here: unicast, with or within the connection.

    Where packets go is never the player's to say: they go to the host that asks.
    """
    for each in offered.split(","):
        profile, *parameters = (part.strip() for part in each.split(";"))
        named = dict(part.partition("=")[::2] for part in parameters)
        if "multicast" in named:
            continue
        match profile.upper():
            case "RTP/AVP/TCP":
                found = _pair(named.get("interleaved", "0-1"), _MOST_CHANNEL)
            case "RTP/AVP" | "RTP/AVP/UDP":
                found = _pair(named.get("client_port", ""), _MOST_PORT)
            case _:
                continue
        if found is not None:
            return Transport(profile.upper() == "RTP/AVP/TCP", *found)
    return None


def _pair(text: str, most: int) -> tuple[int, int] | None:
    """Return two numbers of a range; of one alone, the second is the next."""
    found = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", text)
    if found is None:
        return None
    first, second = int(found[1]), int(found[2] or int(found[1]) + 1)
    return (first, second) if 0 <= first < second <= most else None


def described(told: str) -> str:
    """Return what players are told of a track: all that describes its packets, and nothing of the origin's session."""
    head, *lines = told.split("\r\n")
    kind, _, _, *formats = head.split(" ")
    # Whatever the origin protects its packets with is off by now.
    kept = [f"{kind} 0 RTP/AVP {' '.join(formats)}"]
    kept += [line for line in lines if line.startswith("b=")]
    kept += [line for line in lines if line.startswith("a=") and line[2:].partition(":")[0] in _PASSED_ON]
    return "".join(f"{line}\r\n" for line in kept)


def tracks_told(session: Session) -> dict[int, str]:
    """Return what an origin tells of its tracks, by number, without those that nobody can read."""
    told = {}
    for number in range(session.medias_len()):
        # What an origin writes need be neither UTF-8 nor whole.
        with contextlib.suppress(ValueError):
            told[number] = described(session.get_media(number).as_text())
    return told
