"""Steps: with what each resource was last in step, so that a change by somebody else is told from a new wish."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from reconciler.domain.changes import Change, Plan, calls_of
from reconciler.domain.conditions import generation_of
from reconciler.domain.model import Desired, DriftMode, Flow, Key, Output, OutputKey, RegionKey
from reconciler.ports.journal import Journal, Step
from reconciler.ports.source import Revision


class Cause(StrEnum):
    """Why what is live is not as a manifest says."""

    MANIFEST = "manifest"
    """The manifest is another one than when it was last in step."""
    DRIFT = "drift"
    """The manifest is the same: somebody else has changed what is live."""
    UNKNOWN = "unknown"
    """Nobody remembers that it ever was in step."""


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
        self._journal = journal
        self._latest: dict[Key, Latest] = {}
        self._written: Mapping[str, str] | None = None

    def learn(self, plan: Plan, desired: Desired, revision: Revision) -> None:
        """Learn from a plan, before anything of it is held back: what it does not speak of is in step."""
        busy = set(_spoken_of(plan))
        wanted = desired.by_key()
        for key in self._latest.keys() - wanted.keys():
            del self._latest[key]
        for key, resource in wanted.items():
            if key not in busy:
                self._in_step(key, resource, revision)

    def done(self, change: Change, desired: Desired, revision: Revision) -> None:
        """Learn that a change of outputs was made; of flows only a reading tells, for they are to be started, too."""
        keys = {call.key for call in calls_of(change) if isinstance(call.key, OutputKey)}
        wanted = desired.by_key()
        for key in keys & wanted.keys():
            self._in_step(key, wanted[key], revision)

    def before(self, key: Key) -> Latest | None:
        """Return a resource as it was last in step; None where nobody remembers."""
        return self._latest.get(key)

    def cause(self, wanted: Flow | Output) -> Cause:
        """Return why what is live is not as this manifest says."""
        before = self.before(wanted.key)
        if before is not None:
            return Cause.DRIFT if _is_same(before.resource, wanted) else Cause.MANIFEST
        known = self._known().get(str(wanted.key))
        if known is None:
            return Cause.UNKNOWN
        return Cause.DRIFT if known == generation_of(wanted) else Cause.MANIFEST

    def keep(self) -> None:
        """Write down what a restart must not forget."""
        news = [one for one in self._latest.values() if not one.is_written and _is_kept(one.resource)]
        steps = [Step(resource=str(one.resource.key), generation=generation_of(one.resource)) for one in news]
        known = self._known()
        if fresh := [step for step in steps if known.get(step.resource) != step.generation]:
            self._journal.keep(fresh)
            self._written = {**known, **{step.resource: step.generation for step in fresh}}
        for one in news:
            one.is_written = True

    def _in_step(self, key: Key, resource: Flow | Output, revision: Revision) -> None:
        latest = self._latest.get(key)
        if latest is None or latest.resource is not resource:
            self._latest[key] = Latest(resource, revision)
        else:
            latest.revision = revision

    def _known(self) -> Mapping[str, str]:
        if self._written is None:
            self._written = {step.resource: step.generation for step in self._journal.steps()}
        return self._written


def _spoken_of(plan: Plan) -> Iterable[Key]:
    """Yield what a plan wants to change, cannot, or does not know enough of."""
    changes = [*plan.changes, *(item.change for item in plan.blocked if item.change is not None)]
    for change in changes:
        yield change.key
        yield from (call.key for call in calls_of(change))
    yield from (item.key for item in plan.blocked if not isinstance(item.key, RegionKey))
    yield from (item.key for item in plan.waiting)
    yield from (item.key for item in plan.failed)


def _is_kept(resource: Flow | Output) -> bool:
    return resource.care.drift is not DriftMode.CORRECT


def _is_same(before: Flow | Output, wanted: Flow | Output) -> bool:
    return before is wanted or (before.live_name, before.spec) == (wanted.live_name, wanted.spec)
