"""Tests of `engine.observe`."""

import asyncio

import pytest

from reconciler.domain.errors import CredentialsRefusedError, UnavailableError
from reconciler.domain.model import FoundFlow, Region, Unreadable
from reconciler.engine.observe import REGION_TIMEOUT_S, observe
from tests.builders import LOCAL, flow, found_flow
from tests.fakes.backend import FakeBackend
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio

AWAY = Region("eu-frankfurt")


def two_regions() -> FakeBackend:
    """Return a backend with two regions, and a flow in the local one."""
    backend = FakeBackend(regions=("local", "eu-frankfurt"))
    found = found_flow(flow())
    backend.flows[found.id] = found
    return backend


class SilentBackend(FakeBackend):
    """A backend that never says anything about a region, or about the regions."""

    def __init__(self, *, silent: Region | None) -> None:
        super().__init__(regions=("local", "eu-frankfurt"))
        self._silent = silent

    async def regions(self) -> tuple[Region, ...]:
        """Return the regions, unless even those are not told."""
        if self._silent is None:
            await asyncio.Event().wait()
        return await super().regions()

    async def observe(self, region: Region) -> tuple[FoundFlow, ...]:
        """Return the flows of a region that is not silent."""
        if region == self._silent:
            await asyncio.Event().wait()
        return await super().observe(region)


async def test_every_region_is_read() -> None:
    """What is found is there by region, empty ones too."""
    backend = two_regions()

    found = await observe(backend, clock=FakeClock(auto=False))

    assert found.regions == {LOCAL: tuple(backend.flows.values()), AWAY: ()}


async def test_a_region_that_fails_hides_no_other() -> None:
    """One region that cannot be read is there with the reason, beside those that can."""
    backend = two_regions()
    backend.unreadable[AWAY] = UnavailableError("it did not answer", maybe_applied=False)

    found = await observe(backend, clock=FakeClock(auto=False))

    assert found.regions[AWAY] == Unreadable(why="it did not answer")
    assert found.flows() == tuple(backend.flows.values())


async def test_a_backend_without_a_readable_region_is_a_failure() -> None:
    """When not one region can be read, nothing is known, and that is no plan."""
    backend = two_regions()
    for region in (LOCAL, AWAY):
        backend.unreadable[region] = UnavailableError(f"{region} is down", maybe_applied=False)

    with pytest.raises(UnavailableError, match="is down"):
        await observe(backend, clock=FakeClock(auto=False))


async def test_refused_credentials_end_it_all() -> None:
    """Credentials that one region refuses are refused, whatever the others say."""
    backend = two_regions()
    backend.unreadable[AWAY] = CredentialsRefusedError("no such key")

    with pytest.raises(CredentialsRefusedError):
        await observe(backend, clock=FakeClock(auto=False))


async def test_a_silent_region_becomes_unreadable() -> None:
    """A region that does not answer is given up after its deadline."""
    clock = FakeClock(auto=False)
    observing = asyncio.create_task(observe(SilentBackend(silent=AWAY), clock=clock))

    await clock.advance(REGION_TIMEOUT_S)

    found = (await observing).regions[AWAY]
    assert isinstance(found, Unreadable)
    assert "no answer within" in found.why


async def test_a_silent_backend_is_unavailable() -> None:
    """A backend that does not even list its regions is given up after the deadline."""
    clock = FakeClock(auto=False)
    observing = asyncio.create_task(observe(SilentBackend(silent=None), clock=clock))

    await clock.advance(REGION_TIMEOUT_S)

    with pytest.raises(UnavailableError, match="regions could not be listed"):
        await observing
