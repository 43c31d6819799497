"""Tests of `cli.probe`: how a reception is told."""

from reconciler.cli.probe import report_json, report_text
from reconciler.media.probe import Reception, ReceptionState

RECEIVED = Reception(
    state=ReceptionState.RECEIVING,
    transport="SRT over UDP",
    frames=250,
    discontinuities=2,
    connections=1,
    codec="h264",
    width=640,
    height=360,
    fps=25.0,
    bitrate_bps=1_234_567,
)


def test_a_reception_in_words() -> None:
    """What was measured stands in one line."""
    assert report_text("news/tower", RECEIVED, seconds=10) == (
        "news/tower: SRT over UDP, h264 640x360 25 fps, 1.23 Mb/s, 250 frames, 2 discontinuities in 10 s"
    )


def test_nothing_received_says_why() -> None:
    """Where nothing arrived, the reason is told, also when there is none."""
    refused = Reception(last_error="the passphrase is not right")

    assert report_text("news/tower", refused, seconds=5).endswith("within 20 s: the passphrase is not right")
    assert report_text("news/tower", Reception(), seconds=5).endswith("within 20 s: nobody said why")


def test_a_reception_as_json() -> None:
    """Programs read the same figures."""
    document = report_json("news/tower", RECEIVED, seconds=10)

    assert (document["frames"], document["discontinuities"], document["bitrate_bps"]) == (250, 2, 1_234_567)
    assert (document["version"], document["transport"]) == (1, "SRT over UDP")
