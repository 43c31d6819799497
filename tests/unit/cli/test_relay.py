"""`reconciler relay` as people run it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.cli.relay import parse_listen
from reconciler.domain.errors import UsageError

COMMAND = [sys.executable, "-m", "reconciler", "relay"]


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Return a relay that has said where it serves."""
    argv = [*COMMAND, "--state", str(tmp_path), "--media", "none", "--region", "ap-singapore", "--region", "local"]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = ""
        while "credentials:" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        assert (tmp_path / "credentials.env").read_text().splitlines()[1].partition("=")[2] not in said
        yield process
        process.kill()


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    """Return what the verb says and how it ends."""
    return subprocess.run([*COMMAND, *argv], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_gracefully(tmp_path: Path, relay: subprocess.Popen[str], how: signal.Signals) -> None:
    """Exit status 0, and nobody finds it any more."""
    registered = json.loads((tmp_path / "relay.json").read_text())

    relay.send_signal(how)

    assert relay.wait(timeout=60) == 0
    assert (registered["pid"], registered["regions"]) == (relay.pid, ["ap-singapore", "local"])
    assert not (tmp_path / "relay.json").exists()


def test_a_second_relay_on_one_state_is_refused(tmp_path: Path, relay: subprocess.Popen[str]) -> None:
    """It names the pid of the first, which goes on."""
    second = run("--state", str(tmp_path), "--media", "none")

    assert (second.returncode, f"process {relay.pid}" in second.stderr) == (6, True)
    assert relay.poll() is None


def test_a_running_relay_is_stopped_by_its_state_directory(tmp_path: Path, relay: subprocess.Popen[str]) -> None:
    """`stop` waits until it is gone; a second one finds none, and is content."""
    first = run("stop", "--state", str(tmp_path))
    status = relay.wait(timeout=60)
    second = run("stop", "--state", str(tmp_path))

    assert (first.returncode, status, second.returncode) == (0, 0, 0)
    assert "has ended" in first.stderr
    assert "No relay runs" in second.stderr


def test_a_holder_that_serves_no_relay_is_left_alone(tmp_path: Path, relay: subprocess.Popen[str]) -> None:
    """A process that only keeps the directory is not ours to end."""
    (tmp_path / "relay.json").unlink()

    refused = run("stop", "--state", str(tmp_path))

    assert (refused.returncode, relay.poll()) == (64, None)


def test_a_port_in_use_is_named(tmp_path: Path, relay: subprocess.Popen[str]) -> None:
    """The next step is in the message."""
    endpoint = json.loads((tmp_path / "relay.json").read_text())["endpoint"].removeprefix("http://")

    refused = run("--state", str(tmp_path / "other"), "--media", "none", "--listen", endpoint)

    assert (refused.returncode, relay.poll()) == (1, None)
    assert f"Port {endpoint.rpartition(':')[2]} on 127.0.0.1 is in use" in refused.stderr


def test_an_address_of_the_network_is_refused(tmp_path: Path) -> None:
    """Only loopback, said plainly."""
    refused = run("--state", str(tmp_path), "--listen", "0.0.0.0:0")

    assert (refused.returncode, "loopback" in refused.stderr) == (64, True)


@pytest.mark.parametrize(
    ("option", "value", "status", "words"),
    [
        ("--deny-destination", "10.0.0.1/8", 64, "is no CIDR"),
        ("--ca-file", __file__, 1, "holds no certificate"),
        ("--ca-file", "absent.pem", 64, "does not exist"),
    ],
)
def test_bounds_that_cannot_be_kept_are_refused(
    tmp_path: Path, option: str, value: str, status: int, words: str
) -> None:
    """A relay that would deny, or trust, something else than was meant does not start."""
    refused = run("--state", str(tmp_path), "--media", "none", option, value)

    assert (refused.returncode, words in refused.stderr) == (status, True)


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("localhost:0", ("127.0.0.1", 0)),
        ("[::1]:65535", ("::1", 65_535)),
    ],
)
def test_where_to_listen(listen: str, expected: tuple[str, int]) -> None:
    """Host and port; an IPv6 host in brackets."""
    assert parse_listen(listen) == expected


@pytest.mark.parametrize("listen", ["", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:²"])
def test_where_nobody_can_listen(listen: str) -> None:
    """What is not HOST:PORT is refused with an example."""
    with pytest.raises(UsageError, match="HOST:PORT"):
        parse_listen(listen)


def test_it_starts_in_an_environment_without_anything(tmp_path: Path) -> None:
    """No variable is needed, and none is written to."""
    helped = subprocess.run(
        [*COMMAND, "--help"], env={"PATH": os.environ["PATH"]}, cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert "--edit-rules" in helped.stdout
    assert list(tmp_path.iterdir()) == []
