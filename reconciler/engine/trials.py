"""
Trials: an output that was changed on air has to be on air again, or is put back to what it was before, once.

The time of a trial goes by only while the flow's source is on air: what is dark because nobody publishes is no fault of
a change. Trials are kept beside the orders, so that whoever starts after the death of this process goes on with them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from reconciler.domain.changes import Action, Change, Delete, Edit, Sequence, calls_of
from reconciler.domain.conditions import generation_of
from reconciler.domain.errors import EnvironmentFailedError
from reconciler.domain.model import Desired, Flow, FlowState, FoundFlow, FoundOutput, Key, Output, OutputKey
from reconciler.domain.moves import key_before, moved_names
from reconciler.domain.order_words import BY_ITSELF
from reconciler.domain.orders import Given, Pin, Trial
from reconciler.domain.safety.on_air import End, Sample
from reconciler.engine.apply import Outcome, Result
from reconciler.engine.guard.facts import Facts, Mode
from reconciler.engine.guard.sampling import Sampler
from reconciler.engine.pinning import is_over, manifest_of, needed_by
from reconciler.engine.world import World
from reconciler.ports.journal import Note

log: Final = structlog.get_logger()

PROOF_S: Final = 10.0
"""How long an output has to be on air to have passed: a bitrate is a mean of some seconds, and tells of the past."""
LONGEST: Final = timedelta(days=1)
"""After so long without a source nobody asks any more whether a change was the cause."""
GAP_S: Final = 30.0
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
    was_found: bool = False
    """Whether a look has found its end."""
    is_over: bool = False
    """Whether it has passed or failed: where a disk takes no write, the trial stands there still."""


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
        self._carrying: dict[int, list[OutputKey]] = {}
        """What was on air of what a change touches, by the identity of the change, until it is sent or not."""
        self._under_way: set[Key] = set()
        """What is being changed right now: what a look shows of it is of before."""
        self._troubles: set[str] = set()
        self._sampler = Sampler(world.backend, world.clock, world.guard.limits)

    @property
    def keys(self) -> tuple[Key, ...]:
        """Return what is on trial."""
        return tuple(trial.resource for trial in self._read())

    @property
    def wants_reading(self) -> bool:
        """Return whether something on trial was not found since it was changed: what was made anew has another id."""
        return any(key not in self._courses or not self._courses[key].was_found for key in self.keys)

    async def prepare(self, change: Change) -> None:
        """Look whether a change would touch what is on air; done before it is asked whether it may be sent."""
        facts = self._world.guard.facts
        flow = facts.flow_of(change)
        self._carrying.pop(id(change), None)
        if facts.mode is not Mode.LOOP or flow is None or flow.state is FlowState.IDLE:
            return
        if not (touched := _touched(change)):
            return
        sample = await self._sampler.glimpse(flow)
        ends = {} if sample is None else sample.ends
        limits = self._world.guard.limits
        on_air = [key for key, found in touched.items() if found.id in ends and ends[found.id].carries(limits)]
        if on_air:
            self._carrying[id(change)] = on_air

    def begin(self, change: Change) -> None:
        """Put on trial what a change touches and is on air, right before its first call is sent."""
        facts = self._world.guard.facts
        pinned = {pin.resource for pin in self._world.guard.ordered(facts.policies).pins}
        for key in self._carrying.pop(id(change), ()):
            # What somebody rolled back is kept so by his order: nothing takes its place.
            if key not in pinned and self._keep(self._trial(key, facts)):
                self._under_way.add(key)

    def ended(self, outcome: Outcome) -> None:
        """Learn what became of a change: from now on the looks count; what surely was not made is not on trial."""
        is_made = outcome.result not in _ENDS or outcome.may_be_done or bool(outcome.request_ids)
        for key in _touched(outcome.change):
            self._under_way.discard(key)
            self._courses.pop(key, None)
            if not is_made:
                self._lift(Trial, key)
        self._carrying.pop(id(outcome.change), None)

    def look(self, flow: FoundFlow, sample: Sample) -> None:
        """Judge what of a flow is on trial by a sample from now."""
        facts = self._world.guard.facts
        if facts.mode is not Mode.LOOP:
            return
        for trial in self._read():
            if isinstance(trial.resource, OutputKey) and trial.resource not in self._under_way:
                here = [end for live, end in facts.live_of(trial.resource) if live.id == flow.id]
                if len(here) == 1:
                    self._judge(trial, here[0], sample)

    def sweep(self, desired: Desired) -> None:
        """End the trials of what is wanted otherwise by now, or stands still, and what was put back for those."""
        facts = self._world.guard.facts
        if facts.mode is not Mode.LOOP:
            return
        for trial in self._read():
            wanted = facts.wanted(trial.resource)
            if wanted is None or generation_of(wanted) != trial.against or not facts.is_to_run(trial.resource):
                self._end(trial)
        for pin in self._world.guard.ordered(facts.policies).pins:
            if pin.given.author == BY_ITSELF and is_over(pin, desired):
                # Else it would stand again when its generation comes back, which somebody may try on purpose.
                self._lift(Pin, pin.resource)
        known = set(self.keys)
        self._courses = {key: course for key, course in self._courses.items() if key in known}

    def _read(self) -> tuple[Trial, ...]:
        return self._world.guard.ordered(self._world.guard.facts.policies).trials

    def _judge(self, trial: Trial, found: FoundOutput, sample: Sample) -> None:
        limits, course = self._world.guard.limits, self._courses.setdefault(trial.resource, _Course())
        if course.is_over:
            return
        end = sample.ends.get(found.id)
        course.was_found |= end is not None
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
            self._failed(trial, f"{dark}; there is no other spec that it is known to have had, so it stays as it is")
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
        if not self._keep(pin):
            self._failed(trial, f"{dark}; what it was before cannot be written down, so it stays as it is")
            return
        self._failed(trial, f"{dark}; it is put back {before} until its manifest is another one")
        self._again()

    def _end(self, trial: Trial) -> None:
        self._lift(Trial, trial.resource)
        self._courses.setdefault(trial.resource, _Course()).is_over = True

    def _keep(self, order: Trial | Pin) -> bool:
        """Write an order down; return whether it is there. A full disk costs a trial, and never a pass."""
        try:
            self._world.guard.orders.give(order)
        except EnvironmentFailedError as error:
            self._unkept(error)
            return False
        return True

    def _lift(self, kind: type[Trial] | type[Pin], key: Key) -> None:
        try:
            before = key_before(key, moved_names(self._world.guard.facts.policies.moves))
            for each in dict.fromkeys((key, before)):
                self._world.guard.orders.lift(kind, each)
        except EnvironmentFailedError as error:
            self._unkept(error)

    def _unkept(self, error: EnvironmentFailedError) -> None:
        if str(error) not in self._troubles:
            self._troubles.add(str(error))
            log.warning("trial.unkept", why=str(error))

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
        now = self._world.clock.now()
        # Whoever changed it in the console has it as the manifest says again: that is no other spec to go back to.
        is_other = before is not None and wanted is not None and before.resource.spec != wanted.spec
        output = before.resource if before is not None and is_other else None
        return Trial(
            resource=key,
            against="" if wanted is None else generation_of(wanted),
            revision="" if before is None else before.revision,
            manifest=self._text(output, facts) if isinstance(output, Output) else "",
            given=Given(author=BY_ITSELF, reason=reason, at=now, until=now + LONGEST),
        )

    def _text(self, output: Output, facts: Facts) -> str:
        """Return the manifests of an output as it was, with the flows that it needs to be read."""
        flows = [flow for key in needed_by(output) if isinstance(flow := self._known(key, facts), Flow)]
        return manifest_of(output, flows, self._world.writer)

    def _known(self, key: Key, facts: Facts) -> Flow | Output | None:
        before = self._world.guard.before(key)
        return facts.wanted(key) if before is None else before.resource


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
