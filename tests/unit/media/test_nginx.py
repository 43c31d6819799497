"""The configuration of a small RTMP server, and what it says of its clients."""

import os
from pathlib import Path

import pytest

from reconciler.media.nginx import (
    Nginx,
    NginxFailedError,
    Place,
    RtmpClient,
    RtmpListener,
    RtmpStream,
    parse_state,
    reached_at,
    render,
    why_not_started,
)

STATE = b"""<?xml version="1.0" encoding="utf-8" ?>
<rtmp><pid>1</pid><server>
 <application><name>live</name><live><stream><name>hub</name><bytes_in>1000</bytes_in><bytes_out>500</bytes_out>
  <client><id>4</id><address>192.0.2.7</address><time>1700</time><publishing/><active/></client>
  <client><id>9</id><address>127.0.0.1</address><time>900</time><active/></client>
 </stream></live></application>
 <application><name>play</name><live></live></application>
</server></rtmp>"""


def listener(host: str = "127.0.0.1", *, playable_from: tuple[str, ...] = ()) -> RtmpListener:
    """Return what a server of two applications serves."""
    return RtmpListener(
        host=host,
        port=1935,
        apps=("live", "play"),
        gate="http://127.0.0.1:8/gate",
        copies={"live": "play"},
        playable_from=playable_from,
    )


def test_the_gate_is_asked_before_anybody_publishes_or_plays() -> None:
    """Both applications ask; nothing asks again meanwhile, for a gate that is slow would then cut everybody."""
    conf = render(listener())

    assert conf.count("on_publish http://127.0.0.1:8/gate;") == 2
    assert conf.count("on_play http://127.0.0.1:8/gate;") == 2
    assert "on_update" not in conf


def test_one_application_is_copied_to_the_other() -> None:
    """Publishers have an application of their own, and players another: the server copies from one to the other."""
    conf = render(listener("0.0.0.0"))  # noqa: S104 -- rendered, never bound

    assert "listen 0.0.0.0:1935;" in conf
    assert conf.count("push rtmp://127.0.0.1:1935/play;") == 1


def test_a_private_server_is_played_from_this_machine_alone() -> None:
    """Where players are known by their address, the gate is not asked for them."""
    conf = render(listener(playable_from=("127.0.0.1",)))

    assert conf.count("allow play 127.0.0.1;\n      deny play all;") == 2
    assert "on_play" not in conf


@pytest.mark.parametrize(
    ("host", "reached"),
    [("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "127.0.0.1"), ("::", "::1")],  # noqa: S104 -- as above
)
def test_where_this_machine_reaches_its_own_listener(host: str, reached: str) -> None:
    """An address of this machine is reached as it is; "every address" is reached on loopback."""
    assert reached_at(host) == reached


def test_streams_and_their_clients_are_read() -> None:
    """The state of the server names each stream with its application, its counters and its clients."""
    (stream,) = parse_state(STATE).streams

    assert stream == RtmpStream(
        app="live",
        name="hub",
        bytes_in=1000,
        bytes_out=500,
        clients=(
            RtmpClient(id="4", address="192.0.2.7", connected_ms=1700, publishes=True),
            RtmpClient(id="9", address="127.0.0.1", connected_ms=900, publishes=False),
        ),
    )


def test_an_answer_that_is_no_state_is_a_failure() -> None:
    """Half an answer is no answer."""
    with pytest.raises(NginxFailedError, match="does not tell"):
        parse_state(STATE[:80])


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["nginx.conf", "nginx.identity.new", "nginx.served"])
async def test_a_server_that_cannot_be_noted_is_ended(tmp_path: Path, name: str) -> None:
    """Where the disk is full, that is told, and no server is left that nobody would find again."""
    (tmp_path / name).mkdir()
    nginx = Nginx(Place(run=tmp_path, records=tmp_path), outlives_us=False)

    with pytest.raises(NginxFailedError, match="is the disk full"):
        await nginx.start(listener())

    assert (nginx.running, nginx.session) == (False, "")


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    """It is what the server complains of first, however long it goes on."""
    log = tmp_path / "nginx.log"
    log.write_text("bind() to 127.0.0.1:1935 failed (98: Address already in use)\n" * 1000)

    assert why_not_started(log) == "the port is in use"


def test_a_log_is_read_at_its_beginning_alone(tmp_path: Path) -> None:
    """What a server writes without end is not read without end."""
    log = tmp_path / "nginx.log"
    log.write_text("x" * 4096 + "Address already in use")

    assert why_not_started(log) == "nginx did not start"


@pytest.mark.parametrize("kind", ["absent", "link", "pipe"])
def test_what_is_no_log_is_not_read(tmp_path: Path, kind: str) -> None:
    """The folder is the server's: a link in it may lead anywhere, and a pipe may have nobody who writes."""
    log, other = tmp_path / "nginx.log", tmp_path / "other"
    other.write_text("Address already in use")
    if kind == "link":
        log.symlink_to(other)
    elif kind == "pipe":
        os.mkfifo(log)

    assert why_not_started(log) == "nginx did not start"
