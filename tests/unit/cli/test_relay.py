"""`reconciler relay` as people run it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from reconciler.cli.relay_options import parse_listen, parse_ports, relay_options, relay_settings
from reconciler.domain.errors import UsageError
from reconciler.media.processes import Streams, save, spawn
from reconciler.relay.editing import EditRules
from reconciler.relay.limits import Limits
from reconciler.relay.settings import MediaKind, RelaySettings
from reconciler.relay.supervisor import FOLDER, left_over
from reconciler.serving.tls import TlsFiles

COMMAND = [sys.executable, "-m", "reconciler", "relay"]


@contextlib.contextmanager
def serving(*argv: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Lend a relay that has said where it serves, and what it said."""
    with subprocess.Popen([*COMMAND, "--media", "none", *argv], stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            said = ""
            while "credentials:" not in said:
                line = process.stderr.readline()
                assert line, said
                said += line
            yield process, said
        finally:
            process.kill()


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Return a relay that serves two regions."""
    with serving("--state", str(tmp_path), "--region", "ap-singapore", "--region", "local") as (process, said):
        assert (tmp_path / "credentials.env").read_text().splitlines()[1].partition("=")[2] not in said
        yield process


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    """Return what the verb says and how it ends."""
    return subprocess.run([*COMMAND, *argv], capture_output=True, text=True, timeout=60, check=False)


def unreachable(state: Path) -> None:
    """Have a relay answer where nobody asks it, so that what it carries is not known."""
    registered = state / "relay.json"
    registered.write_text(json.dumps({**json.loads(registered.read_text()), "endpoint": "http://127.0.0.1:9"}))


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
    """`stop` waits until it is gone; a second one finds none, and is content; a wrong path is told."""
    first = run("stop", "--state", str(tmp_path))
    status = relay.wait(timeout=60)
    second = run("stop", "--state", str(tmp_path))
    elsewhere = run("stop", "--state", str(tmp_path / "elsewhere"))

    assert (first.returncode, status, second.returncode, elsewhere.returncode) == (0, 0, 0, 64)
    assert "has ended" in first.stderr
    assert "No relay runs" in second.stderr
    assert "There is no directory" in elsewhere.stderr


def test_what_may_be_on_air_is_not_ended_unasked(tmp_path: Path, relay: subprocess.Popen[str]) -> None:
    """Without a terminal to ask on the relay goes on, and the way to end it all the same is said."""
    unreachable(tmp_path)

    refused = run("stop", "--state", str(tmp_path))
    still = relay.poll()
    meant = run("stop", "--state", str(tmp_path), "--auto-approve")

    assert (refused.returncode, still, meant.returncode, relay.wait(timeout=60)) == (4, None, 0, 0)
    assert "cannot be asked what is on air" in refused.stderr
    assert "say --auto-approve" in refused.stderr
    assert "has ended" in meant.stderr


@pytest.mark.parametrize(("typed", "ends"), [("n", 1), ("y", 0)])
def test_whoever_stops_it_is_asked_on_a_terminal(
    tmp_path: Path, relay: subprocess.Popen[str], typed: str, ends: int
) -> None:
    """A no leaves it as it is, and a script can tell."""
    unreachable(tmp_path)
    ours, theirs = os.openpty()

    with subprocess.Popen([*COMMAND, "stop", "--state", str(tmp_path)], stdin=theirs, stderr=theirs) as process:
        os.close(theirs)
        read_until("End it all the same?", ours)
        os.write(ours, f"{typed}\n".encode())
        ended = process.wait(timeout=60)
        still = relay.poll() is None

    os.close(ours)
    assert (ended, still) == (ends, bool(ends))


def test_ctrl_c_on_a_terminal_asks_for_another_one(tmp_path: Path) -> None:
    """While something may be on air the first one says so, and the second ends it gracefully."""
    ours, theirs = os.openpty()
    with subprocess.Popen([*COMMAND, "--media", "none", "--state", str(tmp_path)], stderr=theirs) as process:
        os.close(theirs)
        read_until("stop it:", ours)
        unreachable(tmp_path)

        process.send_signal(signal.SIGINT)
        said = read_until("Ctrl-C once more within 10 s", ours)
        still = process.poll()
        process.send_signal(signal.SIGINT)

        assert (still, process.wait(timeout=60)) == (None, 0)
    os.close(ours)
    assert "cannot be asked what is on air" in said


def read_until(words: str, screen: int) -> str:
    """Return what a terminal showed until these words, which come."""
    said = ""
    while words not in said:
        said += os.read(screen, 65_536).decode()
    return said


def test_engines_that_a_killed_relay_left_are_not_ended_unasked(tmp_path: Path) -> None:
    """They may carry streams, and nobody is left who could tell."""
    records = tmp_path / FOLDER / "flow-1"
    records.mkdir(parents=True)
    engine = spawn(["/bin/sleep", "600"], mark="sleep", cwd=records, streams=Streams())
    save(engine.identity, records / "engine.identity")

    refused = run("stop", "--state", str(tmp_path))
    still = left_over(tmp_path / FOLDER)
    meant = run("stop", "--state", str(tmp_path), "--auto-approve")

    assert (refused.returncode, still, meant.returncode) == (4, 1, 0)
    assert "1 engine may carry a stream" in refused.stderr
    assert "1 engine that a killed one left there was ended" in meant.stderr
    assert (engine.running, left_over(tmp_path / FOLDER)) == (False, 0)


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


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(("--listen", "0.0.0.0:0", "--advertise", "a"), "--tls-cert FILE --tls-key FILE", id="plain HTTP"),
        pytest.param(("--media-listen", "::"), "--advertise HOST", id="nothing to give out"),
        pytest.param(("--tls-cert", "relay.pem"), "--tls-cert and --tls-key go together", id="no key"),
        pytest.param(("--tls-cert", "a.pem", "--tls-key", "a.key"), "a.pem cannot be read", id="no such certificate"),
        pytest.param(("--ports", "30000"), "is not FIRST-LAST", id="no range"),
        pytest.param(("--max-flows", "0"), "--max-flows", id="nothing at all"),
    ],
)
def test_what_cannot_be_served_is_refused(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    """The message names the option and the way out, and no key was made."""
    refused = run("--state", str(tmp_path / "state"), "--media", "none", *options)

    assert refused.returncode in {1, 64}
    assert said in refused.stderr
    assert not (tmp_path / "state" / "credentials.env").exists()


def settings_of(*argv: str, state: Path) -> RelaySettings:
    """Return the settings that these words make."""

    @click.command()
    @relay_options
    def parsing(**said: Any) -> RelaySettings:
        return relay_settings(said, state=state)

    made = parsing.main(list(argv), standalone_mode=False)
    assert isinstance(made, RelaySettings)
    return made


def test_without_options_it_is_private(tmp_path: Path) -> None:
    """Loopback, any port, the limits as documented."""
    assert settings_of(state=tmp_path) == RelaySettings(state=tmp_path)


def test_every_option_is_heeded(tmp_path: Path) -> None:
    """Each word becomes what it says, and the rest is as it was."""
    made = settings_of(
        *("--listen", "[::]:8443", "--tls-cert", "c.pem", "--tls-key", "c.key", "--accept-unsigned-action"),
        *("--media-listen", "[fd00::1]", "--advertise", "[2001:db8::1]", "--ports", "4000-4009", "--media", "none"),
        *("--state", str(tmp_path), "--region", "a", "--region", "b", "--edit-rules", "strict-2021"),
        *("--max-flows", "1", "--max-outputs", "2", "--max-request-bytes", "70000", "--max-connections", "5"),
        *("--request-timeout", "6.5"),
        state=Path("elsewhere"),
    )

    assert made == RelaySettings(
        state=tmp_path,
        host="::",
        port=8443,
        tls=TlsFiles(certificate=Path("c.pem"), key=Path("c.key")),
        accept_unsigned_action=True,
        media_host="fd00::1",
        advertise="2001:db8::1",
        ports=range(4000, 4010),
        media=MediaKind.NONE,
        regions=("a", "b"),
        edit_rules=EditRules.STRICT_2021,
        limits=Limits(flows=1, outputs=2, request_bytes=70_000, connections=5, request_s=6.5),
    )


@pytest.mark.parametrize("ports", ["", "1", "5-4", "0-9", "1-65536", "a-b", "1-2-3", "-5", "\u00b2-9"])
def test_ports_that_are_no_range(ports: str) -> None:
    """First and last, within what ports can be."""
    with pytest.raises(UsageError, match=r"--ports: .* is not FIRST-LAST"):
        parse_ports(ports)


def test_a_relay_with_faults_warns_of_them(tmp_path: Path) -> None:
    """On the terminal at its start and in its registration, by the names of the knobs."""
    faults = tmp_path / "faults.yaml"
    faults.write_text("maskedSecrets: [{}]\nthrottle: [{perS: 20}]\n")

    with serving("--state", str(tmp_path), "--faults", str(faults)) as (_, said):
        registered = json.loads((tmp_path / "relay.json").read_text())

    assert "WARNING: faults are on, and this relay misbehaves on purpose: throttle, maskedSecrets." in said
    assert "relay.faults_turned_on" in said
    assert registered["faults"] == ["throttle", "maskedSecrets"]


def test_faults_that_nobody_knows_start_no_relay(tmp_path: Path) -> None:
    """At file, line and column, with what was meant; a test never runs without its faults by a slip."""
    faults = tmp_path / "faults.yaml"
    faults.write_text("# of a test\nthrotle: [{}]\n")

    refused = run("--state", str(tmp_path), "--media", "none", "--faults", str(faults))

    assert refused.returncode == 64
    assert f"{faults}:2:1: SL101 error: there is no property `throtle` here (did you mean throttle?)" in refused.stderr
    assert not (tmp_path / "relay.json").exists()


def test_run_has_no_faults() -> None:
    """Only a relay on its own may be told to misbehave."""
    refused = subprocess.run([*COMMAND[:-1], "run", "--faults", "x"], capture_output=True, text=True, check=False)

    assert (refused.returncode, "No such option" in refused.stderr) == (64, True)


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
