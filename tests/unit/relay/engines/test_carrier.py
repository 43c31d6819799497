"""Bit rates of connections that come and go."""

from reconciler.relay.engines.carrier import Rates
from reconciler.relay.media import EndId

END = EndId("out")


def test_a_rate_needs_two_looks_in_a_row() -> None:
    """One that a look did not meet begins anew, so connections that come and go for years leave nothing behind."""
    rates = Rates()
    found = []
    for now_s, total_bytes in ((0.0, 0), (1.0, 1000), (2.0, None), (3.0, 9000), (4.0, 10_000)):
        rates.begin(now_s)
        if total_bytes is not None:
            found.append(rates.bitrate_bps(END, "1", total_bytes))

    assert found == [0, 8000, 0, 8000]


def test_connections_are_told_apart() -> None:
    """Each has a counter of its own, on each end."""
    rates = Rates()
    rates.begin(0.0)
    for end, connection in ((END, "1"), (END, "2"), (EndId("other"), "1")):
        rates.bitrate_bps(end, connection, 0)
    rates.begin(1.0)

    assert [rates.bitrate_bps(END, "1", 500), rates.bitrate_bps(END, "2", 1000)] == [4000, 8000]
    assert rates.bitrate_bps(EndId("other"), "1", 2000) == 16_000
