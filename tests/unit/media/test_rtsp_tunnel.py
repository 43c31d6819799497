"""The way to an RTSP server on which packets are counted."""

import asyncio
import contextlib
import gc
import struct

import pytest

from reconciler.media.rtp import SequenceCounter
from reconciler.media.rtsp_tunnel import Interleaved, tunnel

ANSWER = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 4\r\n\r\n$\0\0\1"


def framed(channel: int, sequence: int, *, kind: int = 96) -> bytes:
    """Return a packet as it goes within a connection."""
    packet = struct.pack("!BBHII", 0x80, kind, sequence, 0, channel) + b"media\r\n\r\n"
    return bytes((0x24, channel)) + len(packet).to_bytes(2, "big") + packet


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_packets_are_found_among_answers(size: int) -> None:
    """In pieces of any size, of each track on its own; a report, and the body of an answer, are none."""
    reading = Interleaved(SequenceCounter())
    stream = ANSWER + framed(0, 1) + framed(2, 9) + ANSWER + framed(0, 2) + framed(1, 50, kind=200) + framed(2, 11)

    for start in range(0, len(stream), size):
        reading.feed(stream[start : start + size])

    assert reading.counter.gaps == 1


@pytest.mark.anyio
async def test_a_server_is_reached_by_way_of_loopback() -> None:
    """What either side says arrives as it is, and the URL keeps its path."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readuntil(b"\r\n\r\n") + framed(0, 1) + framed(0, 3))
        writer.close()

    counter = SequenceCounter()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with asyncio.timeout(10), server, tunnel(f"rtsp://127.0.0.1:{port}/a/b?c=d", counter) as way:
        authority, _, path = way.url.removeprefix("rtsp://").partition("/")
        host, _, ours = authority.partition(":")
        reader, writer = await asyncio.open_connection(host, int(ours))
        writer.write(b"hello\r\n\r\n")
        got = await reader.read()
        writer.close()

    assert (host, path) == ("127.0.0.1", "a/b?c=d")
    assert got == b"hello\r\n\r\n" + framed(0, 1) + framed(0, 3)
    assert counter.gaps == 1


@pytest.mark.anyio
async def test_a_server_that_is_not_there_is_told(free_tcp_port: int) -> None:
    """In words, and the connection ends."""
    async with asyncio.timeout(10), tunnel(f"rtsp://127.0.0.1:{free_tcp_port}/", SequenceCounter()) as way:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(way.url.split(":")[2].strip("/")))
        got = await reader.read()
        writer.close()

    assert (got, way.last_error) == (b"", "the connection was refused: nothing listens there")


@pytest.mark.anyio
@pytest.mark.parametrize("steps", [0, 1, 3, 20])
async def test_a_way_that_is_torn_down_cuts_who_is_on_it(steps: int) -> None:
    """However far a connection has come by then."""
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionResetError):
            await reader.read()
        writer.close()
        ended.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with asyncio.timeout(10), server:
        async with tunnel(f"rtsp://127.0.0.1:{port}/", SequenceCounter()) as way:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(way.url.split(":")[2].strip("/")))
            for _ in range(steps):
                await asyncio.sleep(0)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
        if steps == 20:
            await ended.wait()
    gc.collect()
