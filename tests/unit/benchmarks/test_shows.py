"""What long shows conclude from what they saw."""

import pytest

from benchmarks.long.siblings import Watch, compared
from benchmarks.stage.costs import slope_per_minute
from reconciler.media.probe import Receiver
from reconciler.media.srt import SrtSocket


def watch(*moments_s: float) -> Watch:
    """Return a receiver that saw something at these moments."""
    receiver = Receiver(SrtSocket(listens=False, host="127.0.0.1", port=9))
    return Watch("SRT", "listener", "touched", receiver, moments_s=list(moments_s))


@pytest.mark.parametrize(
    ("kept", "control", "alone", "both"),
    [
        ((), (), 0, 0),
        ((10.0,), (), 1, 0),
        ((10.0,), (11.5,), 0, 1),
        ((10.0, 20.0), (11.5,), 1, 1),
        ((), (11.5,), 0, 0),
    ],
)
def test_what_both_see_at_one_moment_is_told_apart(
    kept: tuple[float, ...], control: tuple[float, ...], alone: int, both: int
) -> None:
    """A gap counts against the relay only where the control saw none at that time."""
    line = compared(watch(*kept), watch(*control))

    assert (line.alone, line.both, line.control) == (alone, both, len(control))


def test_a_slope_is_growth_a_minute() -> None:
    """Two more in every ten seconds are twelve a minute; what stays is none."""
    growing = [(10.0 * step, 5.0 + 2 * step) for step in range(10)]

    slopes = [slope_per_minute(growing), slope_per_minute([(at_s, 5.0) for at_s, _ in growing])]

    assert slopes == pytest.approx([12.0, 0.0])
