"""What people order beside git, for what and until when."""

from datetime import UTC, datetime, timedelta

import pytest

from reconciler.domain.model import FlowKey, Key, OutputKey
from reconciler.domain.orders import Given, Orders, Pause, Pin

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
NEWS, TOWER = FlowKey("news"), OutputKey("news", "tower")


def given(*, until: datetime | None = None) -> Given:
    """Return who gave an order."""
    return Given(author="anna@studio", reason="rehearsal", at=NOW, until=until)


@pytest.mark.parametrize(
    ("until", "holds"),
    [
        pytest.param(None, True, id="without an end"),
        pytest.param(NOW + timedelta(seconds=1), True, id="a moment before its end"),
        pytest.param(NOW, False, id="at its end"),
    ],
)
def test_an_order_ends_by_itself(until: datetime | None, *, holds: bool) -> None:
    """Nobody has to lift what has expired."""
    assert given(until=until).holds(NOW) is holds


@pytest.mark.parametrize(
    ("paused", "key", "is_paused"),
    [
        pytest.param(NEWS, NEWS, True, id="a flow itself"),
        pytest.param(NEWS, TOWER, True, id="an output of a paused flow"),
        pytest.param(TOWER, NEWS, False, id="not the flow of a paused output"),
        pytest.param(TOWER, TOWER, True, id="an output itself"),
    ],
)
def test_a_pause_of_a_flow_is_one_of_its_outputs(paused: Key, key: Key, *, is_paused: bool) -> None:
    """Whoever pauses a flow means all of it; whoever pauses an output means that one."""
    orders = Orders(pauses=(Pause(resource=paused, given=given()),))

    assert (orders.pause_of(key) is not None) is is_paused


def test_a_pin_is_of_one_resource_alone() -> None:
    """A flow that is pinned leaves its outputs as their manifests say."""
    pin = Pin(resource=NEWS, revision="a1", manifest="", against="", given=given())

    assert Orders(pins=(pin,)).pin_of(NEWS) is pin
    assert Orders(pins=(pin,)).pin_of(TOWER) is None
