"""
A sync hangs for ever.

argo-cd#6055, #1886, #17314, #4811, #23523, kustomize-controller#701: no default time-out, and a hook or a health check
that never finished stopped everything. Here each call, each list and each pass has a finite deadline by default.
"""

import pytest

from reconciler.relay.faults.knobs import Delay, When
from tests.accidents.house import LIST, House, until
from tests.accidents.manifests import flow, flows, output

pytestmark = pytest.mark.anyio


async def test_a_call_that_hangs_holds_up_its_own_flow_alone(house: House) -> None:
    """The create of one flow is never answered: the others are there meanwhile, and it is made, once, in the end."""
    house.write(**flows(("alpha", "bravo", "charlie")))
    house.faults.turn(Delay(when=When.AFTER_COMMIT, seconds=9999, actions=frozenset({"CreateStreamLinkFlow"}), times=1))
    async with house.running(times=100):
        await house.delayed.wait()

        await until(lambda: complete(house, 2))
        await until(lambda: complete(house, 3))

    assert house.relay.calls["CreateStreamLinkFlow"] == 3
    assert set(await house.names()) == {"alpha", "bravo", "charlie"}


async def test_a_list_that_hangs_ends_its_pass_alone(house: House) -> None:
    """Nothing is known and nothing is sent; the passes after it go on by themselves."""
    await house.applied(**flows(("alpha",)))
    house.write(
        alpha=flow("alpha") + output("late", of="alpha") + output("tower", of="alpha") + output("cdn", of="alpha")
    )
    house.faults.turn(Delay(when=When.BEFORE_COMMIT, seconds=9999, actions=frozenset({LIST}), times=1))
    async with house.running(times=100):
        await house.delayed.wait()

        await until(lambda: has_late(house))


async def complete(house: House, count: int) -> bool:
    """Return whether so many flows are there with both of their outputs."""
    return sum(outputs == ["cdn", "tower"] for outputs in (await house.names()).values()) >= count


async def has_late(house: House) -> bool:
    """Return whether the output is there."""
    return "late" in (await house.names())["alpha"]
