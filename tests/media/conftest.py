"""What the tests with real engines share."""

import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from reconciler.relay.supervisor import Supervisor
from tests.media.rtsp_scene import make_film


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Give a port of loopback that is free for TCP and UDP, another one at each call."""
    given: set[int] = set()

    def find() -> int:
        while True:
            with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
                tcp.bind(("127.0.0.1", 0))
                port: int = tcp.getsockname()[1]
                try:
                    udp.bind(("127.0.0.1", port))
                except OSError:
                    continue
            if port not in given:
                given.add(port)
                return port

    return find


@pytest.fixture
async def supervisor(tmp_path: Path) -> AsyncIterator[Supervisor]:
    """Give a supervisor that is closed afterwards."""
    supervisor = Supervisor(state=tmp_path)
    yield supervisor
    await supervisor.close()


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a film in H.264, one at 4 Mb/s, and one in H.265 with two tracks of sound."""
    folder = tmp_path_factory.mktemp("films")
    make_film(folder, "h264", "-c:v", "libx264")
    make_film(folder, "heavy", "-c:v", "libx264", "-b:v", "4M", "-minrate", "4M", "-bufsize", "1M", size="640x360")
    make_film(folder, "h265two", "-c:v", "libx265", tracks=2, seconds=20)
    return folder
