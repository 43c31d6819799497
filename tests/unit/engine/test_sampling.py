"""Tests of `engine.guard.sampling`: which samples prove something together."""

import pytest

from reconciler.domain.safety.limits import Limits
from reconciler.domain.safety.on_air import Disturbed
from reconciler.engine.guard.sampling import Sampler
from tests.builders import flow, found_flow, found_output, output
from tests.fakes.clock import FakeClock
from tests.unit.engine.worlds import MeddledBackend

pytestmark = pytest.mark.anyio
WHOLE = Disturbed(outputs=frozenset(), whole=True)


async def test_a_sample_proves_nothing_of_what_was_made_since() -> None:
    """A flow that got another output is looked at twice anew; until then an older look is none."""
    clock, backend = FakeClock(auto=False), MeddledBackend()
    small = found_flow(flow(), found_output(output()))
    larger = found_flow(flow(), found_output(output()), found_output(output("studio")))
    sampler = Sampler(backend, clock, Limits())
    backend.hold(small)
    first = await sampler.take(small)
    await clock.advance(6)
    second = await sampler.take(small)
    backend.hold(larger)
    third = await sampler.take(larger)
    await clock.advance(6)
    fourth = await sampler.take(larger)

    assert first is not None
    assert second is not None
    assert third is not None
    assert fourth is not None
    assert sampler.before(small, WHOLE, second) is first
    assert sampler.before(larger, WHOLE, third) is None
    assert sampler.before(larger, WHOLE, fourth) is third


async def test_a_glimpse_is_not_remembered() -> None:
    """Whoever only wants to know how it is now keeps nothing of flows that come and go for years."""
    clock, backend = FakeClock(auto=False), MeddledBackend()
    small = found_flow(flow(), found_output(output()))
    sampler = Sampler(backend, clock, Limits())
    backend.hold(small)
    seen = await sampler.glimpse(small)
    await clock.advance(6)
    last = await sampler.take(small)

    assert seen is not None
    assert last is not None
    assert seen.ends == last.ends
    assert sampler.before(small, WHOLE, last) is None
    backend.unwell.add("news")
    assert await sampler.glimpse(small) is None
