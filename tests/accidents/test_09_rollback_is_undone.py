"""
A rollback conflicts with the automatic sync.

argo-cd#9570, #5351, #2441, #6147, #11713, #15588, #18072: people rolled back in the tool, and the tool put it forward
again, or refused because it was on automatic. Here git is the only truth: a revert is a commit as any other, which
nothing undoes and nothing holds up.
"""

import pytest

from tests.accidents.house import House, until
from tests.accidents.manifests import flow, flows, output
from tests.accidents.repository import commit, git

pytestmark = pytest.mark.anyio


def slow(latency: int) -> str:
    """Return the flow with one output of this latency."""
    return flow("alpha") + output("tower", of="alpha", latency=latency) + output("cdn", of="alpha")


async def test_a_revert_is_a_rollback_that_nothing_undoes(house: House) -> None:
    """The loop follows the revert, and the passes after it send nothing."""
    git(house.tree, "init", "-q")
    house.write(alpha=slow(120))
    commit(house.tree, "good")
    house.write(alpha=slow(999))
    commit(house.tree, "bad")
    async with house.running() as work:
        await until(lambda: has_latency(house, 999))

        git(house.tree, "revert", "--no-edit", "HEAD")
        await until(lambda: has_latency(house, 120))
        await work.passed()
        writes = house.writes
        last = await work.passed(3)

    assert house.writes == writes
    assert (last.left.blocked, last.has_failed) == ((), False)


async def test_a_revert_of_a_failing_revision_ends_its_tries(house: House) -> None:
    """What failed is not tried again, and nobody has to switch anything off first."""
    git(house.tree, "init", "-q")
    house.write(alpha=slow(120))
    commit(house.tree, "good")
    async with house.running() as work:
        await until(lambda: has_latency(house, 120))
        house.write(alpha=slow(120) + output("lost", of="alpha", more="  region: mars-north\n"))
        commit(house.tree, "bad")
        await until(lambda: bool(work.passes) and work.passes[-1].has_failed)

        git(house.tree, "revert", "--no-edit", "HEAD")
        await until(lambda: not work.passes[-1].has_failed)
        writes = house.writes
        await work.passed(3)

    assert house.writes == writes
    assert await house.names() == {"alpha": ["cdn", "tower"]}


async def test_what_a_bad_revision_deleted_comes_back(house: House) -> None:
    """A flow that a commit removed, too late noticed, is made again by the revert; the others never knew."""
    names = ("alpha", "bravo", "charlie", "delta", "echo")
    git(house.tree, "init", "-q")
    house.write(**flows(names))
    commit(house.tree, "five")
    async with house.running() as work:
        await until(lambda: has(house, names))
        await work.passed()
        ids = await house.ids()
        git(house.tree, "rm", "-q", "alpha.yaml")
        commit(house.tree, "four")
        await until(lambda: has(house, names[1:]))

        git(house.tree, "revert", "--no-edit", "HEAD")
        await until(lambda: has(house, names))
        await work.passed()

    kept = {key: id_ for key, id_ in (await house.ids()).items() if not key.startswith("alpha")}
    assert kept == {key: id_ for key, id_ in ids.items() if not key.startswith("alpha")}
    assert not await house.differs()


async def has_latency(house: House, latency: int) -> bool:
    """Return whether the output has this latency."""
    return "alpha" in await house.flows() and (await house.latencies()).get("alpha/tower") == latency


async def has(house: House, names: tuple[str, ...]) -> bool:
    """Return whether these flows are there with their outputs, and no other."""
    return await house.names() == {name: ["cdn", "tower"] for name in sorted(names)}
