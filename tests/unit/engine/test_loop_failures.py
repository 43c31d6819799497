"""Tests of `engine.loop` where the backend cannot be read, or does not accept us."""

from typing import Final

import pytest

from reconciler.domain.errors import CredentialsRefusedError, UnavailableError
from reconciler.engine.backoff import BASE_S
from tests.builders import LOCAL, flow, output
from tests.unit.engine.loops import TIMING, running
from tests.unit.engine.worlds import a_world

pytestmark = pytest.mark.anyio

DOWN: Final = UnavailableError("it does not answer", maybe_applied=False, code="InternalError", request_id="r-1")


async def test_a_failing_backend_is_left_alone_for_longer_and_longer() -> None:
    """Pauses double while the backend cannot be read, and it is found again by itself."""
    small = a_world()
    small.source.write("one", flow(), output())
    small.backend.unreadable[LOCAL] = DOWN

    async with running(small) as run:
        await run.pass_time(8 * BASE_S)
        failed = run.events("reconcile.pass_failed")
        del small.backend.unreadable[LOCAL]
        await run.pass_time(64 * BASE_S)

        assert [event["retry_in_s"] for event in failed] == [0.5, 1.0, 2.0, 4.0, 8.0]
        assert [event["failures"] for event in failed] == [1, 2, 3, 4, 5]
        assert failed[0]["code"] == "InternalError"
        assert small.backend.names() == {"news", "news/tower"}


async def test_a_service_that_is_left_alone_is_asked_when_that_is_over() -> None:
    """A refusal of the breaker is no failure: it makes no pause longer, and a new revision waits for it alone."""
    small = a_world()
    small.source.write("one", flow(), output())
    small.backend.unreadable[LOCAL] = UnavailableError("left alone", maybe_applied=False, retry_in_s=40.0)

    async with running(small) as run:
        await run.pass_time(90.0)
        small.source.write("two", flow(), output())
        await run.settle()
        del small.backend.unreadable[LOCAL]
        await run.pass_time(40.0)
        before = small.backend.names()
        await run.pass_time(BASE_S)

        failed = run.events("reconcile.pass_failed")
        assert [(event["failures"], event["retry_in_s"]) for event in failed] == [(0, 40.5)] * 4
        assert before == set()
        assert small.backend.names() == {"news", "news/tower"}


async def test_credentials_that_never_worked_end_the_loop() -> None:
    """A mistake in the set-up is told at once, not retried for ever."""
    small = a_world()
    small.source.write("one", flow())
    small.backend.unreadable[LOCAL] = CredentialsRefusedError("no such key")

    async with running(small) as run:
        assert run.task.done()
        assert isinstance(run.task.exception(), CredentialsRefusedError)
        assert [event["kind"] for event in run.events("loop.ended")] == ["CredentialsRefusedError"]
        assert small.source.closed


async def test_credentials_that_worked_before_are_waited_for() -> None:
    """A key that is rotated under a running loop does not end it."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        small.backend.unreadable[LOCAL] = CredentialsRefusedError("revoked")
        await run.pass_time(TIMING.observe_s)
        del small.backend.unreadable[LOCAL]
        small.backend.drop_output()
        await run.pass_time(BASE_S)

        assert not run.task.done()
        assert small.backend.names() == {"news", "news/tower"}
