"""What an RTMP client says, read by the book and apart from the code that is tested."""

from dataclasses import dataclass, field

HANDSHAKE = 3073


@dataclass
class Heard:
    """The chunk stream of one client: sizes that it told, and sizes that its chunks had."""

    told: list[int] = field(default_factory=list)
    """What each Set Chunk Size said, in order."""
    largest: dict[int, int] = field(default_factory=dict)
    """The largest chunk under each size that held."""
    messages: int = 0
    connect: bytes = b""
    """The first message."""
    _data: bytearray = field(default_factory=bytearray)
    _skipped: int = 0
    _size: int = 128
    _headers: dict[int, tuple[int, int, bool]] = field(default_factory=dict)
    _bodies: dict[int, bytearray] = field(default_factory=dict)

    async def heed(self, some: bytes) -> None:
        """Read on."""
        skipped = min(HANDSHAKE - self._skipped, len(some))
        self._skipped += skipped
        self._data += some[skipped:]
        while self._chunk():
            pass

    def _chunk(self) -> bool:
        data = self._data
        if not data or len(data) < 1 + (11, 7, 3, 0)[data[0] >> 6]:
            return False
        form, number = data[0] >> 6, data[0] & 63
        at = 1
        assert number >= 2, "a client of so few streams has short numbers"
        length, kind, extended = self._headers.get(number, (0, 0, False))
        assert form == 0 or number in self._headers, "a chunk stream begins with a whole header"
        if form < 3:
            extended = data[at : at + 3] == b"\xff\xff\xff"
        if form < 2:
            length, kind = int.from_bytes(data[at + 3 : at + 6]), data[at + 6]
        at += (11, 7, 3, 0)[form] + (4 if extended else 0)
        body = self._bodies.setdefault(number, bytearray())
        assert form == 3 or not body, "a message is whole before the next one begins"
        take = min(self._size, length - len(body))
        if len(data) < at + take:
            return False
        self._headers[number] = (length, kind, extended)
        self.largest[self._size] = max(self.largest.get(self._size, 0), take)
        body += data[at : at + take]
        del data[: at + take]
        if len(body) == length:
            self._message(kind, bytes(self._bodies.pop(number)))
        return True

    def _message(self, kind: int, body: bytes) -> None:
        self.messages += 1
        self.connect = self.connect or body
        if kind == 1:
            self._size = int.from_bytes(body)
            self.told.append(self._size)
