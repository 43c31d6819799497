"""What is known of pushes."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from reconciler.domain.secrets import Secret
from reconciler.relay.engines.push import HubSource, TapSource, sent_bytes, together
from reconciler.relay.media import EndHealth, EndState

UP = EndHealth(state=EndState.CONNECTED, connected_ms=5000, bitrate_bps=1000, reconnections=1, peer="192.0.2.1:1935")
DOWN = EndHealth(state=EndState.WAITING, reconnections=2, last_error="the host is not known")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", 0, id="nothing said"),
        pytest.param("frame=1\ntotal_size=N/A\nprogress=continue\n", 0, id="not known yet"),
        pytest.param("total_size=100\nprogress=continue\ntotal_size=2500\nprogress=continue\n", 2500, id="the last"),
        pytest.param("total_size=100\n" + "x" * 9000 + "\ntotal_size=7\n", 7, id="only the end is read"),
    ],
)
def test_how_much_was_sent(tmp_path: Path, text: str, expected: int) -> None:
    """The last total in ffmpeg's own report counts."""
    progress = tmp_path / "progress"
    progress.write_text(text)

    assert sent_bytes(progress) == expected


def test_a_report_that_grew_long_gives_its_blocks_back(tmp_path: Path) -> None:
    """A push of years does not fill the disk."""
    progress = tmp_path / "progress"
    progress.write_text("x" * 400_000 + "\ntotal_size=9\n")

    first = sent_bytes(progress)

    assert first == 9
    assert progress.stat().st_size == 0


def test_no_report_is_nothing_sent(tmp_path: Path) -> None:
    """A push that has not begun has sent nothing."""
    assert sent_bytes(tmp_path / "absent") == 0


def test_one_destination_is_the_output_itself() -> None:
    """Nothing is added to a single destination."""
    assert together([DOWN]) == DOWN


def test_two_destinations_are_told_together() -> None:
    """An output is connected while any destination is, and every complaint names its destination."""
    health = together([DOWN, UP])

    assert health == EndHealth(
        state=EndState.CONNECTED,
        connected_ms=5000,
        bitrate_bps=1000,
        reconnections=3,
        last_error="destination 1: the host is not known",
        peer="192.0.2.1:1935",
    )
    assert together([DOWN, DOWN]).state is EndState.WAITING


def test_sources_show_no_hidden_name() -> None:
    """The name of a hub is read from a descriptor, and a tap has none."""
    with ExitStack() as lent:
        arguments, kept = HubSource("rtmp://127.0.0.1:1935/live", Secret("canary")).arguments(
            lent, "rtmp://127.0.0.1:1/"
        )
        shown = " ".join(arguments)
        tap, none = TapSource().arguments(lent, "rtmp://127.0.0.1:1/")

    assert "canary" not in shown
    assert f"/dev/fd/{kept[0]}" in shown
    assert (tap[-1], none) == ("unix:tap.sock", ())
