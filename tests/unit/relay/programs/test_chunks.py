"""What an RTMP client sends, in chunks of another size."""

import pytest

from reconciler.relay.programs.chunks import (
    FIRST_CHUNK_BYTES,
    HANDSHAKE_BYTES,
    GarbledError,
    Header,
    Messages,
    Rechunker,
    chunks,
    set_chunk_size,
)

HANDSHAKE = bytes([3]) + bytes(range(256)) * 12
CONNECT = Header(length=300, kind=20)
VIDEO = Header(length=9000, kind=9, message_stream=b"\x01\0\0\0")
BODY = bytes(number % 251 for number in range(9000))


def sent(*parts: bytes) -> bytes:
    """Return what a client sends: the greeting, `connect`, and these parts."""
    return HANDSHAKE + chunks(3, 0, CONNECT, BODY[:300], FIRST_CHUNK_BYTES) + b"".join(parts)


def heard(stream: bytes) -> list[tuple[int, int, int, bytes]]:
    """Return chunk stream, time, kind and body of every message after the greeting."""
    messages = Messages().feed(stream[HANDSHAKE_BYTES:])
    return [(number, time_ms, header.kind, body) for number, time_ms, header, body in messages]


def test_the_size_is_told_once_and_holds_from_then_on() -> None:
    """The greeting and `connect` stay as they are; what follows is cut anew, and reads the same."""
    read = sent(set_chunk_size(60_000), chunks(6, 40, VIDEO, BODY, 60_000))

    written = Rechunker(4096).feed(read)

    assert written.startswith(sent(set_chunk_size(4096)))
    assert heard(written) == [
        (3, 0, 20, BODY[:300]),
        (2, 0, 1, (4096).to_bytes(4)),
        (6, 40, 9, BODY),
    ]
    assert written[len(sent(set_chunk_size(4096))) :] == chunks(6, 40, VIDEO, BODY, 4096)


@pytest.mark.parametrize("piece", [1, 7, 127, 128, 129, 5000])
def test_pieces_of_any_size_give_the_same(piece: int) -> None:
    """Where the network cuts does not matter."""
    read = sent(set_chunk_size(4096), chunks(6, 40, VIDEO, BODY, 4096), chunks(6, 80, VIDEO, BODY, 4096))
    rechunker = Rechunker(8192)

    written = b"".join(rechunker.feed(read[at : at + piece]) for at in range(0, len(read), piece))

    assert written == Rechunker(8192).feed(read)
    assert len(heard(written)) == 4


@pytest.mark.parametrize("number", [2, 63, 64, 319, 320, 65_599])
@pytest.mark.parametrize("time_ms", [0, 0xFFFFFE, 0xFFFFFF, 0x1000000, 0xFFFFFFFF])
def test_every_number_and_time_is_written_as_it_was_read(number: int, time_ms: int) -> None:
    """Long numbers of chunk streams take more bytes, and late times stand in every chunk again."""
    read = sent(chunks(number, time_ms, VIDEO, BODY, FIRST_CHUNK_BYTES))

    written = heard(Rechunker(4096).feed(read))

    assert written[-1] == (number, time_ms, 9, BODY)


def test_short_headers_add_up_to_the_time() -> None:
    """What a header leaves out is taken from the one before; a time that it has is added to the last."""
    whole = chunks(4, 1000, Header(length=3, kind=8), b"abc", FIRST_CHUNK_BYTES)
    no_stream = bytes([0x44]) + (23).to_bytes(3) + (2).to_bytes(3) + bytes([8]) + b"de"
    no_length = bytes([0x84]) + (46).to_bytes(3) + b"fg"
    nothing = bytes([0xC4]) + b"hi"

    written = heard(Rechunker(4096).feed(sent(whole, no_stream, no_length, nothing)))

    assert written[2:] == [(4, 1000, 8, b"abc"), (4, 1023, 8, b"de"), (4, 1069, 8, b"fg"), (4, 1115, 8, b"hi")]


def test_messages_that_are_mingled_are_parted() -> None:
    """Chunks of two messages may come in turns; each message is written whole."""
    video = chunks(6, 40, Header(length=200, kind=9), BODY[:200], FIRST_CHUNK_BYTES)
    audio = chunks(4, 40, Header(length=5, kind=8), BODY[:5], FIRST_CHUNK_BYTES)
    first = 1 + 11 + FIRST_CHUNK_BYTES

    written = heard(Rechunker(4096).feed(sent(video[:first], audio, video[first:])))

    assert written[2:] == [(4, 40, 8, BODY[:5]), (6, 40, 9, BODY[:200])]


def test_a_message_that_is_given_up_is_left_out() -> None:
    """Of an aborted message the server has had nothing yet, and gets nothing."""
    video = chunks(6, 40, Header(length=200, kind=9), BODY[:200], FIRST_CHUNK_BYTES)[: 1 + 11 + FIRST_CHUNK_BYTES]
    abort = chunks(2, 0, Header(length=4, kind=2), (6).to_bytes(4), FIRST_CHUNK_BYTES)
    audio = chunks(6, 80, Header(length=5, kind=8), BODY[:5], FIRST_CHUNK_BYTES)

    written = heard(Rechunker(4096).feed(sent(video, abort, audio)))

    assert written[2:] == [(6, 80, 8, BODY[:5])]


def test_what_is_no_chunk_stream_is_refused() -> None:
    """Chunks of no bytes at all would never come to an end."""
    with pytest.raises(GarbledError):
        Rechunker(4096).feed(sent(set_chunk_size(0)))
