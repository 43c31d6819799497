"""Tests of `cli.interruption`: what the first, the second and the third signal do."""

import asyncio
import os
import signal

import pytest

from reconciler.cli.asynchronous import TERMINATED
from reconciler.cli.interruption import Interruption, interruptible


def test_the_result_is_passed_on() -> None:
    """A verb that nobody interrupts gives its result, and has no status of its own."""

    async def work(interruption: Interruption) -> tuple[int | None, str]:
        await asyncio.sleep(0)
        return interruption.status, interruption.hold()

    assert interruptible(work) == (None, "")


def test_while_nothing_is_sent_ctrl_c_ends_it_at_once() -> None:
    """What was open is closed."""
    closed: list[str] = []

    async def work(_: Interruption) -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()
        finally:
            closed.append("closed")

    with pytest.raises(KeyboardInterrupt):
        interruptible(work)

    assert closed == ["closed"]


def test_while_nothing_is_sent_sigterm_ends_it_at_once() -> None:
    """The shell is told by which signal."""

    async def work(_: Interruption) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    with pytest.raises(SystemExit) as caught:
        interruptible(work)

    assert caught.value.code == TERMINATED


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_holds_back_and_the_second_cuts(number: signal.Signals, status: int) -> None:
    """What is in flight is waited for, until somebody asks twice; then the verb still says what it knows."""
    told = asyncio.Event()

    async def work(interruption: Interruption) -> tuple[str, bool, bool, int | None]:
        with interruption.finishing(told.set):
            os.kill(os.getpid(), number)
            await told.wait()
            held, before = interruption.hold(), interruption.cut.is_set()
            os.kill(os.getpid(), number)
            await interruption.cut.wait()
        return held, before, interruption.cut.is_set(), interruption.status

    assert interruptible(work) == ("not sent, because it was interrupted", False, True, status)


def test_a_third_signal_ends_it() -> None:
    """Somebody who asks three times means it."""

    async def work(interruption: Interruption) -> None:
        with interruption.finishing(lambda: None):
            for _ in range(3):
                interruption.react(signal.SIGINT)
            await asyncio.Event().wait()

    with pytest.raises(KeyboardInterrupt):
        interruptible(work)


def test_afterwards_signals_are_as_they_were() -> None:
    """No handler of ours outlives the verb."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    async def work(interruption: Interruption) -> None:
        with interruption.finishing(lambda: None):
            await asyncio.sleep(0)

    interruptible(work)

    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
