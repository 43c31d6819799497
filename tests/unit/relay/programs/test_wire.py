"""How a wire knows its own ffmpeg from everybody else, and what it does with bytes."""

import os
import socket

from reconciler.relay.programs.wire import Way, inode_of, sockets_of


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
