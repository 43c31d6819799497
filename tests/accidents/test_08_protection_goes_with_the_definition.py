"""
Deletion protection disappears with the definition.

terraform#17599, #18481, #3116, #2159, #30957, #34526: `prevent_destroy` stood in the block, and who deleted the block
deleted the protection with it. Here it is in the mark on the live object, and to undo it takes two commits.
"""

import pytest

from tests.accidents.house import House
from tests.accidents.manifests import flow, flows, output, override

pytestmark = pytest.mark.anyio

PROTECTED = ", protect: true"
GUARDED = output("tower", of="alpha", care=PROTECTED)
PLAIN = output("tower", of="alpha")


async def begin(house: House) -> None:
    """Have a protected output on the account, and enough others that the budget has no word in it."""
    await house.applied(**flows(("bravo", "charlie")), alpha=flow("alpha") + output("cdn", of="alpha"), tower=GUARDED)


async def test_it_is_written_on_the_object(house: House) -> None:
    """The Description of the live output says it, to everybody who looks."""
    await begin(house)

    (tower,) = [end for end in (await house.flows())["alpha"].OutputGroup if end.OutputName == "tower"]

    assert tower.Description.endswith("[gitops:v1 o=local n=tower p]")


async def test_who_deletes_the_manifest_deletes_nothing(house: House) -> None:
    """Neither an apply nor a loop takes it away, and it is said what would."""
    await begin(house)
    house.remove("tower")
    before = await house.everything()

    said = await house.apply()
    async with house.running() as work:
        await work.passed(3)

    assert said.status == 4, said.everything
    assert "output/alpha/tower is protected. To delete it takes two commits" in said.out
    assert (house.deletes, await house.everything()) == (0, before)


async def test_no_override_lifts_it(house: House) -> None:
    """Exceptions to the budget and to distrust are none to this."""
    await begin(house)
    house.remove("tower")
    house.write(meant=override("budget, tree", of="output/alpha/tower"))

    said = await house.apply()

    assert (said.status, house.deletes) == (4, 0), said.everything


async def test_a_flow_does_not_take_it_along(house: House) -> None:
    """The manifests of the whole flow go: the flow stays for the sake of its output."""
    await begin(house)
    house.remove("alpha", "tower")
    house.write(meant=override("budget, tree", of="Flow"))

    said = await house.apply()

    assert (said.status, house.deletes) == (4, 0), said.everything
    assert (await house.names())["alpha"] == ["cdn", "tower"]


async def test_two_commits_undo_it(house: House) -> None:
    """The first takes the word away and is applied, the second the manifest."""
    await begin(house)
    await house.applied(tower=PLAIN)
    house.remove("tower")

    await house.applied()

    assert (await house.names())["alpha"] == ["cdn"]


async def test_two_commits_that_are_applied_at_once_are_one(house: House) -> None:
    """Nobody applied the first: what is on the object counts, not what was in git for a moment."""
    await begin(house)
    house.write(tower=PLAIN)
    house.remove("tower")

    said = await house.apply()

    assert (said.status, house.deletes) == (4, 0), said.everything


async def test_protecting_again_protects(house: House) -> None:
    """The word comes back before the delete does."""
    await begin(house)
    await house.applied(tower=PLAIN)
    await house.applied(tower=GUARDED)
    house.remove("tower")

    said = await house.apply()

    assert (said.status, house.deletes) == (4, 0), said.everything
