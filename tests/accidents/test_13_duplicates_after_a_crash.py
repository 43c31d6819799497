"""
Duplicates and orphans after a crash between "created" and "recorded".

crossplane#3037, #749, crossplane-runtime#340: what was made and not written down was made again, and each copy was
billed. Here a create is written down before it is sent, what is live says itself whose it is, and after an unknown
outcome it is looked for before anything else. To lose the journal loses history alone.
"""

import asyncio

import pytest

from reconciler.relay.faults.knobs import Delay, Drop, InternalError, When
from tests.accidents.house import House, until
from tests.accidents.manifests import flow, flows
from tests.endtoend.commands import DEADLINE_S

pytestmark = pytest.mark.anyio

CREATE_FLOW, CREATE_OUTPUT = "CreateStreamLinkFlow", "CreateStreamLinkOutputInfo"
WHOLE = {"alpha": ["cdn", "tower"]}


async def kill_during(house: House, action: str, when: When) -> None:
    """Kill an apply while one of its calls is on its way: before or after it was carried out, and never answered."""
    house.faults.turn(Delay(when=when, seconds=9999, actions=frozenset({action}), times=1))
    process = await house.reconciler.start("apply", house.tree, "--auto-approve")
    await asyncio.wait_for(house.delayed.wait(), DEADLINE_S)
    process.kill()
    await asyncio.wait_for(process.communicate(), DEADLINE_S)
    house.faults.turn()


@pytest.mark.parametrize("action", [CREATE_FLOW, CREATE_OUTPUT])
@pytest.mark.parametrize("journal", ["kept", "lost"])
async def test_killed_between_created_and_recorded(house: House, action: str, journal: str) -> None:
    """Whoever starts it again finds what was made, makes the rest, and nothing a second time."""
    house.write(**flows(("alpha",)))
    await kill_during(house, action, When.AFTER_COMMIT)
    if journal == "lost":
        for path in house.reconciler.state.glob("journal*"):
            path.unlink()

    said = await house.apply()

    assert said.status == 0, said.everything
    assert await house.names() == WHOLE
    assert (house.relay.calls[CREATE_FLOW], house.relay.calls[CREATE_OUTPUT]) == (1, 2)
    assert not await house.differs()


async def test_killed_before_it_is_carried_out_late(house: House) -> None:
    """The service carries the call out long after its sender died: who comes next waits for it, and makes no other."""
    house.write(**flows(("alpha",)))
    await kill_during(house, CREATE_FLOW, When.BEFORE_COMMIT)

    early = await house.apply()
    house.released.set()
    await until(lambda: there(house))
    said = await house.apply()

    assert early.status == 4, early.everything
    assert "a list may not show it yet" in early.out
    assert said.status == 0, said.everything
    assert await house.names() == WHOLE
    assert house.relay.calls[CREATE_FLOW] == 1


@pytest.mark.parametrize(
    "knob",
    [
        Drop(when=When.AFTER_COMMIT, every=2, actions=frozenset({CREATE_FLOW, CREATE_OUTPUT})),
        InternalError(when=When.AFTER_COMMIT, every=2, actions=frozenset({CREATE_FLOW, CREATE_OUTPUT})),
        Drop(when=When.BEFORE_COMMIT, every=2, actions=frozenset({CREATE_FLOW, CREATE_OUTPUT})),
    ],
    ids=["lost after", "error after", "lost before"],
)
async def test_answers_that_are_lost(house: House, knob: Drop | InternalError) -> None:
    """Of every second create nobody hears: in the end each object is there once, and none is left over."""
    house.write(**flows(("alpha", "bravo", "charlie")))
    house.faults.turn(knob)
    async with house.running():
        await until(lambda: complete(house))
    house.faults.turn()

    assert not await house.differs()
    if knob.when is When.AFTER_COMMIT:
        assert (house.relay.calls[CREATE_FLOW], house.relay.calls[CREATE_OUTPUT]) == (3, 6)


async def test_lists_that_are_behind(house: House) -> None:
    """For 25 seconds no list shows what was made: it is looked for, and not made again."""
    house.write(**flows(("alpha", "bravo")))
    async with house.running(lag_s=25.0, observe_s=5.0) as work:
        await until(lambda: complete(house, 2))
        await until(lambda: bool(work.passes) and not work.passes[-1].has_failed)
        await work.passed(2)

    assert (house.relay.calls[CREATE_FLOW], house.relay.calls[CREATE_OUTPUT]) == (2, 4)
    assert house.deletes == 0


async def test_what_is_there_twice_is_told_and_left(house: House) -> None:
    """Somebody copied our flow in the console, Description and all: neither is edited or deleted; the rest goes on."""
    await house.applied(**flows(("alpha", "bravo")))
    (mark,) = {end.Description for end in (await house.flows())["alpha"].InputGroup}
    await house.make_by_hand("copy_of_alpha", description=mark)
    before = await house.everything()
    house.write(alpha=flow("alpha", latency=333))

    said = await house.apply()

    assert said.status == 4, said.everything
    assert "! blocked flow/alpha" in said.out
    assert (house.deletes, await house.everything()) == (0, before)


async def there(house: House) -> bool:
    """Return whether the flow is there."""
    return "alpha" in await house.names()


async def complete(house: House, count: int = 3) -> bool:
    """Return whether so many flows are there, each with both of its outputs once."""
    names = await house.names()
    return len(names) == count and all(outputs == ["cdn", "tower"] for outputs in names.values())
