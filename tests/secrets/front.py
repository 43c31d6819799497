"""A front between a command and the relay that breaks an answer: a piece of what was read is left, a secret first."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, parse_headers
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Final

_BROKEN: Final = "DescribeStreamLinkFlows"
"""The action whose answers are broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaking:
    """How answers are broken."""

    status: int
    first: bytes
    """What stands at the very begin of the piece that is left."""

    def left_of(self, content: bytes) -> bytes:
        """Return the piece of an answer that is left."""
        return content[content.index(self.first) :]


@contextmanager
def front(relay: str, breaking: Breaking) -> Iterator[str]:
    """Yield the endpoint of a front before a relay."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            self.rfile.readline()
            headers = parse_headers(self.rfile)
            body = self.rfile.read(int(headers["Content-Length"]))
            connection = HTTPConnection(relay.rpartition("/")[2])
            connection.request("POST", "/", body, dict(headers.items()))
            answer = connection.getresponse()
            status, content = answer.status, answer.read()
            connection.close()
            if headers["X-TC-Action"] == _BROKEN:
                status, content = breaking.status, breaking.left_of(content)
            head = f"HTTP/1.1 {status} Broken\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
            self.wfile.write(head.encode() + content)

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
