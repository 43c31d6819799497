"""Tests of `engine.carried`: what would go off air, by one look."""

import pytest

from reconciler.domain.errors import UnavailableError
from reconciler.domain.model import FlowState, Region
from reconciler.engine.carried import on_air_now
from reconciler.ports.backend import EndStatus
from tests.builders import flow, found_flow, found_output, output
from tests.fakes.backend import FakeBackend
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio


def broadcasting(*on_air: str) -> FakeBackend:
    """Return a backend with two flows that run and one that stands still; the ends of these ids carry a picture."""
    backend = FakeBackend(regions=("local", "away"))
    for found in (
        found_flow(flow("sport"), found_output(output("desk", of="sport"))),
        found_flow(flow("news"), found_output(output("tower"))),
        found_flow(flow("night", state=FlowState.IDLE), found_output(output("owl", of="night"))),
    ):
        backend.flows[found.id] = found
    for id_ in on_air:
        backend.statuses[id_] = EndStatus(
            id=id_, is_input=False, state="Connected", bitrate_bps=5_000_000, connected_ms=1, reconnections=0
        )
    return backend


async def test_each_flow_that_carries_something_is_named() -> None:
    """In the order of their names; what stands still or carries nothing is not in it."""
    assert await on_air_now(broadcasting(), FakeClock(auto=False)) == ()
    assert await on_air_now(broadcasting("id-desk", "id-tower", "id-owl"), FakeClock(auto=False)) == (
        "in news, output tower is on air (Connected, 5.0 Mb/s)",
        "in sport, output desk is on air (Connected, 5.0 Mb/s)",
    )


async def test_what_cannot_be_read_is_not_taken_for_silence() -> None:
    """A region that does not answer is named with its reason."""
    backend = broadcasting("id-desk")
    backend.unreadable[Region("away")] = UnavailableError("no answer", maybe_applied=False)

    assert await on_air_now(backend, FakeClock(auto=False)) == (
        "away cannot be asked what is on air: no answer",
        "in sport, output desk is on air (Connected, 5.0 Mb/s)",
    )
