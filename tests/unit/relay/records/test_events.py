"""What two looks at the health of a flow say of what happened between them."""

from typing import Final

from reconciler.relay.flows import End, Flow, FlowState, Side
from reconciler.relay.media import EndHealth, EndId, EndState, SessionHealth
from reconciler.relay.recording.events import LISTED, OpenSession, Watcher

NOW_S: Final = 1_700_000_000.0


def srt(end_id: str, mode: str, *, side: Side = Side.OUTPUT) -> End:
    """Return an SRT end."""
    name = "OutputName" if side is Side.OUTPUT else "InputName"
    return End(id=end_id, side=side, asked={name: end_id, "Protocol": "SRT", "SRTSettings": {"Mode": mode}})


FLOW: Final = Flow(
    id="f",
    region="local",
    name="news",
    state=FlowState.RUNNING,
    max_bandwidth_bps=10_000_000,
    host="127.0.0.1",
    outputs=(srt("listens", "LISTENER"), srt("calls", "CALLER")),
)


def connected(*peers: str) -> EndHealth:
    """Return an end with these connections."""
    sessions = tuple(SessionHealth(id=peer, peer=peer, connected_ms=1000) for peer in peers)
    return EndHealth(state=EndState.CONNECTED, sessions=sessions)


def seen(watcher: Watcher, health: dict[str, EndHealth] | None, at_s: float = NOW_S) -> list[tuple[str, str, str, str]]:
    """Return the end, code, words and peer of each event."""
    known = {EndId(end_id): each for end_id, each in health.items()} if health is not None else None
    return [(line.end_id, line.code, line.message, line.remote_ip) for line in watcher.look(FLOW, known, at_s)]


def test_a_connection_begins_and_ends_with_a_reason() -> None:
    """Each connection is told once, and its end with what the engine says of it."""
    watcher = Watcher()

    begun = seen(watcher, {"calls": connected("192.0.2.7:9000")})
    same = seen(watcher, {"calls": connected("192.0.2.7:9000")})
    ended = seen(watcher, {"calls": EndHealth(state=EndState.WAITING, last_error="the receiver is silent")})

    assert begun == [("calls", "Connected", "connected", "192.0.2.7")]
    assert same == []
    assert ended == [("calls", "Disconnected", "the receiver is silent", "192.0.2.7")]


def test_who_is_refused_and_whom_we_do_not_reach_are_told_apart() -> None:
    """A listener refuses, a caller fails; an error that stays is told once."""
    watcher = Watcher()
    trouble = {
        "listens": EndHealth(state=EndState.WAITING, last_error="[2001:db8::1]:4000 has another passphrase"),
        "calls": EndHealth(state=EndState.WAITING, last_error="no route to host"),
    }

    first, second = seen(watcher, trouble), seen(watcher, trouble)

    assert first == [
        ("listens", "Refused", "[2001:db8::1]:4000 has another passphrase", "2001:db8::1"),
        ("calls", "ConnectFailed", "no route to host", ""),
    ]
    assert second == []


def test_a_stopped_flow_ends_its_connections() -> None:
    """The reason is the stop, not the peer."""
    watcher = Watcher()
    seen(watcher, {"listens": connected("192.0.2.7:1")})

    assert seen(watcher, None) == [("listens", "Disconnected", "the flow was stopped", "192.0.2.7")]


def test_connections_that_outlived_a_restart_are_not_new() -> None:
    """What was open before is known by its id, and what has gone meanwhile is told."""
    watcher = Watcher({"listens": [OpenSession("192.0.2.7:1", "192.0.2.7:1", 0), OpenSession("x", "192.0.2.8:1", 0)]})

    assert seen(watcher, {"listens": connected("192.0.2.7:1")}) == [
        ("listens", "Disconnected", "the connection ended", "192.0.2.8")
    ]


def test_equal_repeats_are_counted() -> None:
    """A peer that comes and goes for ever fills no disk: a few lines, and one with how many more there were."""
    watcher = Watcher()
    listed = 0
    for second in range(50):
        health = connected(f"192.0.2.7:{second}") if second % 2 else EndHealth(state=EndState.WAITING)
        listed += len(seen(watcher, {"calls": health}, NOW_S + second))

    summary = watcher.overdue(NOW_S + 100)

    assert listed == 2 * LISTED
    assert [line.message for line in summary] == [
        f"connected ({25 - LISTED} more within 60 s)",
        f"the connection ended ({24 - LISTED} more within 60 s)",
    ]
    assert watcher.overdue(NOW_S + 200) == []
