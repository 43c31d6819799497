"""
What an RTMP client sends, cut into chunks of another size.

The client's chunk stream is read, and each message written again when it is whole. Every message gets a full header
(type 0): what a shorter one leaves out depends on messages before it, and servers do not all agree on how. The
client's own Set Chunk Size is left out, for it is ours that holds.

Source: Adobe's Real Time Messaging Protocol, version 1.0, sections 5.3 and 5.4.
"""

from dataclasses import dataclass, field
from typing import Final

HANDSHAKE_BYTES: Final = 1 + 1536 + 1536
"""C0, C1 and C2, which are passed on as they are."""
FIRST_CHUNK_BYTES: Final = 128
SET_CHUNK_SIZE: Final = 1
_ABORT: Final = 2
_CONTROL_STREAM: Final = 2
_EXTENDED: Final = 0xFFFFFF
_FULL, _NO_STREAM, _NO_LENGTH, _NONE = range(4)
_HEADER_BYTES: Final = {_FULL: 11, _NO_STREAM: 7, _NO_LENGTH: 3, _NONE: 0}
_CLOCK: Final = 1 << 32
_SHORT_IDS, _LONG_IDS = 64, 320
"""From here on, the number of a chunk stream takes a second and a third byte."""


class GarbledError(Exception):
    """The bytes are no chunk stream."""


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before a chunk, with what its form leaves out."""

    time: int = 0
    """Of a full header the time, of every other one what is to be added to the last; milliseconds."""
    is_extended: bool = False
    length: int = 0
    kind: int = 0
    message_stream: bytes = bytes(4)


@dataclass(slots=True)
class _Stream:
    """A chunk stream: its last header, and the message that is not whole yet."""

    header: Header = field(default_factory=Header)
    time_ms: int = 0
    body: bytearray = field(default_factory=bytearray)


class Messages:
    """Reads a chunk stream, from behind the handshake on."""

    def __init__(self) -> None:
        self.chunk_bytes = FIRST_CHUNK_BYTES
        self._streams: dict[int, _Stream] = {}
        self._read = bytearray()

    def feed(self, some: bytes) -> list[tuple[int, int, Header, bytes]]:
        """
        Return the messages that are whole now: chunk stream, time in milliseconds, header and body.

        Raises:
            GarbledError: the bytes are no chunk stream.

        """
        self._read += some
        whole: list[tuple[int, int, Header, bytes]] = []
        while (used := self._chunk(whole)) > 0:
            del self._read[:used]
        return whole

    def _chunk(self, whole: list[tuple[int, int, Header, bytes]]) -> int:
        """Take one chunk, where all of it is there; return how many bytes it has."""
        basic = _basic_header(self._read)
        if basic is None:
            return 0
        form, number, at = basic
        stream = self._streams.setdefault(number, _Stream())
        parsed = _header(self._read, at, form, stream.header)
        if parsed is None:
            return 0
        header, at = parsed
        size = min(self.chunk_bytes, header.length - len(stream.body))
        if size < 0:
            raise GarbledError
        if len(self._read) < at + size:
            return 0
        if not stream.body:
            stream.time_ms = header.time if form == _FULL else (stream.time_ms + header.time) % _CLOCK
        stream.header = header
        stream.body += self._read[at : at + size]
        if len(stream.body) == header.length:
            body, stream.body = bytes(stream.body), bytearray()
            self._heed(header, body)
            whole.append((number, stream.time_ms, header, body))
        return at + size

    def _heed(self, header: Header, body: bytes) -> None:
        """Do what a message asks of whoever reads the stream."""
        if header.kind == SET_CHUNK_SIZE:
            self.chunk_bytes = int.from_bytes(body) & 0x7FFF_FFFF
            if not self.chunk_bytes:
                raise GarbledError
        elif header.kind == _ABORT:
            self._streams.setdefault(int.from_bytes(body), _Stream()).body.clear()


class Rechunker:
    """Takes what a client sends, from its first byte on, and returns what to send in its stead."""

    def __init__(self, chunk_bytes: int) -> None:
        self._chunk_bytes = chunk_bytes
        self._handshake_left = HANDSHAKE_BYTES
        self._messages = Messages()
        self._told = False

    def feed(self, some: bytes) -> bytes:
        """
        Return what is to be sent for these bytes: whole messages, and so perhaps nothing yet.

        Raises:
            GarbledError: they are no chunk stream.

        """
        out = bytearray(some[: self._handshake_left])
        self._handshake_left -= len(out)
        for number, time_ms, header, body in self._messages.feed(some[len(out) :]):
            if header.kind in {SET_CHUNK_SIZE, _ABORT}:
                continue
            out += chunks(number, time_ms, header, body, FIRST_CHUNK_BYTES if not self._told else self._chunk_bytes)
            if not self._told:
                # The first message is `connect`: the size is told once the server knows who asks.
                self._told = True
                out += set_chunk_size(self._chunk_bytes)
        return bytes(out)


def set_chunk_size(chunk_bytes: int) -> bytes:
    """Return the message that says of which size the chunks are from here on."""
    header = Header(length=4, kind=SET_CHUNK_SIZE)
    return chunks(_CONTROL_STREAM, 0, header, chunk_bytes.to_bytes(4), FIRST_CHUNK_BYTES)


def chunks(number: int, time_ms: int, header: Header, body: bytes, chunk_bytes: int) -> bytes:
    """Return a message in chunks of this size, the first of them with a full header."""
    field_ms, extension = (time_ms, b"") if time_ms < _EXTENDED else (_EXTENDED, time_ms.to_bytes(4))
    out = bytearray(_basic(_FULL, number))
    out += field_ms.to_bytes(3) + len(body).to_bytes(3) + bytes((header.kind,)) + header.message_stream + extension
    out += body[:chunk_bytes]
    between = _basic(_NONE, number) + extension
    for at in range(chunk_bytes, len(body), chunk_bytes):
        out += between
        out += body[at : at + chunk_bytes]
    return bytes(out)


def _basic(form: int, number: int) -> bytes:
    if number < _SHORT_IDS:
        return bytes((form << 6 | number,))
    if number < _LONG_IDS:
        return bytes((form << 6, number - _SHORT_IDS))
    return bytes((form << 6 | 1,)) + (number - _SHORT_IDS).to_bytes(2, "little")


def _basic_header(read: bytearray) -> tuple[int, int, int] | None:
    """Return form, number of the chunk stream, and where the next header begins; None where too little is there."""
    if not read:
        return None
    form, number = read[0] >> 6, read[0] & 0x3F
    size = {0: 2, 1: 3}.get(number, 1)
    if len(read) < size:
        return None
    return form, number if size == 1 else _SHORT_IDS + int.from_bytes(read[1:size], "little"), size


def _header(read: bytearray, at: int, form: int, last: Header) -> tuple[Header, int] | None:
    """Return the header that begins there, and where the payload does; None where too little is there."""
    end = at + _HEADER_BYTES[form]
    raw = bytes(read[at:end])
    time = last.time if form == _NONE else int.from_bytes(raw[:3])
    is_extended = last.is_extended if form == _NONE else time == _EXTENDED
    if is_extended:
        time, end = int.from_bytes(read[end : end + 4]), end + 4
    if len(read) < end:
        return None
    length, kind = (int.from_bytes(raw[3:6]), raw[6]) if form in {_FULL, _NO_STREAM} else (last.length, last.kind)
    message_stream = raw[7:] if form == _FULL else last.message_stream
    return Header(time, is_extended, length, kind, message_stream), end
