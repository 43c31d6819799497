"""A question on a terminal: what is typed, and what is not."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.cli.asking import agrees

CTRL_D = "\x04"


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """What types on the terminal that is stdin."""
    ours, theirs = os.openpty()
    with Path(os.ttyname(theirs)).open(encoding="utf-8") as terminal:
        os.close(theirs)
        monkeypatch.setattr(sys, "stdin", terminal)
        yield ours
    os.close(ours)


@pytest.mark.parametrize(
    ("typed", "agreed"),
    [
        ("y\n", True),
        ("YES\n", True),
        (f"y{CTRL_D}", True),
        ("n\n", False),
        ("no\n", False),
        ("\n", False),
        (CTRL_D, False),
    ],
)
def test_only_a_yes_is_a_yes(keyboard: int, typed: str, *, agreed: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """Enter and the end of the input are a no."""
    os.write(keyboard, typed.encode())

    assert asyncio.run(agrees("Send them?")) is agreed
    assert capsys.readouterr() == ("", "Send them? [y/N]: " + ("\n" if typed == CTRL_D else ""))


def test_what_is_neither_is_asked_again(keyboard: int, capsys: pytest.CaptureFixture[str]) -> None:
    """No word is guessed to be a yes, and what was typed ahead is read."""
    os.write(keyboard, b"yeah\n\xff\ny\n")

    assert asyncio.run(agrees("Send them?"))
    assert capsys.readouterr().err == "Send them? [y/N]: Say y, or n.\n" * 2 + "Send them? [y/N]: "


@pytest.mark.anyio
async def test_the_event_loop_runs_while_nobody_answers(keyboard: int) -> None:
    """So a signal ends the question as it ends everything else, whenever it comes."""
    asked = asyncio.ensure_future(agrees("Send them?"))
    # Twice through the loop: once to begin it, once to come to the wait.
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asked.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asked
    os.write(keyboard, b"y\n")
    assert await agrees("Send them?")
