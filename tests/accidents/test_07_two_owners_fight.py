"""
Two owners fight over one object.

argo-cd#22607, kustomize-controller#410, #315: two controllers wrote one object in turn, for hours and without a word.
Here an object belongs to the one owner that its mark names; and of two reconcilers that both call themselves by that
name, each stops after three corrections of one property, and says so.
"""

import shutil
from pathlib import Path

import pytest

from tests.accidents.house import AtWork, House, until
from tests.accidents.manifests import flow, flows, output

pytestmark = pytest.mark.anyio


async def test_two_owners_never_touch_what_is_the_others(house: House, tmp_path: Path) -> None:
    """Both want the same flow, each with another latency: the first keeps it, and the second sends nothing."""
    other = copied(house, tmp_path, latency=333)
    async with house.running(owner="news") as news:
        await news.passed()
        before, writes = await house.everything(), house.writes
        async with house.running(other, owner="sports") as sports:
            await sports.passed(3)
            last = await news.passed(3)
            told = sports.passes[-1]

    assert (house.writes, await house.everything()) == (writes, before)
    assert {str(blocked.hold) for blocked in told.left.blocked} == {"ownership"}
    assert "news" in told.left.blocked[0].why
    assert last.left.unchanged == 3


async def test_a_guest_in_somebodys_flow_is_left_alone(house: House) -> None:
    """One owner's flow holds another's output: neither deletes the other's, and the flow cannot go from under it."""
    await house.applied(**flows(("alpha",)))
    await house.sdk.create_listener((await house.flows())["alpha"], "guest")
    house.remove("alpha")
    house.write(**flows(("bravo",)))
    await house.reconciler("apply", house.tree, "--auto-approve", "--owner", "sports")
    before = await house.everything()

    async with house.running() as work:
        await work.passed(3)

    assert (house.deletes, await house.everything()) == (0, before)


async def test_two_of_one_owner_stop_and_say_who(house: House, tmp_path: Path) -> None:
    """Each puts the latency right, three times in ten minutes at most; then one leaves it, and names the other."""
    other = copied(house, tmp_path, latency=333)
    async with house.running() as one, house.running(other) as two:
        await until(lambda: has_stopped(one) or has_stopped(two))
        await one.passed(3)
        await two.passed(3)
        edits = house.relay.calls["ModifyStreamLinkOutputInfo"]
        (stopped,) = [work for work in (one, two) if has_stopped(work)]

    noted = await house.reconciler("events", "--kind", "change.blocked")
    assert 5 <= edits <= 6
    assert "another reconciler that calls itself 'local'" in stopped.passes[-1].left.blocked[0].why
    assert "srt.latency was put right 3 times within 10 minutes" in noted.out


async def test_a_person_who_insists_is_left_alone_and_the_rest_goes_on(house: House) -> None:
    """What a person sets again and again is corrected three times; another output is corrected all the same."""
    await house.applied(**flows(("alpha",)))
    async with house.running() as work:
        await work.passed()
        for _ in range(4):
            await house.edit_by_hand("alpha", "tower", latency=777)
            await work.passed(2)
        await house.edit_by_hand("alpha", "cdn", latency=555)
        await work.passed(2)

    assert await house.latencies() == {"alpha/tower": 777, "alpha/cdn": 120}
    assert has_stopped(work)


def copied(house: House, tmp_path: Path, *, latency: int) -> Path:
    """Write a tree, and return another one beside it in which one output has another latency."""
    house.write(**flows(("alpha",)))
    other = tmp_path / "other"
    shutil.copytree(house.tree, other)
    text = flow("alpha") + output("tower", of="alpha", latency=latency) + output("cdn", of="alpha")
    (other / "alpha.yaml").write_text(text)
    return other


def has_stopped(work: AtWork) -> bool:
    """Return whether a loop has given up to correct something."""
    return bool(work.passes) and any(str(blocked.hold) == "flip-flop" for blocked in work.passes[-1].left.blocked)
