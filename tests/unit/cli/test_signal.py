"""Tests of `cli.signal`: how a test picture is told, and what the shell hears of it."""

import pytest

from reconciler.cli.signal import Teller
from reconciler.domain.errors import ExitStatus
from reconciler.media.signal import SignalReport, SignalState

CONNECTING = SignalReport(state=SignalState.CONNECTING)
REFUSED = SignalReport(state=SignalState.CONNECTING, last_error="connection refused")
SENDING = SignalReport(state=SignalState.SENDING)


@pytest.mark.parametrize(
    ("reports", "status", "said"),
    [
        pytest.param(
            [CONNECTING],
            ExitStatus.ALL_FAILED,
            "connecting\nNothing was sent within 2 s: the input was not reached.\n",
            id="nobody answered",
        ),
        pytest.param(
            [CONNECTING, REFUSED],
            ExitStatus.ALL_FAILED,
            "connecting\nconnecting: connection refused\nNothing was sent within 2 s: the input was not reached.\n",
            id="it was refused",
        ),
        pytest.param(
            [CONNECTING, SENDING, CONNECTING], ExitStatus.OK, "connecting\nsending\nconnecting\n", id="it was sent"
        ),
    ],
)
def test_nothing_sent_is_no_success(
    reports: list[SignalReport], status: ExitStatus, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each change is told, and at the end whether anything was sent at all."""
    teller = Teller()

    for report in reports:
        teller.tell(report)

    assert teller.status(2.0) is status
    assert capsys.readouterr().err == said


def test_without_a_time_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Until Ctrl-C it goes on."""
    assert Teller().status(None) is ExitStatus.ALL_FAILED
    assert "Nothing was sent: " in capsys.readouterr().err
