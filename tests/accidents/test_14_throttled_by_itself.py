"""
The reconciler throttles itself.

crossplane#2113, #6861, #7204, provider-aws#847, upjet#592, provider-http#195, octodns#490, #96, #776,
safe-settings#559: a read for each object, retries without a pause, and the quota was gone, people's own calls
included. Here writes keep a pace below the limit, a pass reads pages and no objects, and failures back off.
"""

from collections import Counter

import pytest

from reconciler.relay.faults.knobs import PageSizeCap, Throttle
from tests.accidents.house import LIST, House, until
from tests.accidents.manifests import flow, flows, output

pytestmark = pytest.mark.anyio

NAMES = tuple(f"flow_{number:02}" for number in range(40))
CREATE_FLOW, CREATE_OUTPUT = "CreateStreamLinkFlow", "CreateStreamLinkOutputInfo"


async def test_at_its_pace_it_meets_no_throttle(house: House) -> None:
    """Forty flows are made on an account that lets through twenty calls a second: each call is sent once."""
    (house.reconciler.home / "reconciler.yaml").write_text("backend: {ratePerS: 15}\n")
    house.write(**flows(NAMES, outputs=("tower",)))
    house.faults.turn(Throttle(per_s=20))

    said = await house.apply()

    assert said.status == 0, said.everything
    assert (house.relay.calls[CREATE_FLOW], house.relay.calls[CREATE_OUTPUT]) == (40, 40)


async def test_people_have_room_beside_it(house: House) -> None:
    """While it writes at its pace, the official SDK is not refused once."""
    (house.reconciler.home / "reconciler.yaml").write_text("backend: {ratePerS: 15}\n")
    house.write(**flows(NAMES, outputs=()))
    house.faults.turn(Throttle(per_s=20, actions=frozenset({CREATE_FLOW})))
    process = await house.reconciler.start("apply", house.tree, "--auto-approve")

    await until(lambda: house.relay.calls[CREATE_FLOW] > 20)
    names = [await by_hand(house, f"by_hand_{number}") for number in range(3)]
    await process.communicate()

    assert set(names) <= (await house.names()).keys()
    assert house.relay.calls[CREATE_FLOW] == 43


async def test_a_pass_that_finds_nothing_reads_pages_alone(house: House) -> None:
    """Forty flows on pages of ten are four calls, and nothing else is asked or sent."""
    await house.applied(**flows(NAMES, outputs=("tower",)))
    house.faults.turn(PageSizeCap(rows=10))
    before = Counter(house.relay.calls)

    differs = await house.differs()

    asked = Counter(house.relay.calls) - before
    assert not differs
    assert asked == {LIST: 4}


async def test_what_is_refused_backs_off(house: House) -> None:
    """An account that refuses everything is asked ever less often; a new revision is tried at once."""
    await house.applied(**flows(("alpha",)))
    async with house.running(observe_s=600.0) as work:
        await work.passed()
        house.faults.turn(Throttle())
        house.write(alpha=flow("alpha") + output("tower", of="alpha", latency=333) + output("cdn", of="alpha"))
        await until(lambda: len(work.world.journal.notes(kind="pass.failed")) >= 4)
        notes = work.world.journal.notes(kind="pass.failed")[::-1]
        pauses = [float(noted.note.fields["next_in_s"]) for noted in notes]
        house.faults.turn()
        house.write(alpha=flow("alpha") + output("tower", of="alpha", latency=444) + output("cdn", of="alpha"))
        await until(lambda: followed(house))

    assert pauses[:4] == sorted(pauses[:4])
    assert pauses[3] > 2 * pauses[0]


async def by_hand(house: House, name: str) -> str:
    """Make a flow by the official SDK; return its name."""
    await house.make_by_hand(name)
    return name


async def followed(house: House) -> bool:
    """Return whether the last revision is there."""
    return (await house.latencies())["alpha/tower"] == 444
