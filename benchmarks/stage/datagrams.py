"""UDP on loopback: a stream sent to many ports at once, and many ports received on at once."""

import contextlib
import os
import selectors
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from benchmarks.stage.film import sending

_DATAGRAM_BYTES: Final = 7 * 188
_BUFFER_BYTES: Final = 4 << 20


@contextlib.contextmanager
def sent_to(film: Path, ports: Sequence[int]) -> Iterator[None]:
    """Send the film as a transport stream to each of these ports of this machine meanwhile."""
    source, sink = os.pipe()
    child = subprocess.Popen(sending(film, "mpegts", f"pipe:{sink}"), pass_fds=(sink,))  # noqa: S603 -- argv is built here
    os.close(sink)
    thread = threading.Thread(target=_send, args=(source, ports), daemon=True)
    thread.start()
    try:
        yield
    finally:
        child.kill()
        child.wait()
        thread.join()


def _send(source: int, ports: Sequence[int]) -> None:
    with open(source, "rb", buffering=1 << 16) as stream, socket.socket(type=socket.SOCK_DGRAM) as sender:
        while len(datagram := stream.read(_DATAGRAM_BYTES)) == _DATAGRAM_BYTES:
            for port in ports:
                with contextlib.suppress(ConnectionRefusedError):
                    sender.sendto(datagram, ("127.0.0.1", port))


class Datagrams:
    """What has come to each port."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.octets: Final = dict.fromkeys(ports, 0)
        """Bytes by port."""

    def receive(self, ports: Sequence[int], ended: threading.Event) -> None:
        """Receive until told to end."""
        with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
            for port in ports:
                one = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
                one.bind(("127.0.0.1", port))
                one.setblocking(False)
                selector.register(one, selectors.EVENT_READ, port)
            buffer = bytearray(2048)
            while not ended.is_set():
                for key, _ in selector.select(0.1):
                    self._drain(key, buffer)

    def _drain(self, key: selectors.SelectorKey, buffer: bytearray) -> None:
        one = key.fileobj
        if isinstance(one, socket.socket):
            with contextlib.suppress(BlockingIOError):
                while True:
                    self.octets[key.data] += one.recv_into(buffer)


@contextlib.contextmanager
def received_on(ports: Sequence[int]) -> Iterator[Datagrams]:
    """Receive on each of these ports of this machine meanwhile."""
    datagrams, ended = Datagrams(ports), threading.Event()
    thread = threading.Thread(target=datagrams.receive, args=(ports, ended), daemon=True)
    thread.start()
    try:
        yield datagrams
    finally:
        ended.set()
        thread.join()
