"""
Trials: an output that was changed on air has to be on air again, or is put back to what it was before, once.

The time of a trial goes by only while the flow's source is on air: what is dark because nobody publishes is no fault of
a change. Trials are kept beside the orders, so that whoever starts after the death of this process goes on with them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import structlog

from reconciler.domain.changes import Action, Change, Delete, Edit, Sequence, calls_of
from reconciler.domain.conditions import generation_of
from reconciler.domain.model import Flow, FlowState, FoundFlow, FoundOutput, Key, Output, OutputKey
from reconciler.domain.order_words import BY_ITSELF
from reconciler.domain.orders import Given, Pin, Trial
from reconciler.domain.safety.on_air import End, Sample
from reconciler.engine.apply import Outcome, Result
from reconciler.engine.guard.facts import Facts, Mode
from reconciler.engine.guard.sampling import Sampler
from reconciler.engine.pinning import manifest_of, needed_by
from reconciler.engine.steps import Latest
from reconciler.engine.world import World
from reconciler.ports.journal import Note

log: Final = structlog.get_logger()

PROOF_S: Final = 10.0
"""How long an output has to be on air to have passed: a bitrate is a mean of some seconds, and tells of the past."""
GAP_S: Final = 15.0
"""Longest between two looks that count as one stretch of time: what was in between longer ago nobody knows."""
_ENDS: Final = frozenset({Result.FAILED, Result.SKIPPED, Result.BLOCKED})


@dataclass(slots=True)
class _Course:
    """How one trial has gone so far, in this process."""

    spent_s: float = 0.0
    """Seconds in which the source was on air and the output was not."""
    looked_at_s: float | None = None
    """When it was last seen so."""
    on_since_s: float | None = None
    """Since when every look has shown it on air; None where the last did not."""


class Trials:
    """Begins trials, looks at them, and ends them."""

    def __init__(self, world: World, again: Callable[[], None]) -> None:
        """
        Prepare; what was on trial when the process before ended is on trial again.

        Args:
            world: the ports.
            again: asks for a pass at once, when something is to be put back.

        """
        self._world = world
        self._again = again
        self._courses: dict[Key, _Course] = {}
        self._sampler = Sampler(world.backend, world.clock, world.guard.limits)

    @property
    def keys(self) -> tuple[Key, ...]:
        """Return what is on trial."""
        return tuple(trial.resource for trial in self._world.guard.orders.read().trials)

    async def begin(self, change: Change) -> None:
        """Put on trial what a change is about to touch and is on air; asked right before its first call is sent."""
        facts = self._world.guard.facts
        flow = facts.flow_of(change)
        is_idle = flow is None or flow.state is FlowState.IDLE
        touched = {} if facts.mode is not Mode.LOOP or is_idle else _touched(change)
        if not touched or flow is None or self._world.guard.orders.read().halt is not None:
            return
        sample = await self._sampler.glimpse(flow)
        for key, found in touched.items():
            end = None if sample is None else sample.ends.get(found.id)
            if end is not None and end.carries(self._world.guard.limits):
                self._world.guard.orders.give(self._trial(key, facts))

    def ended(self, outcome: Outcome) -> None:
        """Learn what became of a change: what was not made is not on trial."""
        if outcome.result in _ENDS:
            for key in _touched(outcome.change):
                self._world.guard.orders.lift(Trial, key)

    def look(self, flow: FoundFlow, sample: Sample) -> None:
        """Judge what of a flow is on trial by a sample from now."""
        facts = self._world.guard.facts
        for trial in self._world.guard.orders.read().trials:
            if isinstance(trial.resource, OutputKey):
                here = [end for live, end in facts.live_of(trial.resource) if live.id == flow.id]
                if len(here) == 1:
                    self._judge(trial, here[0], sample)

    def sweep(self) -> None:
        """End the trials of what is wanted otherwise by now, or stands still, or is gone."""
        facts = self._world.guard.facts
        for trial in self._world.guard.orders.read().trials:
            wanted = facts.wanted(trial.resource)
            if wanted is None or generation_of(wanted) != trial.against or not facts.is_to_run(trial.resource):
                self._end(trial)
        known = set(self.keys)
        self._courses = {key: course for key, course in self._courses.items() if key in known}

    def _judge(self, trial: Trial, found: FoundOutput, sample: Sample) -> None:
        limits, course = self._world.guard.limits, self._courses.setdefault(trial.resource, _Course())
        end = sample.ends.get(found.id)
        if end is not None and end.carries(limits):
            course.looked_at_s = None
            course.on_since_s = sample.at_s if course.on_since_s is None else course.on_since_s
            if sample.at_s - course.on_since_s >= PROOF_S:
                self._passed(trial, f"it is on air again, and was not for {course.spent_s:.0f} s")
            return
        course.on_since_s = None
        if end is None or not _source(sample.ends.values()).carries(limits):
            course.looked_at_s = None
            return
        if course.looked_at_s is not None and sample.at_s - course.looked_at_s <= GAP_S:
            course.spent_s += sample.at_s - course.looked_at_s
        course.looked_at_s = sample.at_s
        if course.spent_s >= limits.trial_s:
            self._put_back(trial)

    def _put_back(self, trial: Trial) -> None:
        """Have the spec before stand until the manifest is another one; where nobody remembers it, say just that."""
        deadline_s = self._world.guard.limits.trial_s
        dark = f"it was on air, and was not for {deadline_s:g} s after it was changed, although its source was"
        self._end(trial)
        if not trial.manifest:
            self._failed(trial, f"{dark}; nobody remembers what it was before, so it stays as it is")
            return
        before = f"as revision {trial.revision[:12]} has it"
        given = Given(author=BY_ITSELF, reason=dark, at=self._world.clock.now(), until=None)
        pin = Pin(
            resource=trial.resource,
            revision=trial.revision,
            manifest=trial.manifest,
            against=trial.against,
            given=given,
        )
        self._world.guard.orders.give(pin)
        self._failed(trial, f"{dark}; it is put back {before} until its manifest is another one")
        self._again()

    def _end(self, trial: Trial) -> None:
        self._world.guard.orders.lift(Trial, trial.resource)
        self._courses.pop(trial.resource, None)

    def _passed(self, trial: Trial, why: str) -> None:
        self._end(trial)
        log.info("trial.passed", resource=str(trial.resource), why=why, revision=self._world.guard.facts.revision)
        self._note("trial.passed", trial, why)

    def _failed(self, trial: Trial, why: str) -> None:
        log.warning("trial.failed", resource=str(trial.resource), why=why, revision=self._world.guard.facts.revision)
        self._note("trial.failed", trial, why)

    def _note(self, kind: str, trial: Trial, why: str) -> None:
        facts = self._world.guard.facts
        note = Note(kind=kind, resource=str(trial.resource), why=why, pass_id=facts.pass_id, revision=facts.revision)
        self._world.journal.note(note)

    def _trial(self, key: OutputKey, facts: Facts) -> Trial:
        wanted, before = facts.wanted(key), self._world.guard.before(key)
        reason = f"it was on air when it was changed, and has {self._world.guard.limits.trial_s:g} s to be so again"
        return Trial(
            resource=key,
            against="" if wanted is None else generation_of(wanted),
            revision="" if before is None else before.revision,
            manifest="" if before is None else self._text(before, facts),
            given=Given(author=BY_ITSELF, reason=reason, at=self._world.clock.now(), until=None),
        )

    def _text(self, before: Latest, facts: Facts) -> str:
        """Return the manifests of an output as it was, with the flows that it needs to be read."""
        output = before.resource
        if not isinstance(output, Output):
            return ""
        flows = [flow for key in needed_by(output) if (flow := self._flow(key, facts)) is not None]
        return manifest_of(output, flows, self._world.writer)

    def _flow(self, key: Key, facts: Facts) -> Flow | None:
        before = self._world.guard.before(key)
        found = facts.wanted(key) if before is None else before.resource
        return found if isinstance(found, Flow) else None


def _touched(change: Change) -> dict[OutputKey, FoundOutput]:
    """Return the outputs that a change edits or makes anew, as they were found."""
    touched: dict[OutputKey, FoundOutput] = {}
    # What is made anew beside the old one proves itself before that goes.
    is_recreate = isinstance(change, Sequence) and change.action is Action.RECREATE and change.twin is None
    for call in calls_of(change):
        match call:
            case Edit(key=OutputKey() as key, found=FoundOutput() as found) if not call.only_marks:
                touched[key] = found
            case Delete(key=OutputKey() as key, found=FoundOutput() as found) if is_recreate:
                touched[key] = found
            case _:
                pass
    return touched


def _source(ends: Iterable[End]) -> End:
    return next(
        (end for end in ends if end.is_input),
        End(is_input=True, is_connected=False, bitrate_bps=0, is_idle=True),
    )
