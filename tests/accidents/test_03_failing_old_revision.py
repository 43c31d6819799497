"""
A failing old commit blocks the commit that mends it.

argo-cd#11494, #15642, #16489, #23591: the loop went on retrying the commit that it had begun with, and its back-off
held up the one that was pushed to mend it. Here a new revision is read before each attempt and begins at once.
"""

import pytest

from reconciler.relay.faults.knobs import Delay, When
from tests.accidents.house import House, until
from tests.accidents.manifests import flow, output

pytestmark = pytest.mark.anyio

BAD = flow("alpha") + output("lost", of="alpha", more="  region: mars-north\n")
GOOD = flow("alpha") + output("tower", of="alpha")
CREATE_OUTPUT = "CreateStreamLinkOutputInfo"


async def test_a_new_revision_waits_for_no_back_off(house: House) -> None:
    """After failures the next try is minutes away; what mends them is sent within seconds of being written."""
    house.write(alpha=BAD)
    async with house.running(observe_s=600.0) as work:
        await work.passed(7)
        due_in_s = work.next_in_s
        house.write(alpha=GOOD)
        written_s = work.clock.monotonic_s()

        await until(lambda: there(house))
        took_s = work.clock.monotonic_s() - written_s

    assert due_in_s > 60.0
    assert took_s < due_in_s / 2


async def test_the_old_revision_is_never_tried_again(house: House) -> None:
    """Once the mended one is there, the passes that follow send nothing."""
    house.write(alpha=BAD)
    async with house.running() as work:
        await work.passed(2)
        house.write(alpha=GOOD)
        await until(lambda: there(house))
        await work.passed()
        writes = house.writes

        last = await work.passed(2)

    assert house.writes == writes
    assert not last.has_failed


async def test_what_the_old_revision_had_yet_to_send_is_dropped(house: House) -> None:
    """A call of the old one hangs; when it is over, what is sent next is what the new one says."""
    house.write(alpha=flow("alpha") + "".join(output(f"old_{n}", of="alpha") for n in range(4)))
    house.faults.turn(Delay(when=When.BEFORE_COMMIT, seconds=60, actions=frozenset({CREATE_OUTPUT}), times=1))
    async with house.running() as work:
        await house.delayed.wait()
        house.write(alpha=GOOD)

        await until(lambda: there(house))
        house.released.set()
        await work.passed()
        await until(lambda: alone(house))

    assert house.relay.calls[CREATE_OUTPUT] == 2


async def alone(house: House) -> bool:
    """Return whether nothing is there but the output of the mended revision."""
    return await house.names() == {"alpha": ["tower"]}


async def there(house: House) -> bool:
    """Return whether the output of the mended revision is there."""
    flows = await house.names()
    return "tower" in flows.get("alpha", [])
