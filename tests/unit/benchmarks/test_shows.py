"""What long shows conclude from what they saw."""

import sys
from pathlib import Path

import pytest

from benchmarks.long.siblings import Watch, compared
from benchmarks.long.timings import Timing, has_recovered
from benchmarks.stage.costs import slope_per_minute
from benchmarks.stage.hearing import hearing
from benchmarks.stage.relay import StageError
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


def test_a_recovery_is_told_by_its_median_and_its_longest() -> None:
    """What was never measured has no figure."""
    told = Timing("an engine is killed")
    never = told.cells
    for seconds in (1.0, 9.0, 2.0):
        told.took(seconds)

    assert never == ("0", "-", "-")
    assert told.cells == ("3", "2.00", "9.00")


@pytest.mark.parametrize(
    ("took_s", "trouble", "recovered"),
    [
        pytest.param([1.0, 1.0], "", True, id="each time"),
        pytest.param([1.0], "", False, id="once only"),
        pytest.param([1.0, 1.0], "no picture came", False, id="something was wrong at the end"),
    ],
)
def test_what_did_not_come_back_is_no_success(took_s: list[float], trouble: str, *, recovered: bool) -> None:
    """A show of recoveries is good where everything recovered as often as it was hurt."""
    fine = Timing("the button is pressed", took_s=[1.0, 1.0])

    assert has_recovered([fine, Timing("an engine is killed", took_s, trouble)], rounds=2) is recovered
    assert not has_recovered([], rounds=2)


@pytest.mark.anyio
async def test_lines_are_heard_with_their_moment(tmp_path: Path) -> None:
    """An event is found by its fields, since a moment; what a dead program has not said is told with its last words."""
    code = 'print(\'hello\'); print(\'{"event": "a", "n": 1}\'); print(\'{"event": "a", "n": 2}\')'
    async with hearing(sys.executable, "-c", code, cwd=tmp_path) as program:
        second = await program.event("a", n=2)
        first = await program.event("a")
        with pytest.raises(StageError, match="hello"):
            await program.event("b")

    assert (first.event["n"], second.event["n"]) == (1, 2)
    assert first.at_s <= second.at_s
