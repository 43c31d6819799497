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

STATUS = "DescribeStreamLinkFlowRealtimeStatus"


async def test_a_call_that_hangs_holds_up_its_own_flow_alone(house: House) -> None:
    """The create of one flow is never answered: the others are there meanwhile, and it is made, once, in the end."""
    house.write(**flows(("alpha", "bravo", "charlie")))
    house.faults.turn(Delay(when=When.AFTER_COMMIT, seconds=9999, actions=frozenset({"CreateStreamLinkFlow"}), times=1))
    async with house.running(times=100) as work:
        await house.delayed.wait()

        await until(lambda: complete(house, 2))
        await until(lambda: complete(house, 3))
        whys = [call.why for call in work.world.journal.calls()]

    assert sum("no answer within 180 s" in why for why in whys) == 1
    assert house.relay.calls["CreateStreamLinkFlow"] == 3
    assert set(await house.names()) == {"alpha", "bravo", "charlie"}


async def test_a_list_that_hangs_ends_its_pass_alone(house: House) -> None:
    """Nothing is known and nothing is sent; the passes after it go on by themselves."""
    await house.applied(**flows(("alpha",)))
    house.write(
        alpha=flow("alpha") + output("late", of="alpha") + output("tower", of="alpha") + output("cdn", of="alpha")
    )
    house.faults.turn(Delay(when=When.BEFORE_COMMIT, seconds=9999, actions=frozenset({LIST}), times=1))
    async with house.running(times=100) as work:
        await house.delayed.wait()

        await until(lambda: has_late(house))
        (failed,) = work.world.journal.notes(kind="pass.failed")

    assert "no answer within 120 s" in failed.note.why


async def test_a_status_that_hangs_deletes_nothing(house: House) -> None:
    """Whether an output is on air cannot be told: it stays, is named, and the rest of the pass goes on."""
    await house.applied(**flows(("alpha", "bravo"), state="running"))
    house.faults.turn(Delay(when=When.BEFORE_COMMIT, seconds=9999, actions=frozenset({STATUS})))
    house.write(alpha=flow("alpha", state="running") + output("cdn", of="alpha"), charlie=flow("charlie"))
    async with house.running(times=100) as work:
        await until(lambda: any(str(held.hold) == "on-air" for one in work.passes for held in one.left.blocked))
        await until(lambda: has_charlie(house))

        assert house.deletes == 0
        house.faults.turn()
        house.released.set()
        await until(lambda: is_without_tower(house))


async def has_charlie(house: House) -> bool:
    """Return whether the new flow is there."""
    return "charlie" in await house.names()


async def is_without_tower(house: House) -> bool:
    """Return whether the output went, and nothing else."""
    return await house.names() == {"alpha": ["cdn"], "bravo": ["cdn", "tower"], "charlie": []}


async def complete(house: House, count: int) -> bool:
    """Return whether so many flows are there with both of their outputs."""
    return sum(outputs == ["cdn", "tower"] for outputs in (await house.names()).values()) >= count


async def has_late(house: House) -> bool:
    """Return whether the output is there."""
    return "late" in (await house.names())["alpha"]
