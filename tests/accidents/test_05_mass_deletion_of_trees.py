"""
Accidental mass deletion, by a tree that is not what it should be.

applicationset#560, argocd-autopilot#494, argo-cd#15058, #18201, #20848, julie#39, #580, safe-settings#310, #339: a
generator that gave nothing, a wrong path, a name clash, an old revision that was run again. Here nothing is deleted
where a tree is empty, or names less than half of what is ours, or asks for more than the budget; and it is said.
"""

import shutil
from pathlib import Path

import pytest

from tests.accidents.house import House, until
from tests.accidents.manifests import flow, flows, output, override
from tests.accidents.repository import commit, git

pytestmark = pytest.mark.anyio

SRT = ", srt: {latency: 120}"
NAMES = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot")


async def refuses(house: House, tree: Path, *, status: int, says: str) -> None:
    """See that neither an apply nor a loop on this tree deletes anything, and that the apply says so."""
    before = await house.everything()

    said = await house.reconciler("apply", tree, "--auto-approve")
    async with house.running(tree) as work:
        await until(lambda: bool(work.passes) or status == 3)
        if status != 3:
            await work.passed(3)

    assert said.status == status, said.everything
    assert says in said.everything
    assert house.deletes == 0
    assert await house.everything() == before


@pytest.mark.parametrize("left", ["nothing", "an empty file", "null documents"])
async def test_a_generator_that_gives_nothing(house: House, left: str) -> None:
    """Not one of twelve outputs goes, nor a flow."""
    await house.applied(**flows(NAMES))
    for path in house.tree.iterdir():
        path.unlink()
    if left != "nothing":
        house.write(generated="" if left == "an empty file" else "---\nnull\n---\n")

    await refuses(house, house.tree, status=4, says="NOTHING IS DELETED, 6 held back: the manifests hold not a single")


async def test_a_wrong_path(house: House, tmp_path: Path) -> None:
    """The folder is another team's, with one flow in it: what it wants is made, and nothing of ours goes."""
    await house.applied(**flows(NAMES))
    other = tmp_path / "other"
    other.mkdir()
    (other / "guest.yaml").write_text(flow("guest").replace("protocol: SRT, ", "protocol: RTMP, ").replace(SRT, ""))

    said = await house.reconciler("apply", other, "--auto-approve")

    assert said.status == 4, said.everything
    assert "the manifests name 0 of our 18 live objects, which is less than half" in said.out
    assert house.deletes == 0
    assert (await house.names()).keys() == {*NAMES, "guest"}


async def test_a_path_that_is_not_there(house: House, tmp_path: Path) -> None:
    """A slip in the path is no empty tree."""
    await house.applied(**flows(NAMES))
    writes = house.writes

    said = await house.reconciler("apply", tmp_path / "manifest", "--auto-approve")

    assert (said.status, house.writes) == (64, writes), said.everything


async def test_two_files_that_claim_one_name(house: House) -> None:
    """The later one is a finding that names the earlier, and nothing is sent."""
    await house.applied(**flows(NAMES))
    house.write(zulu=flow("Alpha", latency=999))

    await refuses(house, house.tree, status=3, says="alpha.yaml")


async def test_two_manifests_that_claim_one_live_object(house: House) -> None:
    """A clash on the account alone: neither becomes the other's."""
    await house.applied(**flows(NAMES))
    house.write(zulu=flow("zulu", latency=999).replace("spec:\n", "spec:\n  liveName: alpha\n"))

    await refuses(house, house.tree, status=3, says="alpha")


async def test_half_the_tree(house: House) -> None:
    """A checkout that stopped in the middle: half of everything is named, and a quarter may go."""
    await house.applied(**flows(NAMES))
    house.remove(*NAMES[3:])

    await refuses(house, house.tree, status=4, says="25% of them is the most that one difference may")


async def test_a_wrong_branch(house: House) -> None:
    """A branch from before most flows is checked out under the loop: what is live stays."""
    git(house.tree, "init", "-q", "-b", "old")
    house.write(**flows(NAMES[:2]))
    commit(house.tree, "two")
    git(house.tree, "checkout", "-q", "-b", "new")
    house.write(**flows(NAMES))
    commit(house.tree, "six")
    async with house.running() as work:
        await until(lambda: has(house, *NAMES))
        await work.passed(1)
        before = await house.everything()

        git(house.tree, "checkout", "-q", "old")
        await work.passed(3)
        last = work.passes[-1]

    assert {str(blocked.hold) for blocked in last.left.blocked} == {"tree"}
    assert (house.deletes, await house.everything()) == (0, before)


async def test_an_old_saved_plan_is_run_again(house: House, tmp_path: Path) -> None:
    """A job of last week is restarted: its plan is stale, and not a call comes of it."""
    await house.applied(**flows(NAMES))
    house.write(alpha=flow("alpha") + output("tower", of="alpha"))
    saved = tmp_path / "plan.json"
    planned = await house.reconciler("plan", house.tree, "--out", saved)
    house.write(alpha=flow("alpha", latency=333) + output("tower", of="alpha", latency=333) + output("cdn", of="alpha"))
    await house.apply()
    before, writes = await house.everything(), house.writes

    said = await house.reconciler("apply", "--plan", saved, "--auto-approve")

    assert planned.status == 0, planned.everything
    assert (said.status, house.writes) == (6, writes), said.everything
    assert await house.everything() == before


async def test_a_tree_that_is_away_for_a_moment(house: House, tmp_path: Path) -> None:
    """A volume is mounted again, a checkout replaces the folder: what is missing for seconds is not deleted."""
    await house.applied(**flows(NAMES))
    async with house.running(times=10) as work:
        await work.passed()
        house.tree.rename(tmp_path / "away")
        house.tree.mkdir()
        house.write(**flows(NAMES[:5]))

        await work.passed()
        shutil.rmtree(house.tree)
        (tmp_path / "away").rename(house.tree)
        await work.passed(2)

    assert house.deletes == 0
    assert not await house.differs()


async def test_a_delete_that_is_meant_needs_two_looks(house: House) -> None:
    """One flow of six is taken out of the tree: it goes, after ten seconds in which nobody took it back."""
    await house.applied(**flows(NAMES))
    async with house.running() as work:
        await work.passed()
        house.remove("alpha")

        first = await work.passed()
        await until(lambda: has(house, *NAMES[1:]))

    assert {str(blocked.hold) for blocked in first.left.blocked} == {"again"}


async def test_what_is_meant_is_said_for_one_thing_alone(house: House) -> None:
    """An override for one flow lets that one go, and is written down; the others stay."""
    await house.applied(**flows(NAMES))
    house.remove(*NAMES[3:])
    house.write(meant=override("budget", of="flow/echo"))

    said = await house.apply()
    noted = await house.reconciler("events", "--kind", "override.used")

    assert said.status == 4, said.everything
    assert (await house.names()).keys() == {*NAMES} - {"echo"}
    assert "the cup is over" in noted.out
    assert noted.out.count("override.used") == 1


async def has(house: House, *names: str) -> bool:
    """Return whether these flows are there, and no other."""
    return (await house.names()).keys() == set(names)
