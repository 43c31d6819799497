"""Counting frames and timestamp steps."""

import pytest

from reconciler.media.frames import FrameList, StepCounter

FRAME_S = 0.04
EARLY = [0.0, 0.04, *(0.16 + number * FRAME_S for number in range(20))]


def times(*frames: float) -> list[float]:
    """Return twenty steady frames, and then these, in frames after the last."""
    steady = [number * FRAME_S for number in range(20)]
    return steady + [(19 + frame) * FRAME_S for frame in frames]


@pytest.mark.parametrize(
    ("timestamps_s", "discontinuities"),
    [
        pytest.param(times(1, 2, 3), 0, id="steady"),
        pytest.param(times(2, 3), 1, id="one frame lost"),
        pytest.param(times(1, 2.4, 3.4), 0, id="a little late"),
        pytest.param(times(1, -4, -3), 1, id="backwards"),
        pytest.param(
            [0, 0.04, 0.16, *(0.16 + n * FRAME_S for n in range(1, 20))], 1, id="before a frame's length is known"
        ),
    ],
)
def test_steps_above_one_and_a_half_frames_are_discontinuities(timestamps_s: list[float], discontinuities: int) -> None:
    """A step counts when it is longer than one and a half frames, or goes back."""
    counter = StepCounter()

    for timestamp_s in timestamps_s:
        counter.feed(timestamp_s)

    assert counter.discontinuities == discontinuities
    assert counter.fps == 25.0


def test_a_new_connection_counts_from_another_zero() -> None:
    """The jump to another connection's timestamps is no discontinuity of either."""
    counter = StepCounter()
    for timestamp_s in times():
        counter.feed(timestamp_s)

    counter.restart()
    counter.feed(1000.0)
    counter.feed(1000.0 + FRAME_S)

    assert counter.discontinuities == 0


def test_a_frame_list_knows_picture_frames_and_bytes() -> None:
    """The headers name the codec and the size of the picture; audio packets count as bytes alone."""
    frames = FrameList()

    for line in (
        "#software: Lavf59.27.100",
        "#tb 0: 1/25",
        "#media_type 0: video",
        "#codec_id 0: h264",
        "#dimensions 0: 640x360",
        "#tb 1: 1/48000",
        "#codec_id 1: aac",
        "0,          0,          0,        1,     1000, 0x12345678",
        "1,          0,          0,     1024,      200, 0x12345678",
        "0,          1,          1,        1,     3000, 0x12345678, F=0x0",
        "cut sho",
    ):
        frames.feed(line)

    assert (frames.codec, frames.width, frames.height) == ("h264", 640, 360)
    assert (frames.frames, frames.media_bytes, frames.at_s) == (2, 4200, FRAME_S)
