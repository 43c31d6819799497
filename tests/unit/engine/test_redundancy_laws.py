"""Laws of redundant outputs: as far as it is up to us, one of them is on air at every instant."""

import asyncio
from dataclasses import replace
from random import Random
from typing import Final

import pytest

from reconciler.domain.impact import EditRules
from reconciler.domain.model import Care, Flow, Output
from reconciler.engine.guard import Guard
from reconciler.engine.guard.facts import Mode
from reconciler.engine.plan import plan_for
from tests.builders import flow, output
from tests.onair.mutants import ForgetsTheLegs
from tests.onair.releases import LONG
from tests.onair.stage import Odds
from tests.onair.story import MakeGuard, Story
from tests.onair.trees import Tree
from tests.onair.virtual import run

SEEDS: Final = range(60)
_STEP_S: Final = 0.05
"""Between two looks of whoever watches both."""


def trees(rng: Random) -> tuple[Tree, Tree]:
    """Return a tree with two legs, in one flow or in two, and the same with both to be edited."""
    places = rng.choice((("news", "news"), ("news", "sport")))
    pair = Care(redundancy_group="pair")
    legs = tuple(
        replace(output(name, of=place), care=pair) for name, place in zip(("tower", "studio"), places, strict=True)
    )
    flows: tuple[Flow, ...] = tuple(flow(name) for name in sorted(set(places)))
    return Tree(flows, legs), Tree(flows, tuple(map(_later, legs)))


def _later(leg: Output) -> Output:
    return replace(leg, spec=output(leg.key.name, of=leg.key.flow, latency_ms=300).spec)


async def _both_edited(seed: int, make_guard: MakeGuard, *, dies: bool) -> tuple[Story, int]:
    """Return the story of two legs that are edited with an approval, and how often nobody saw anything."""
    story = Story(seed, make_guard)
    story.stage.rules = EditRules.LIVE_2023
    story.stage.odds = Odds(status=0, refused=0, lost=0, unread=0)
    before, after = trees(story.rng)
    story.write(before)
    story.set_up()
    story.people.rest()
    for flow_ in story.stage.flows.values():
        for id_ in (f"{flow_.id}-input", *(each.id for each in flow_.outputs)):
            story.stage.end(id_).is_connected, story.stage.end(id_).bps = True, 3_000_000
    story.book.lift_all(now=story.clock.now())
    story.write(after)
    for change in (await plan_for(story.world, story.target(Mode.SHOWN))).changes:
        story.book.approve(change, until=story.clock.now() + LONG)
    dark = [0]
    watching = asyncio.ensure_future(_watch(story, dark))
    if dies:
        story.clock.later(story.rng.uniform(0, 3), lambda: _die(story, after.outputs[1]))
    for _ in range(8):
        await story.a_pass(Mode.LOOP)
        await story.clock.sleep(story.rng.uniform(0.5, 4))
    watching.cancel()
    await asyncio.wait({watching})
    return story, dark[0]


async def _watch(story: Story, dark: list[int]) -> None:
    while True:
        dark[0] += not any(story.stage.carrying(leg.key) for leg in story.tree.outputs)
        await story.clock.sleep(_STEP_S)


def _die(story: Story, leg: Output) -> None:
    for id_ in story.stage.ends_of_output(leg.key):
        story.stage.end(id_).bps = 0


def _latencies(story: Story) -> list[object]:
    outputs = [each for found in story.stage.flows.values() for each in found.outputs]
    return [getattr(each.spec and each.spec.settings, "latency_ms", None) for each in outputs]


@pytest.mark.parametrize("seed", SEEDS)
def test_one_leg_is_on_air_at_every_instant(seed: int) -> None:
    """Both are edited, each connects again after a while of its own, and somebody watches all the time."""
    story, dark = run(_both_edited(seed, Guard, dies=False))

    assert (story.log.violations, dark) == ([], 0)
    assert _latencies(story) == [300, 300]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_leg_is_left_alone_once_the_other_one_has_died(seed: int) -> None:
    """Whenever that is: no write disturbs the one that is left, whoever approved of it."""
    story, _ = run(_both_edited(seed, Guard, dies=True))

    assert story.log.violations == []


def test_whoever_forgets_the_legs_is_seen() -> None:
    """Without the groups, both go at once."""
    dark = [run(_both_edited(seed, ForgetsTheLegs, dies=False))[1] for seed in SEEDS]

    assert any(dark)
