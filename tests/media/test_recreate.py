"""What cannot be edited is made anew, with receivers connected: the short sister of `make long recreate`."""

from collections.abc import Callable

import pytest

from benchmarks.long.breaking import break_, breaks
from benchmarks.long.moving import abandon, move, trials

pytestmark = [pytest.mark.anyio, pytest.mark.media]

FreePort = Callable[[], int]


@pytest.mark.parametrize(
    ("name", "scheme"), [("SRT listener, region", "srt"), ("RTMP_PULL, region", "rtmp"), ("RTSP, region", "rtsp")]
)
async def test_the_old_one_serves_until_the_new_one_delivers(free_port: FreePort, name: str, scheme: str) -> None:
    """
    It is blocked without an approval; with one nobody sees a gap, and the old one goes when somebody is at the new one.

    The new address is told by `status --reveal`. Receivers at the old one and at a sibling count no discontinuity.
    """
    (trial,) = (each for each in trials(free_port) if each.name == name)

    seen = await move(trial)

    assert (seen.blocked.status, seen.stayed, len(seen.blocked.approvals)) == (4, True, 1)
    assert f"\n{scheme}://127.0.0.1:" in seen.revealed
    assert seen.done.status == 0, seen.done.text
    assert (seen.old_discontinuities, seen.old_connections) == (0, 1)
    assert (seen.sibling_discontinuities, seen.sibling_connections) == (0, 1)
    assert seen.both_s > 0
    assert (seen.left, seen.in_step) == (("partner_t", "sibling"), True)


async def test_nobody_comes_to_the_new_one(free_port: FreePort) -> None:
    """It goes after the deadline, which the command says and ends with 1; the old one has served all the while."""
    trial = trials(free_port)[0]

    seen = await abandon(trial)

    assert (seen.blocked.status, seen.done.status) == (4, 1)
    assert "did not deliver within 8 s; the old one stays" in seen.done.text
    assert "reconciler status --reveal output/news/partner_t" in seen.done.text
    assert (seen.old_discontinuities, seen.old_connections) == (0, 1)
    assert seen.left == ("partner", "sibling")


async def test_what_calls_breaks_for_a_moment(free_port: FreePort) -> None:
    """Without an approval it stays; with one it is back at the same far end, and its sibling sees nothing of it."""
    trial = breaks(free_port)[0]

    seen = await break_(trial)

    assert (seen.blocked.status, seen.done.status) == (4, 0)
    assert "it breaks for a moment" in seen.blocked.text
    assert (seen.sibling_discontinuities, seen.sibling_connections) == (0, 1)
    assert (seen.left, seen.in_step) == (("news", "partner", "sibling"), True)
