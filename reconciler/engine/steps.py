"""Steps: with what each resource was last in step, so that a change by somebody else is told from a new wish."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from reconciler.domain.changes import Action, Call, Change, Plan, calls_of
from reconciler.domain.conditions import generation_of
from reconciler.domain.model import Desired, DriftMode, Flow, Key, Output, OutputKey, RegionKey, key_of
from reconciler.engine.begun import Begun
from reconciler.ports.journal import Journal, Step
from reconciler.ports.source import Revision


class Cause(StrEnum):
    """Why what is live is not as a manifest says."""

    MANIFEST = "manifest"
    """The manifest is another one than when it was last in step."""
    DRIFT = "drift"
    """The manifest is the same: somebody else has changed what is live."""
    UNKNOWN = "unknown"
    """Nobody remembers that it ever was in step, and its manifest is the one that was there at the first look."""
    OURS = "ours"
    """We have left it so ourselves: what is to be done follows a call of our own that was the last one on it."""


@dataclass(slots=True)
class Latest:
    """A resource as it was last in step."""

    resource: Flow | Output
    revision: Revision
    """Of the manifests that it is of, the newest in which it stood so."""
    is_written: bool = False


class Steps:
    """
    Remembers, as long as the process lives, what each resource was when it was last in step.

    Of resources whose drift is not simply put right, the journal remembers it through restarts: whoever loses that
    does not know a new wish from drift, and leaves such a resource alone until its manifest changes.
    """

    def __init__(self, journal: Journal) -> None:
        self._latest: dict[Key, Latest] = {}
        self._unwritten: set[Key] = set()
        """What may be another one than when all was written down last."""
        self._wanted: AbstractSet[Key] | None = None
        """What the manifests want; None before anything was learnt."""
        self._words = _Words(journal)
        self._begun = Begun(journal)

    def learn(self, plan: Plan, desired: Desired, revision: Revision) -> None:
        """Learn from a plan, before anything of it is held back: what it does not speak of is in step."""
        wanted = desired.by_key
        self._wanted = wanted.keys()
        for key in self._latest.keys() - wanted.keys():
            del self._latest[key]
        self._begun.forget_all_but(self._wanted)
        changing, unplanned = set(_changing(plan)), set(_unplanned(plan))
        others = changing | unplanned | self._begun.keys
        for key, resource in wanted.items():
            latest = self._latest.get(key)
            if not unplanned and latest is not None and latest.resource is resource and key not in others:
                # Nearly all of a large tree, nearly always.
                latest.revision = revision
            elif key in changing:
                self._first_seen(key, resource)
            elif unplanned.isdisjoint((key, key.flow_key)):
                self._in_step(key, resource, revision)

    def sent(self, call: Call, *, is_certain: bool) -> None:
        """Learn that a call was carried out, or may have been."""
        self._begun.sent(call.key, call.action, since=self._due(call.key), is_certain=is_certain)

    def done(self, change: Change, desired: Desired, revision: Revision) -> None:
        """Learn that a change of outputs was made; of flows only a reading tells, for they are to be started, too."""
        keys = {call.key for call in calls_of(change) if isinstance(call.key, OutputKey)}
        wanted = desired.by_key
        for key in keys & wanted.keys():
            self._in_step(key, wanted[key], revision)

    def before(self, key: Key) -> Latest | None:
        """Return a resource as it was last in step; None where nobody remembers."""
        return self._latest.get(key)

    def cause(self, wanted: Flow | Output, change: Change) -> Cause:
        """Return why what is live is not as this manifest says, as far as a change of it goes."""
        cause = self._remembered(wanted)
        if cause is Cause.MANIFEST or (cause is Cause.UNKNOWN and not _is_kept(wanted)):
            return cause
        actions = {call.action for call in calls_of(change) if call.key == wanted.key}
        return Cause.OURS if actions and actions <= self._due(wanted.key) else cause

    def keep(self) -> None:
        """Write down what a restart must not forget."""
        known = (latest for key in self._unwritten if (latest := self._latest.get(key)) is not None)
        news = [latest for latest in known if not latest.is_written and _is_kept(latest.resource)]
        for one in news:
            step = Step(resource=str(one.resource.key), generation=generation_of(one.resource))
            self._words.say(one.resource.key, step)
        if self._wanted is not None:
            self._words.forget_all_but(self._wanted)
        if self._words.write():
            for one in news:
                one.is_written = True
            self._unwritten = set()

    def _remembered(self, wanted: Flow | Output) -> Cause:
        before = self.before(wanted.key)
        if before is not None:
            return Cause.DRIFT if _is_same(before.resource, wanted) else Cause.MANIFEST
        word = self._words.of(wanted.key)
        if word is None:
            return Cause.UNKNOWN
        if word.generation != generation_of(wanted):
            return Cause.MANIFEST
        return Cause.DRIFT if word.is_in_step else Cause.UNKNOWN

    def _due(self, key: Key) -> frozenset[Action]:
        """Return what is still to follow our own calls since a resource was last in step."""
        due = self._begun.due(key)
        if due is not None or key in self._latest:
            return due or frozenset()
        word = self._words.of(key)
        return self._begun.recalled(key, after=word.after if word is not None and word.is_in_step else 0)

    def _in_step(self, key: Key, resource: Flow | Output, revision: Revision) -> None:
        was_sent, latest = self._begun.over(key), self._latest.get(key)
        if latest is not None and latest.resource is resource and not was_sent:
            latest.revision = revision
            return
        # It is written anew after our own calls, for then those are over, also for who starts after this process.
        is_written = latest is not None and latest.is_written and not was_sent and _is_same(latest.resource, resource)
        self._latest[key] = Latest(resource, revision, is_written=is_written)
        self._unwritten.add(key)

    def _first_seen(self, key: Key, resource: Flow | Output) -> None:
        """Remember the manifest of what nobody knows: another one than this is a new wish."""
        if _is_kept(resource) and key not in self._latest and self._words.is_unknown(key):
            self._words.say(key, Step(resource=str(key), generation=generation_of(resource), is_in_step=False))


class _Words:
    """What the journal says of steps, and what is still to be written there."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: dict[Key, Step] = {}
        self._unwritten: dict[Key, Step] = {}
        self._is_read = False

    def of(self, key: Key) -> Step | None:
        """Return the newest word of a resource; None where there is none, or the journal cannot be read now."""
        self._read()
        return self._unwritten.get(key) or self._known.get(key)

    def is_unknown(self, key: Key) -> bool:
        """Return whether there certainly is no word of a resource."""
        return self.of(key) is None and self._is_read

    def say(self, key: Key, step: Step) -> None:
        """Say something new of a resource."""
        self._unwritten[key] = step

    def forget_all_but(self, wanted: AbstractSet[Key]) -> None:
        """Say of what is not wanted any more that no manifest is in step with it: the next one is a new wish."""
        self._read()
        for key in {*self._known, *self._unwritten} - wanted:
            word = self.of(key)
            if word is not None and word.generation:
                self.say(key, Step(resource=str(key), generation=""))

    def write(self) -> bool:
        """Write down what is new; return whether all of it is there now."""
        if self._unwritten and not self._journal.keep(tuple(self._unwritten.values())):
            return False
        self._known |= self._unwritten
        self._unwritten = {}
        return True

    def _read(self) -> None:
        steps = None if self._is_read else self._journal.steps()
        if steps is not None:
            read = {key: step for step in steps if (key := key_of(step.resource)) is not None}
            self._known = read | self._known
            self._is_read = True


def _changing(plan: Plan) -> Iterable[Key]:
    """Yield what a plan wants to change, whether or not it may."""
    changes = [*plan.changes, *(item.change for item in plan.blocked if item.change is not None)]
    for change in changes:
        yield change.key
        yield from (call.key for call in calls_of(change))


def _unplanned(plan: Plan) -> Iterable[Key]:
    """Yield what a plan cannot change, or does not know enough of; of a flow that may be so of all its outputs."""
    yield from (item.key for item in plan.blocked if not isinstance(item.key, RegionKey))
    yield from (item.key for item in plan.waiting)
    yield from (item.key for item in plan.failed)


def _is_kept(resource: Flow | Output) -> bool:
    return resource.care.drift is not DriftMode.CORRECT


def _is_same(before: Flow | Output, wanted: Flow | Output) -> bool:
    return before is wanted or (before.live_name, before.spec) == (wanted.live_name, wanted.spec)
