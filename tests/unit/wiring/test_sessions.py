"""Tests of `wiring.sessions`."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler import wiring
from reconciler.domain.errors import StateHeldError, UsageError
from reconciler.domain.model import Region
from reconciler.service.health import Rhythm
from reconciler.settings import Signatures, SourceSettings
from reconciler.wiring.sessions import RELAY_OBSERVE_S
from tests.unit.wiring.chosen import settings_in, write_manifests

pytestmark = pytest.mark.anyio


async def test_a_second_session_on_one_state_is_refused(tmp_path: Path) -> None:
    """Two reconcilers never share a state directory."""
    write_manifests(tmp_path)
    settings = settings_in(tmp_path)

    async with wiring.session(settings, media="none"):
        with pytest.raises(StateHeldError, match=str(os.getpid())):
            async with wiring.session(settings, media="none"):
                pytest.fail("two at once")
        held = wiring.is_held(settings)

    assert (held, wiring.is_held(settings)) == (True, False)


async def test_a_session_ends_even_when_its_verb_fails(tmp_path: Path) -> None:
    """Whatever ends a session, the next one can start."""
    write_manifests(tmp_path)
    settings = settings_in(tmp_path)

    with pytest.raises(LookupError):
        async with wiring.session(settings, media="none"):
            raise LookupError

    async with wiring.session(settings, media="none") as session:
        assert session.relay is not None


async def test_a_session_on_broken_manifests_starts(tmp_path: Path) -> None:
    """The loop waits for the tree to be mended, so the relay must be there already."""
    write_manifests(tmp_path, "kind: [")

    async with wiring.session(settings_in(tmp_path), media="none") as session:
        assert await session.world.backend.regions() == ("local",)


async def test_missing_manifests_are_a_usage_error(tmp_path: Path) -> None:
    """A path that does not exist is said before anything is started."""
    with pytest.raises(UsageError, match="There is nothing at"):
        async with wiring.session(settings_in(tmp_path)):
            pytest.fail("nothing to run on")


async def test_settings_that_cannot_be_leave_all_as_it_is(tmp_path: Path) -> None:
    """The next loop works by those of before, and nothing of that has to be made anew."""
    write_manifests(tmp_path)
    unsigned = SourceSettings(git="https://forge.example/a", signatures=Signatures.SSH)

    async with wiring.session(settings_in(tmp_path), media="none") as session:
        await passed_once(session)
        world = session.world
        with pytest.raises(UsageError, match="trusts nobody"):
            session.renew(replace(session.settings, source=unsigned))
        await passed_once(session)

        assert session.world is world
        assert not session.settings.source.git


async def test_what_the_service_goes_by_is_read_anew(tmp_path: Path) -> None:
    """A loop that looks less often now is not taken for dead, and pushes count to the branch that is followed now."""
    write_manifests(tmp_path)

    async with wiring.session(settings_in(tmp_path), media="none") as session:
        before = (session.rhythm(), session.branch())
        loop = replace(session.settings.loop, rescan_s=600, observe_s=900)
        source = SourceSettings(git=str(tmp_path / "forge.git"), branch="live")
        session.renew(replace(session.settings, loop=loop, source=source, paths=()))
        after = (session.rhythm(), session.branch())

    assert before == (Rhythm(rescan_s=12, observe_s=RELAY_OBSERVE_S), "")
    assert after == (Rhythm(rescan_s=602, observe_s=900), "live")


async def passed_once(session: wiring.Session) -> None:
    """Run a loop until its first pass has ended."""
    passed = asyncio.Event()
    loop = session.loop(lambda _: passed.set())
    running = asyncio.create_task(loop.run())
    await asyncio.wait_for(passed.wait(), 30)
    loop.stop()
    await running


async def test_a_loop_of_a_session_passes_and_stops(tmp_path: Path) -> None:
    """What a session lends is enough to run the loop and hear of its passes."""
    write_manifests(tmp_path)

    async with wiring.session(settings_in(tmp_path), media="none") as session:
        await passed_once(session)
        found = await session.world.backend.observe(Region("eu-frankfurt"))

    assert [flow.live_name for flow in found] == ["news"]
