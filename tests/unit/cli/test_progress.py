"""Tests of `cli.progress`: how far an apply has come, as lines."""

import io

import click
import pytest
from rich.console import Console

from reconciler.cli.progress import Progress, Teller, console_for
from reconciler.domain.changes import FlowAt, Start
from reconciler.domain.model import FlowKey
from reconciler.engine.apply import Outcome, Result
from tests.builders import LOCAL
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio


def start(number: int) -> Start:
    """Return one of many changes."""
    return Start(key=FlowKey(f"f{number}"), at=FlowAt(LOCAL, f"f{number}"))


def ended(number: int, result: Result = Result.DONE, why: str = "") -> Outcome:
    """Return what became of it."""
    return Outcome(change=start(number), result=result, why=why)


def lines(progress: Progress) -> list[str]:
    """Return what is shown, without colours."""
    return [click.unstyle(line) for line in progress.lines()]


async def test_it_says_how_far_it_has_come_and_how_long_the_rest_takes() -> None:
    """Ten of forty in 20 s: the rest takes a minute at this pace."""
    clock = FakeClock()
    progress = Progress(40, clock=clock)
    for number in range(10):
        progress.begin(start(number))
        await clock.sleep(2)
        progress.end(ended(number, Result.FAILED if number == 0 else Result.DONE))

    assert lines(progress) == ["████░░░░░░░░░░░░ 10/40  1 failed  0:00:20  about 0:01:00 left"]


async def test_it_names_what_is_in_flight_and_counts_the_rest() -> None:
    """The oldest few stand there, with how long they have waited."""
    clock = FakeClock()
    progress = Progress(7, clock=clock)
    for number in range(6):
        progress.begin(start(number))
    await clock.sleep(3)
    progress.end(ended(0, Result.SKIPPED))

    assert progress.in_flight == 5
    assert lines(progress) == [
        "██░░░░░░░░░░░░░░ 1/7  1 not sent  0:00:03",
        *(f"  start flow/f{number}  3 s" for number in range(1, 5)),
        "  and 1 more in flight",
    ]


def test_what_had_to_wait_adds_to_what_was_planned() -> None:
    """A later round sends more than the plan had; it never says 3 of 2."""
    progress = Progress(1, clock=FakeClock())
    progress.end(ended(0))
    progress.end(ended(1))

    assert lines(progress) == ["████████████████ 2/2  0:00:00"]
    assert lines(Progress(0, clock=FakeClock())) == ["████████████████ 0/0  0:00:00"]


async def test_without_a_terminal_only_trouble_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A log has a line for each thing that went wrong, and none for what was not sent: that is told at the end."""
    teller = Teller(Progress(3, clock=FakeClock()), None, redirect=lambda: None)

    async with teller.shown():
        teller.begin(start(0))
        teller.stopping()
        teller.end(ended(0))
        teller.end(ended(1, Result.FAILED, "full"))
        teller.end(ended(2, Result.SKIPPED, "interrupted"))
        teller.stopping()

    assert capsys.readouterr().err.splitlines() == [
        "Stopping: finishing 1 call in flight; once more to stop waiting.",
        "FAILED   start flow/f1: full",
        "Stopping: nothing is in flight; once more to stop waiting.",
    ]


@pytest.mark.parametrize("no_color", [True, False])
async def test_on_a_terminal_each_change_is_told_above_the_picture(*, no_color: bool) -> None:
    """What was done is told, too, and colours are kept out where nobody wants them."""
    said = io.StringIO()
    console = Console(file=said, force_terminal=True, no_color=no_color, width=80)
    redirected: list[str] = []
    teller = Teller(Progress(1, clock=FakeClock()), console, redirect=lambda: redirected.append("now"))

    async with teller.shown():
        teller.end(ended(0))

    assert "done     start flow/f0" in click.unstyle(said.getvalue())
    assert ("\x1b[32m" in said.getvalue()) is not no_color
    assert len(redirected) == 2


def test_a_log_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where colours are forced, as runners of workflows do."""
    monkeypatch.setenv("FORCE_COLOR", "1")

    assert console_for(color=None) is None


def test_what_is_no_news_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    """What is looked at every few seconds stands there once, until it is told otherwise."""
    teller = Teller(Progress(1, clock=FakeClock()), None, redirect=lambda: None)

    for why in ("receivers move over", "receivers move over", "nobody came"):
        teller.end(ended(1, Result.BLOCKED, why))

    told = capsys.readouterr().err
    assert (told.count("receivers move over"), told.count("nobody came")) == (1, 1)
