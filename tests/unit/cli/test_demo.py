"""The table of `make run`."""

import pytest
from rich.console import Console

from reconciler.cli.audience import Row
from reconciler.cli.demo import table
from reconciler.domain.model import OutputKey
from reconciler.media.probe import Reception, ReceptionState

ROWS = (
    Row(
        key=OutputKey("studio", "platform"),
        protocol="RTMP_PUSH",
        state="Connected",
        reception=Reception(
            state=ReceptionState.RECEIVING,
            frames=12345,
            bitrate_bps=980_000,
            codec="h264",
            width=640,
            height=360,
            fps=25,
        ),
    ),
    Row(
        key=OutputKey("studio", "monitor"),
        protocol="SRT listener",
        state="Waiting",
        reception=Reception(last_error="the connection was refused: [nothing] listens there"),
    ),
)


def shown(width: int) -> list[str]:
    """Return the lines that a terminal of this width shows."""
    console = Console(width=width, color_system=None, highlight=False)
    with console.capture() as captured:
        console.print(table(ROWS))
    return [line.rstrip() for line in captured.get().splitlines() if line.strip()]


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_but_the_picture_gives_way(width: int) -> None:
    """A terminal has 80 columns; what matters is whole, and each output has one line."""
    _, _, platform, monitor = shown(width)

    assert platform.split()[:6] == ["studio/platform", "RTMP_PUSH", "Connected", "0.98", "Mb/s", "12345"]
    assert monitor.split()[:4] == ["studio/monitor", "SRT", "listener", "Waiting"]


def test_a_reason_is_text() -> None:
    """Brackets in it are no markup."""
    assert "[nothing] listens there" in shown(160)[-1]
