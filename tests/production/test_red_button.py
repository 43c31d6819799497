"""The red button: one command or one file stops all writes but the call on its way, through a restart."""

from dataclasses import replace

import pytest

from tests.accidents.house import House, until
from tests.accidents.manifests import flows

pytestmark = pytest.mark.anyio

NAMES = tuple(f"flow_{number}" for number in range(50))
AT_ONCE = 5
"""Calls that may have left when the file is there: the burst of the rate limit."""


async def test_the_red_button_stops_fifty_writes_in_the_queue(house: House) -> None:
    """Fifty flows are being made; the file is there; what has not left stays, also when it is started again."""
    house.write(**flows(NAMES, outputs=()))
    slow = replace(house, reconciler=replace(house.reconciler, variables={"RECONCILER_BACKEND_RATE_PER_S": "20"}))
    halt = house.reconciler.state / "HALT"

    async with slow.running() as work:
        await until(lambda: house.writes >= AT_ONCE)
        halt.write_text("it makes things that nobody wants")
        pressed = house.writes
        await work.passed()
        stopped = house.writes
        outcome = await work.passed()
    async with house.running() as again:
        after = await again.passed()

    assert stopped - pressed <= AT_ONCE
    assert house.writes == stopped < len(NAMES)
    assert {item.hold for item in (*outcome.left.blocked, *after.left.blocked)} == {"halted"}
    assert "it makes things that nobody wants" in outcome.left.blocked[0].why


async def test_writes_go_on_once_the_button_is_lifted(house: House) -> None:
    """`resume --all` lets the loop go on with what it held back, within its next pass."""
    house.write(**flows(NAMES[:2], outputs=()))
    await house.reconciler("pause", "--all", "--reason", "a storm")

    async with house.running(observe_s=5) as work:
        held = await work.passed()
        status = await house.reconciler("status")
        await house.reconciler("resume", "--all")
        await until(lambda: house.writes >= len(NAMES[:2]))

    assert {item.hold for item in held.left.blocked} == {"halted"}
    assert status.out.startswith("! all writes are stopped by ")
    assert ": a storm. `reconciler resume --all` lifts that" in status.out
