"""Tests of `engine.examine`."""

import asyncio
import threading

import pytest

from reconciler.domain.errors import CredentialsRefusedError, EnvironmentFailedError, ExitStatus
from reconciler.engine.examine import DEADLINE_S, examine, status_of
from reconciler.ports.checks import BlockingCheck, Check, Grade, Sign, fail, ok, warn
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio


def check(about: str, *signs: Sign) -> Check:
    """Return a check that finds these at once."""

    async def look() -> tuple[Sign, ...]:
        return signs

    return Check(about=about, look=look)


async def test_a_check_that_hangs_keeps_no_other_from_telling() -> None:
    """Its own line says that its time is up; a thread that hangs is left behind."""
    released, clock = threading.Event(), FakeClock(auto=False)

    async def hang() -> tuple[Sign, ...]:
        await asyncio.Event().wait()
        return ()

    def hang_in_a_thread() -> tuple[Sign, ...]:
        released.wait()
        return ()

    checks = (
        Check(about="network", look=hang),
        BlockingCheck(about="disk", look=hang_in_a_thread),
        check("git", ok("git", "there")),
    )
    ended: list[str] = []
    examining = asyncio.create_task(examine(checks, clock=clock, on_end=ended.append))
    await clock.advance(DEADLINE_S)
    signs = await examining
    released.set()

    assert [(sign.about, sign.grade) for sign in signs] == [
        ("network", Grade.FAIL),
        ("disk", Grade.FAIL),
        ("git", Grade.OK),
    ]
    assert "within 30 s" in signs[0].said
    assert sorted(ended) == ["disk", "git", "network"]


async def test_a_failure_is_told_in_its_own_words() -> None:
    """Of a look in a thread as of any other, and with its own status."""

    async def refuse() -> tuple[Sign, ...]:
        raise CredentialsRefusedError("not you")

    def lack() -> tuple[Sign, ...]:
        raise EnvironmentFailedError("no engine")

    signs = await examine(
        (Check(about="account", look=refuse), BlockingCheck(about="engines", look=lack)), clock=FakeClock(auto=False)
    )

    assert [(sign.said, sign.grade, sign.status) for sign in signs] == [
        ("not you", Grade.FAIL, ExitStatus.BACKEND),
        ("no engine", Grade.FAIL, ExitStatus.ALL_FAILED),
    ]


async def test_a_bug_in_a_thread_is_a_bug() -> None:
    """It is not taken for something that was found."""

    def slip() -> tuple[Sign, ...]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await examine((BlockingCheck(about="disk", look=slip),), clock=FakeClock(auto=False))


@pytest.mark.parametrize(
    ("signs", "expected"),
    [
        pytest.param([], ExitStatus.OK, id="nothing"),
        pytest.param([ok("a", ""), warn("b", "", "")], ExitStatus.OK, id="a warning is no failure"),
        pytest.param([fail("a", "", "")], ExitStatus.ALL_FAILED, id="a failure"),
        pytest.param(
            [fail("a", "", ""), fail("b", "", "", status=ExitStatus.BACKEND)], ExitStatus.BACKEND, id="the worst counts"
        ),
        pytest.param(
            [fail("a", "", "", status=ExitStatus.BACKEND), fail("b", "", "", status=ExitStatus.FINDINGS)],
            ExitStatus.FINDINGS,
            id="in the order of the page",
        ),
    ],
)
async def test_what_the_shell_is_told(signs: list[Sign], expected: ExitStatus) -> None:
    """The worst failure, as docs/exit-status.md orders them."""
    assert status_of(signs) is expected
