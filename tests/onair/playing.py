"""Playing a history: what happens in it, and how it must end."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.domain.changes import Hold
from reconciler.domain.errors import BackendError
from reconciler.domain.impact import EditRules
from reconciler.domain.model import Output, Srt
from reconciler.engine.apply import Result
from reconciler.engine.guard import Guard
from reconciler.engine.guard.facts import Mode
from reconciler.engine.plan import plan_for
from reconciler.engine.reconcile import PassOutcome
from tests.onair import trees, virtual
from tests.onair.releases import LONG
from tests.onair.stage import Log, Odds
from tests.onair.story import MakeGuard, Story

_MODES: Final = (Mode.LOOP, Mode.LOOP, Mode.ONCE, Mode.SHOWN, Mode.SHOWN, Mode.SAVED, Mode.SAVED)
_FOREVER: Final = 60
"""Passes after which what is not done will never be done."""


@dataclass
class Found:
    """What became of some histories."""

    histories: int = 0
    unsafe: list[str] = field(default_factory=list)
    """Writes that should not have been."""
    undone: list[str] = field(default_factory=list)
    """What was not done although it could have been."""
    counted: Counter[str] = field(default_factory=Counter)

    @property
    def wrong(self) -> list[str]:
        """Return both."""
        return self.unsafe + self.undone

    def add(self, other: "Found") -> None:
        """Count other histories in."""
        self.histories += other.histories
        self.unsafe += other.unsafe
        self.undone += other.undone
        self.counted.update(other.counted)


def play(seeds: Iterable[int], make_guard: MakeGuard = Guard, *, stops: bool = False) -> Found:
    """Return what became of the histories with these seeds; with `stops`, up to the first unsafe one."""
    found = Found()
    for seed in seeds:
        log, undone = virtual.run(_history(seed, make_guard))
        one = Found(
            histories=1,
            unsafe=[f"history {seed}: {each}" for each in log.violations],
            undone=[f"history {seed}: {each}" for each in undone],
            counted=Counter({"writes": log.writes, "off air": log.felt, "approved": log.approved}),
        )
        found.add(one)
        if found.unsafe and stops:
            break
    return found


async def _history(seed: int, make_guard: MakeGuard) -> tuple[Log, list[str]]:
    story = Story(seed, make_guard)
    story.set_up()
    story.people.come(story.rng.choice((0.0, 0.3, 0.7, 1.0, 1.0)))
    life = asyncio.ensure_future(story.people.live())
    try:
        for _ in range(story.rng.choice((1, 2, 3))):
            await _chapter(story)
    finally:
        life.cancel()
        story.people.rest()
        await asyncio.wait({life})
    undone = [] if story.log.violations else await _ending(story)
    return story.log, undone


async def _chapter(story: Story) -> None:
    """Commit something, release something or nearly, and let a reconciler loose on it."""
    rng = story.rng
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        story.write(trees.another(story.tree, rng))
    story.book.draw_limits(rng, now=story.clock.now())
    await _approve(story)
    if rng.random() < 0.3:
        story.restart(keeps_journal=rng.random() < 0.5)
    match rng.choice(_MODES):
        case Mode.LOOP:
            await _loop(story, passes=rng.choice((2, 3, 6)))
        case Mode.SAVED:
            await _saved(story)
        case mode:
            await story.a_pass(mode)


async def _approve(story: Story) -> None:
    if story.rng.random() < 0.7:
        with contextlib.suppress(BackendError):
            plan = await plan_for(story.world, story.target(Mode.SHOWN))
            story.book.draw(plan, story.rng, now=story.clock.now())


async def _loop(story: Story, *, passes: int) -> None:
    for _ in range(passes):
        outcome = await story.a_pass(Mode.LOOP)
        soon_s = outcome.continues_in_s if outcome is not None else None
        await story.clock.sleep(soon_s or story.rng.uniform(1, 10))


async def _saved(story: Story) -> None:
    with contextlib.suppress(BackendError):
        target = story.target(Mode.SAVED)
        plan = await plan_for(story.world, target)
        await story.clock.sleep(story.rng.uniform(0, 8))
        await story.a_pass(Mode.SAVED, plan=plan, target=target)


async def _ending(story: Story) -> list[str]:
    """Return what is wrong with how it ends: what is off air is done, what is on air is not, and approved it is."""
    story.stage.odds = Odds(status=0, refused=0, lost=0, unread=0)
    # Long enough for whoever was disturbed to be back, and for every fight over a property to be forgotten.
    await story.clock.sleep(700)
    story.people.come(0.0)
    story.restart(keeps_journal=False)
    story.book.lift_all(now=story.clock.now())
    outcome = await _until_done(story)
    if outcome is None:
        return ["the manifests were never reached, although nothing was on air"]
    story.people.come(1.0)
    held = {held.key for held in outcome.left.blocked}
    fit = [
        each for each in story.tree.outputs if isinstance(each.spec.settings, Srt) and not each.care.redundancy_group
    ]
    output = next((each for each in fit if not {each.key, each.key.flow_key} & held), None)
    return [] if output is None or story.stage.rules is not EditRules.LIVE_2023 else await _one_edit(story, output)


async def _until_done(story: Story) -> PassOutcome | None:
    """Return the first pass that finds nothing to do but what a person has to see to; None where none does."""
    for _ in range(_FOREVER):
        outcome = await story.a_pass(Mode.LOOP)
        if outcome is not None and not outcome.outcomes and not _unsettled(outcome):
            return outcome
        await story.clock.sleep(12)
    return None


_A_PERSON: Final = {Hold.PROTECTED, Hold.RENAME, Hold.OWNERSHIP}


def _unsettled(outcome: PassOutcome) -> bool:
    left = outcome.left
    return bool(left.waiting or left.failed) or any(held.hold not in _A_PERSON for held in left.blocked)


async def _one_edit(story: Story, output: Output) -> list[str]:
    """Edit one output while it is on air, approve, and edit it again while it alone is off air."""
    for id_ in story.stage.ends_of_output(output.key):
        story.stage.end(id_).bps = 3_000_000
    first = await _edited(story, output, latency_ms=1111)
    if first is not Result.BLOCKED and story.stage.carrying(output.key):
        return [f"an edit of what is on air was {first}, and not blocked"]
    plan = await plan_for(story.world, story.target(Mode.SHOWN))
    change = next((each for each in plan.changes if each.key == output.key), None)
    if change is None:
        return []
    story.book.approve(change, until=story.clock.now() + LONG)
    second = await _result(story, output)
    if second is not Result.DONE:
        return [f"an approved edit was {second}"]
    await story.clock.sleep(20)
    for id_ in story.stage.ends_of_output(output.key):
        story.stage.end(id_).is_connected = False
    third = await _edited(story, output, latency_ms=1222)
    return [] if third is Result.DONE else [f"an edit of what is off air was {third}"]


async def _edited(story: Story, output: Output, *, latency_ms: int) -> Result:
    settings = output.spec.settings
    assert isinstance(settings, Srt)
    wanted = replace(output, spec=replace(output.spec, settings=replace(settings, latency_ms=latency_ms)))
    story.write(story.tree.with_output(wanted))
    return await _result(story, output)


async def _result(story: Story, output: Output) -> Result:
    outcome = await story.a_pass(Mode.SHOWN)
    assert outcome is not None
    if any(held.key == output.key for held in outcome.left.blocked):
        return Result.BLOCKED
    return next((one.result for one in outcome.outcomes if one.change.key == output.key), Result.SKIPPED)
