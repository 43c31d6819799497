"""Tests of `cli.asynchronous`."""

import asyncio
import os
import signal

import pytest

from reconciler.cli.asynchronous import TERMINATED, one_shot


def test_the_result_is_passed_on() -> None:
    """A verb that is not cut short gives its result."""

    async def work() -> str:
        await asyncio.sleep(0)
        return "done"

    assert one_shot(work()) == "done"


def test_sigterm_ends_it_cleanly_with_143() -> None:
    """What the verb opened is closed before it ends."""
    closed: list[str] = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()
        finally:
            closed.append("closed")

    with pytest.raises(SystemExit) as caught:
        one_shot(work())

    assert caught.value.code == TERMINATED
    assert closed == ["closed"]


def test_ctrl_c_ends_it_cleanly() -> None:
    """Ctrl-C closes what was open, and is passed on as what it is."""
    closed: list[str] = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            closed.append("closed")

    with pytest.raises(KeyboardInterrupt):
        one_shot(work())

    assert closed == ["closed"]


def test_afterwards_the_signal_is_as_it_was() -> None:
    """No handler of ours outlives the verb."""
    before = signal.getsignal(signal.SIGTERM)

    async def work() -> None:
        await asyncio.sleep(0)

    one_shot(work())

    assert signal.getsignal(signal.SIGTERM) == before
