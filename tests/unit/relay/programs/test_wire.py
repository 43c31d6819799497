"""How a wire knows its own ffmpeg from everybody else, and what it does with bytes."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from reconciler.media.processes import unnamed_file
from reconciler.relay.engines.wire import FarEnd, Settings
from reconciler.relay.programs.chunks import FIRST_CHUNK_BYTES, HANDSHAKE_BYTES, Header, chunks
from reconciler.relay.programs.dial import DialError, Trouble
from reconciler.relay.programs.wire import Way, inode_of, log_in, sockets_of
from reconciler.relay.reach import Bounds


def test_the_other_end_of_a_connection_is_known_by_its_process() -> None:
    """The kernel says which socket of this machine called, and whose it is."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as caller,
        listener.accept()[0] as called,
    ):
        inode = inode_of(called.getpeername(), called.getsockname())
        reversed_inode = inode_of(called.getsockname(), called.getpeername())
        stranger = inode_of(("127.0.0.1", 1), called.getsockname())

        assert inode == str(os.fstat(caller.fileno()).st_ino)
        assert reversed_inode == str(os.fstat(called.fileno()).st_ino)
        assert stranger == ""
        assert inode in sockets_of(os.getpid())
        assert inode not in sockets_of(os.getppid())


def test_a_side_that_takes_nothing_is_not_held_for_without_end() -> None:
    """What is held has a bound; beyond it, the source is not read, and feels it."""
    source, sender = socket.socketpair()
    sink, taker = socket.socketpair()
    with source, sender, sink, taker:
        for each in (source, sender, sink):
            each.setblocking(False)
        way = Way(source, sink, bytes)
        sent = 0

        while way.has_room:
            sent += sender.send(bytes(65_536))
            way.read()
        held = len(way.held)
        taken = 0
        while taken < sent:
            taken += len(taker.recv(1 << 20))
            way.write()

    assert 256 << 10 <= held < 512 << 10
    assert (taken, way.is_over) == (sent, False)


def test_what_was_sent_before_a_farewell_arrives() -> None:
    """A way is over when its source has hung up and nothing is left of what it said."""
    source, sender = socket.socketpair()
    sink, taker = socket.socketpair()
    with source, sink, taker:
        source.setblocking(False)
        way = Way(source, sink, bytes)
        sender.send(b"last words")
        sender.close()

        way.read()

        assert taker.recv(100) == b"last words"
        assert way.is_over


@contextmanager
def asking(opaque: bytes) -> Iterator[int]:
    """Lend the port of an RTMP server that asks for a user in Adobe's way, and to have this said again."""
    answers = (b"_error authmod=adobe", b"_error ?reason=needauth&salt=a&challenge=b&opaque=" + opaque)

    def serve(listener: socket.socket) -> None:
        for body in answers:
            with listener.accept()[0] as called:
                called.sendall(b"\x03".ljust(HANDSHAKE_BYTES, b"\0"))
                called.sendall(chunks(3, 0, Header(kind=20), body, FIRST_CHUNK_BYTES))
                with called.makefile("rb") as said:
                    said.read()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,), daemon=True)
        server.start()
        yield listener.getsockname()[1]
        server.join(10)


def logged_in(opaque: bytes) -> str:
    """Return the settings of ffmpeg after a server has asked for this."""
    with asking(opaque) as port, unnamed_file("") as settings:
        far = FarEnd(url=f"rtmp://camera:canary@127.0.0.1:{port}/live")
        log_in(far.order(Bounds(), Settings(settings, "{name}={value}\n")))
        return os.pread(settings, 1 << 16, 0).decode()


def test_what_a_server_asks_for_is_added_to_the_settings() -> None:
    """Application and address of the server are answered with; the password is in neither."""
    app, address = logged_in(b"o" * 700).splitlines()

    assert app.startswith("rtmp_app=live?authmod=adobe&user=camera&challenge=")
    assert address.startswith("rtmp_tcurl=rtmp://127.0.0.1:")
    assert app.endswith("o" * 700)
    assert "canary" not in app + address


def test_a_server_cannot_make_a_setting_longer_than_a_line() -> None:
    """The rest of it would be an option of ffmpeg's that the server has chosen."""
    with pytest.raises(DialError) as failed:
        logged_in(b"o" * 900)

    assert failed.value.trouble is Trouble.LOGIN
