"""What the SRT pipe is told, and what it tells."""

import json

import pytest

from reconciler.domain.secrets import Secret
from reconciler.media.srt import PipeReport, SrtSocket, why


def test_an_order_is_one_line_with_everything_in_it() -> None:
    """The pipe reads its order from standard input, secret included, before the stream follows."""
    socket = SrtSocket(listens=True, host="::1", port=9000, passphrase=Secret("canary-phrase"), key_length=24)

    order = socket.order(sends=False)

    assert order.count(b"\n") == 1
    assert json.loads(order) == {
        "sends": False,
        "listens": True,
        "host": "::1",
        "port": 9000,
        "latency_ms": 120,
        "stream_id": "",
        "passphrase": "canary-phrase",
        "key_length": 24,
    }
    assert "canary" not in repr(socket)


def test_a_report_follows_what_the_pipe_says() -> None:
    """Connections are counted, the last error is kept until bytes flow again, and noise is ignored."""
    report = PipeReport()

    for line in (
        b'{"error": "Failed to authenticate: Incorrect passphrase"}',
        b"noise on standard error",
        b'{"connected": true}',
        b'{"bytes": 1316}',
        b'{"connected": false}',
        b'{"bytes": 0}',
        b'{"connected": true}',
    ):
        report.feed(line)

    assert report == PipeReport(connected=True, carried_bytes=1316, connections=2, last_error="")


@pytest.mark.parametrize(
    ("complaint", "reason"),
    [
        ("Failed to authenticate: Incorrect passphrase. Trying to reconnect", "the passphrase is not right"),
        ("Error on SRT socket: Connection timeout. Trying to reconnect", "no answer in time"),
        ("something new about canary", "the SRT connection failed"),
    ],
)
def test_complaints_are_told_in_words(complaint: str, reason: str) -> None:
    """What the element says is sorted into words of ours."""
    assert why(complaint) == reason
