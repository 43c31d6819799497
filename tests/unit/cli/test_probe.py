"""Tests of `cli.probe`: how a reception is told."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from reconciler.cli.probe import measured, report_json, report_text
from reconciler.domain.secrets import Secret
from reconciler.media.probe import Receiver, Reception, ReceptionState
from reconciler.media.probe_sources import RtspAddress

pytestmark = pytest.mark.anyio

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


class Played(Receiver):
    """Has received so much at each look, and waits for nothing."""

    def __init__(self, *looks: Reception) -> None:
        super().__init__(RtspAddress(url=Secret("rtsp://127.0.0.1/x")))
        self._looks = list(looks)

    @property
    def reception(self) -> Reception:
        """What has arrived by now."""
        return self._looks[0]

    async def until(self, holds: Callable[[Reception], bool]) -> Reception:
        """Come to the next look, or to the end of the time."""
        if not holds(self.reception):
            self._looks.pop(0)
        if not holds(self.reception):
            raise TimeoutError
        return self.reception


async def test_what_ffmpeg_held_back_is_not_counted() -> None:
    """It lists the five seconds in which it learnt the streams at once, before the time begins that is measured."""
    first, burst = replace(RECEIVED, frames=1, discontinuities=0), replace(RECEIVED, frames=126, discontinuities=1)
    receiver = Played(Reception(), first, burst, replace(RECEIVED, frames=201, discontinuities=3))

    measurement = await measured(receiver, seconds=3)

    assert (measurement.frames, measurement.discontinuities) == (75, 2)
    assert (measurement.fps, measurement.bitrate_bps) == (RECEIVED.fps, RECEIVED.bitrate_bps)


async def test_where_no_frame_comes_nothing_is_measured() -> None:
    """Then what is known is told."""
    refused = Reception(last_error="the passphrase is not right")

    assert await measured(Played(Reception(), refused), seconds=3) == refused


async def test_a_picture_that_ends_before_the_time_begins_is_told() -> None:
    """It did arrive, but nothing within the time, and that is no success."""
    gone = replace(RECEIVED, state=ReceptionState.WAITING, last_error="the connection ended")

    measurement = await measured(Played(Reception(), RECEIVED, gone, gone), seconds=3)

    assert (measurement.frames, measurement.discontinuities) == (0, 0)
    assert report_text("news/tower", measurement, seconds=3) == (
        "news/tower: it began, and then nothing arrived for 3 s: the connection ended"
    )
