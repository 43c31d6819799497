"""
To move or rename a file, or its parent, deletes and creates what is in it.

kustomize-controller#338, argo-cd#16721, helm-controller#1340, website#1681: identity came from the path. Here it is the
name in the manifest and in the mark; a real rename is said by a Move, and one that is not said is held back.
"""

import re

import pytest

from tests.accidents.house import House
from tests.accidents.manifests import flow, flows, move, output

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("before", "after"),
    [("alpha", "city__alpha"), ("city__alpha", "town__alpha"), ("city__alpha", "city__hall__north__alpha")],
    ids=["a file into a folder", "the folder renamed", "deeper"],
)
async def test_where_a_file_lies_is_no_identity(house: House, before: str, after: str) -> None:
    """The plan is empty, and nothing is sent."""
    text = flows(("alpha",))["alpha"]
    await house.applied(**{before: text}, **flows(("bravo",)))
    ids, writes = await house.ids(), house.writes
    house.remove(before)
    house.write(**{after: text})

    said = await house.apply()

    assert said.out.startswith("Applied: nothing to do"), said.everything
    assert (await house.ids(), house.writes) == (ids, writes)


async def test_documents_may_be_split_and_joined(house: House) -> None:
    """One file becomes three, in another order."""
    await house.applied(**flows(("alpha",)))
    ids, writes = await house.ids(), house.writes
    house.write(alpha=output("cdn", of="alpha"), tower=output("tower", of="alpha"), z__alpha=flow("alpha"))

    said = await house.apply()

    assert said.out.startswith("Applied: nothing to do"), said.everything
    assert (await house.ids(), house.writes) == (ids, writes)


async def test_an_output_that_moves_keeps_its_object(house: House) -> None:
    """A Move gives it another name: its id, and so its addresses and its stream, are what they were."""
    await house.applied(**flows(("alpha",)))
    ids = await house.ids()
    house.write(
        alpha=flow("alpha") + output("cdn", of="alpha") + north(),
        moves=move("output/alpha/tower", "output/alpha/north"),
    )

    await house.applied()

    assert await house.ids() == {**{key: ids[key] for key in ("alpha", "alpha/cdn")}, "alpha/north": ids["alpha/tower"]}
    assert house.deletes == 0
    assert not await house.differs()


async def test_a_flow_that_moves_takes_its_outputs_along(house: House) -> None:
    """The flow and both of its outputs keep their ids."""
    await house.applied(**flows(("alpha",)))
    ids = await house.ids()
    house.remove("alpha")
    text = flow("omega") + "".join(output(name, of="omega").replace(".omega.", ".alpha.") for name in ("tower", "cdn"))
    house.write(omega=text, moves=move("flow/alpha", "flow/omega"))

    await house.applied()

    assert await house.ids() == {key.replace("alpha", "omega"): id_ for key, id_ in ids.items()}
    assert house.deletes == 0
    assert not await house.differs()


@pytest.mark.parametrize("what", ["output", "flow"])
async def test_a_rename_that_nobody_said_is_held_back(house: House, what: str) -> None:
    """It is named as what it looks like, with the Move that would do it; nothing is deleted, nothing made."""
    await house.applied(**flows(("alpha", "bravo")))
    before, writes = await house.everything(), house.writes
    if what == "output":
        house.write(alpha=flow("alpha") + output("cdn", of="alpha") + north())
    else:
        house.write(
            alpha=flows(("alpha",))["alpha"].replace("name: alpha", "name: omega").replace("flow: alpha", "flow: omega")
        )

    said = await house.apply()

    assert said.status == 4, said.everything
    assert "it looks like" in said.out
    (move_in_words, *_) = re.findall(r"\{apiVersion: .*?\}\}", said.out)
    assert (house.writes, await house.everything()) == (writes, before)

    house.write(moves=f"{move_in_words}\n")
    await house.applied()

    assert house.deletes == 0


def north() -> str:
    """Return the output `tower` of `alpha` by another name."""
    return output("tower", of="alpha").replace("{name: tower}", "{name: north}")
