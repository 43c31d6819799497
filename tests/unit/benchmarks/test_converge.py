"""What the benchmark of convergence reads out of a relay's log."""

import json

from benchmarks.converge import busiest_second, seen_in

CREATE, LIST = "CreateStreamLinkFlow", "DescribeStreamLinkFlows"


def line(knob: str, action: str, second: float) -> str:
    """Return a line of the log."""
    at = f"2026-01-01T00:00:{second:09.6f}Z"
    return json.dumps({"event": "relay.fault_injected", "knob": knob, "action": action, "timestamp": at})


def test_calls_that_were_taken_and_refused_are_told_apart() -> None:
    """Each call that was taken has a moment, each that was refused is counted, and other lines are not read."""
    log = [
        "WARNING: faults are on",
        json.dumps({"event": "relay.started"}),
        line("delay", LIST, 1),
        *(line("delay", CREATE, 2 + 0.05 * step) for step in range(41)),
        line("throttle", CREATE, 4.1),
    ]

    seen = seen_in(log)

    assert (seen.most_called, round(seen.rate(CREATE), 6)) == (CREATE, 20.0)
    assert (seen.writes, seen.throttled.total(), len(seen.taken_s[LIST])) == (41, 1, 1)


def test_a_second_is_busiest_where_calls_crowd() -> None:
    """A call a whole second after another is in the next second, as the service counts."""
    assert busiest_second([0.0, 0.9, 1.0, 1.5, 1.8, 3.0]) == 4
