"""
Accidental mass deletion, by a list that is cut short, a clock that jumps, and names that all change at once.

As test_05_mass_deletion_of_trees: what makes it unlikely that somebody means it holds back every delete, and is said.
"""

import pytest
from structlog.testing import capture_logs

from reconciler.relay.faults.knobs import MissingPage, PageSizeCap, RepeatedPage
from tests.accidents.house import House, until
from tests.accidents.manifests import flows, output, override

pytestmark = pytest.mark.anyio

NAMES = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot")
PREFIXED = tuple(f"live_{name}" for name in NAMES)


@pytest.mark.parametrize("knob", [MissingPage(page=1), MissingPage(page=3), RepeatedPage(page=2)])
async def test_a_list_that_is_cut_short(house: House, knob: MissingPage | RepeatedPage) -> None:
    """What is missing is neither made a second time, nor is anything deleted that another manifest would replace."""
    await house.applied(**flows(NAMES))
    before, writes = await house.everything(), house.writes
    house.remove("alpha")
    house.faults.turn(PageSizeCap(rows=2), knob)

    said = await house.apply()
    async with house.running():
        await until(lambda: house.relay.calls["DescribeStreamLinkFlows"] > 30)
    house.faults.turn()

    assert said.status == 7, said.everything
    assert "does not add up" in said.everything
    assert (house.writes, await house.everything()) == (writes, before)


async def test_a_storm_of_renames(house: House) -> None:
    """Somebody puts a prefix before every name: nothing is deleted, and nothing is made beside it."""
    await house.applied(**flows(NAMES))
    before, writes = await house.everything(), house.writes
    house.remove(*NAMES)
    house.write(**flows(PREFIXED))

    said = await house.apply()

    assert said.status == 4, said.everything
    assert said.out.startswith("NOTHING IS DELETED, 6 held back: 6 resources look renamed at once"), said.out
    assert (house.writes, await house.everything()) == (writes, before)


async def test_a_few_renames_at_once_hold_back_every_delete(house: House) -> None:
    """Three outputs of twenty-four look renamed, and a fourth is gone: that one stays, too."""
    names = tuple(f"{name}_{number}" for name in NAMES for number in range(4))
    files = flows(names, outputs=())
    tower = {f"{name}_out": output("tower", of=name) for name in names[:4]}
    await house.applied(**files, **tower)
    writes = house.writes
    for name in names[:3]:
        house.write(**{f"{name}_out": output("tower", of=name).replace("{name: tower}", "{name: north}")})
    house.remove(f"{names[3]}_out")

    said = await house.apply()

    assert said.status == 4, said.everything
    assert "NOTHING IS DELETED, 1 held back: 3 resources look renamed at once (output/" in said.out
    assert house.writes == writes


async def test_a_clock_that_jumps(house: House) -> None:
    """In the pass that sees it nothing is deleted, loudly; once the clock is steady, what is meant goes."""
    await house.applied(**flows(NAMES))
    with capture_logs() as told:
        async with house.running() as work:
            await work.passed()
            house.remove("alpha")
            await work.passed()
            work.clock.jump(3600)

            jumped = await work.passed()
            deletes = house.deletes
            await until(lambda: gone(house, "alpha"))

    noted = await house.reconciler("events", "--kind", "deletes.withheld")
    assert {str(blocked.hold) for blocked in jumped.left.blocked} == {"tree"}
    assert deletes == 0
    warnings = [event for event in told if event["event"] == "deletes.withheld"]
    assert [event["log_level"] for event in warnings] == ["warning"]
    assert "jumped by +3600 s" in warnings[0]["why"]
    assert "jumped by +3600 s" in noted.out


async def test_it_is_said_loudly_where_people_and_machines_look(house: House) -> None:
    """On stdout of an apply, in the journal, and in a warning of the loop, each once and with how many."""
    await house.applied(**flows(NAMES))
    house.remove(*NAMES)

    said = await house.apply()
    noted = await house.reconciler("events", "--kind", "deletes.withheld")
    with capture_logs() as told:
        async with house.running() as work:
            await work.passed(3)

    assert said.out.startswith("NOTHING IS DELETED, 6 held back: the manifests hold not a single Flow"), said.out
    assert noted.out.count("deletes.withheld") == 1
    (warning,) = [event for event in told if event["event"] == "deletes.withheld"]
    assert (warning["log_level"], warning["count"]) == ("warning", 6)


async def test_a_tree_that_is_meant_to_be_empty_takes_two_words(house: House) -> None:
    """An account is given up: the override of the tree alone is not enough, for the budget is another limit."""
    await house.applied(**flows(("alpha", "bravo")))
    house.remove("alpha", "bravo")
    house.write(meant=override("tree", of="Flow"))

    one = await house.apply()
    house.write(meant=override("tree, budget", of="Flow"))
    both = await house.apply()
    noted = await house.reconciler("events", "--kind", "override.used", "-o", "json")

    assert (one.status, both.status) == (4, 0), one.everything + both.everything
    assert await house.names() == {}
    assert [noted.out.count(f'"lifts": "{limit}"') for limit in ("tree", "budget")] == [2, 2]


async def gone(house: House, name: str) -> bool:
    """Return whether a flow is gone."""
    return name not in await house.names()
