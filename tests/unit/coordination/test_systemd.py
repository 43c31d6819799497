"""Tests of `coordination.systemd`, against real sockets."""

import contextlib
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.coordination.systemd import Systemd

PID = 41


@contextlib.contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    """Listen as systemd does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.setblocking(False)
        yield listener


@pytest.fixture(params=["path", "abstract"])
def named(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """Return what NOTIFY_SOCKET says, and the address that is meant."""
    if request.param == "path":
        return (str(tmp_path / "notify"),) * 2
    word = uuid.uuid4().hex
    return f"@{word}", f"\0{word}"


def test_every_word_reaches_the_socket(named: tuple[str, str]) -> None:
    """Each is one datagram, in the words of sd_notify(3)."""
    variable, address = named
    with listening(address) as listener:
        systemd = Systemd({"NOTIFY_SOCKET": variable}, pid=PID, monotonic_ns=lambda: 7_000_999)
        systemd.ready("in step")
        systemd.tell("passing")
        systemd.alive()
        systemd.reloading()
        systemd.extend(1.5)
        systemd.stopping("asked to")

        said = [listener.recv(4096).decode() for _ in range(6)]

    assert said == [
        "READY=1\nSTATUS=in step",
        "STATUS=passing",
        "WATCHDOG=1",
        "RELOADING=1\nMONOTONIC_USEC=7000",
        "EXTEND_TIMEOUT_USEC=1500000",
        "STOPPING=1\nSTATUS=asked to",
    ]


def test_a_status_is_never_more_than_a_status(tmp_path: Path) -> None:
    """Text of others, with line breaks in it, sends no field of its own, and only so much of it."""
    with listening(str(tmp_path / "notify")) as listener:
        Systemd({"NOTIFY_SOCKET": str(tmp_path / "notify")}, pid=PID).tell("a\nSTOPPING=1\r" + "b" * 300)

        said = listener.recv(4096).decode()

    assert said == f"STATUS=a STOPPING=1 {'b' * 187}"[: len("STATUS=") + 200]


@pytest.mark.parametrize("variable", ["", "relative/path", "vsock:2:1", "/nobody/listens/here"])
def test_where_nobody_listens_nothing_happens(variable: str) -> None:
    """Neither an absent socket, nor one of another kind, nor a dead one is any trouble."""
    systemd = Systemd({"NOTIFY_SOCKET": variable}, pid=PID)

    systemd.ready("in step")
    systemd.alive()


def test_a_supervisor_that_does_not_read_is_not_waited_for(tmp_path: Path) -> None:
    """More than the socket holds is dropped: the loop goes on."""
    with listening(str(tmp_path / "notify")) as listener:
        systemd = Systemd({"NOTIFY_SOCKET": str(tmp_path / "notify")}, pid=PID)
        for _ in range(5000):
            systemd.alive()

        assert listener.recv(4096) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        pytest.param({"WATCHDOG_USEC": "30000000"}, 30.0, id="of whoever asks"),
        pytest.param({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "41"}, 30.0, id="of this process"),
        pytest.param({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "42"}, None, id="of another process"),
        pytest.param({"WATCHDOG_USEC": "soon"}, None, id="no number"),
        pytest.param({"WATCHDOG_USEC": "0"}, None, id="never"),
        pytest.param({}, None, id="none"),
    ],
)
def test_how_often_it_wants_to_hear(variables: dict[str, str], expected: float | None) -> None:
    """The variables that systemd sets are heeded, and only where they mean this process."""
    assert Systemd({"NOTIFY_SOCKET": "/run/notify", **variables}, pid=PID).watchdog_s == expected
    assert Systemd(variables, pid=PID).watchdog_s is None
