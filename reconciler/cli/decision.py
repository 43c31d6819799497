"""Everything about one resource: what the manifests say now, what the journal says was decided, and what follows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from reconciler.domain.findings import Finding, Position, Severity
from reconciler.domain.model import Care, Key, ResourceKind, key_of
from reconciler.domain.moves import key_before, key_now, moved_names
from reconciler.domain.policies import Approval, Override, Policies
from reconciler.domain.safety.releases import is_whole
from reconciler.domain.timetable import Labels, is_about
from reconciler.ports.journal import History, Noted, Settled, Written

if TYPE_CHECKING:
    from reconciler.ports.source import Snapshot, Verdict

BLOCKED: Final = "change.blocked"
WAITING: Final = "change.waiting"
FAILED: Final = "change.failed"
SKIPPED: Final = "change.skipped"
READY: Final = "resource.ready"
UNREAD: Final = "pass.failed"
"""Of a pass that could not read the backend, and so sent nothing."""
_DECIDING: Final = (BLOCKED, WAITING, FAILED, SKIPPED, READY)
RELEASES: Final = ("approval.used", "override.used")


class Standing(StrEnum):
    """How a resource stands, as far as can be told without asking a backend."""

    BLOCKED = "held back"
    WAITING = "waiting"
    FAILED = "failed"
    SKIPPED = "not sent yet"
    OPEN = "outcome not known"
    IN_STEP = "in step"
    QUIET = "in step at the last pass, if that knew this manifest"
    UNREAD = "not known, for the last pass could not read the backend"
    NOT_SEEN = "not known, for no pass was written down"


@dataclass(frozen=True, slots=True, kw_only=True)
class InTree:
    """What the manifests say of a resource now."""

    trouble: str = ""
    """Why they could not be looked at; "" when they were."""
    revision: str = ""
    places: tuple[Position, ...] = ()
    """Where it is described: none when no manifest names it, two when two do."""
    findings: tuple[Finding, ...] = ()
    """Of the resource itself."""
    errors: int = 0
    """Of the whole tree: with any, nothing is changed."""
    care: Care = field(default_factory=Care)
    labels: Labels | None = None
    """None where no manifest is left to say them."""
    policies: Policies = field(default_factory=Policies)
    """Only what is about the resource."""
    called_now: str = ""
    """Its address of now, where a move gave it or its flow another name; else ""."""
    called_before: str = ""
    """Its address before such a move; else ""."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InJournal:
    """What the journal says of a resource."""

    trouble: str = ""
    """Why it could not be read, or that there is none; "" when it was read."""
    decided: Noted | None = None
    """The last decision about it."""
    released: Noted | None = None
    """The last time that an approval or an override let something of it happen."""
    learnt: Noted | None = None
    """The last edit that the backend refused while it was live."""
    last_call: Written | None = None
    open_calls: tuple[Written, ...] = ()
    """Those whose outcome is not known, the oldest first."""
    tree: Noted | None = None
    """The last revision that a pass saw, accepted or refused."""
    last_pass: Noted | None = None
    """Finished or failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Both, and what follows."""

    resource: str
    tree: InTree
    journal: InJournal
    is_held: bool
    """Whether a `run` or a `relay` is at work on the state directory."""
    now: datetime
    orders: tuple[str, ...] = ()
    """What people have ordered beside git that is about it, in sentences."""
    windows: tuple[str, ...] = ()
    """What the calendars that are about it do now, in sentences; none where no calendar is."""

    @property
    def standing(self) -> Standing:
        """Return how the resource stands by what was said of it last; in step is it only with the manifests of then."""
        said = self._said
        return Standing.QUIET if said is Standing.IN_STEP and not self.is_of_these_files else said

    @property
    def is_of_these_files(self) -> bool:
        """Return whether the journal's last word was about the manifests as they are now, as far as both say."""
        notes = (self.journal.decided, self.journal.tree, self.journal.last_pass)
        said = [(noted.at, noted.note.revision) for noted in notes if noted is not None and noted.note.revision]
        if self.journal.last_call is not None:
            said.append((self.journal.last_call.at, self.journal.last_call.intent.revision))
        return not said or self.tree.revision in {"", max(said)[1]}

    @property
    def _said(self) -> Standing:
        call, note = self.journal.last_call, self.journal.decided
        if call is not None and (note is None or call.at > note.at):
            return _OF_CALL[call.settled]
        if note is not None:
            return _OF_NOTE[note.note.kind]
        return self._of_pass

    @property
    def _of_pass(self) -> Standing:
        """Return how a resource stands that no pass had a word about."""
        last = self.journal.last_pass
        if last is None:
            return Standing.NOT_SEEN
        if last.note.kind == UNREAD:
            return Standing.UNREAD
        return Standing.IN_STEP if last.note.revision == self.tree.revision else Standing.QUIET

    @property
    def since(self) -> datetime | None:
        """Return when that was said; None where nothing was, or was of other manifests."""
        if self.standing is Standing.QUIET:
            return None
        said = [item.at for item in (self.journal.last_call, self.journal.decided) if item is not None]
        return max(said, default=None)

    @property
    def hold(self) -> str:
        """Return what holds it back, in the word of the journal; "" where nothing does."""
        note = self.journal.decided
        is_blocked = self.standing is Standing.BLOCKED and note is not None
        return str(note.note.fields.get("hold", "")) if is_blocked and note is not None else ""

    @property
    def release(self) -> str | None:
        """Return the one command that releases it, as whoever held it back said it; None where no command does."""
        note = self.journal.decided
        command = "" if not self.hold or note is None else str(note.note.fields.get("release", ""))
        return command if is_whole(command) else None

    @property
    def next_in_s(self) -> float | None:
        """Return how long after the last pass that was written down the next one was due; None where nobody said."""
        last = self.journal.last_pass
        said = None if last is None else last.note.fields.get("next_in_s")
        return None if isinstance(said, str | None) else float(said)

    @property
    def next_try(self) -> datetime | None:
        """Return when the next pass is due; None where nobody said."""
        last, next_in_s = self.journal.last_pass, self.next_in_s
        return None if last is None or next_in_s is None else last.at + timedelta(seconds=next_in_s)


_OF_CALL: Final = {
    Settled.DONE: Standing.IN_STEP,
    Settled.REFUSED: Standing.FAILED,
    Settled.UNKNOWN: Standing.OPEN,
    None: Standing.OPEN,
}
_OF_NOTE: Final = {
    BLOCKED: Standing.BLOCKED,
    WAITING: Standing.WAITING,
    FAILED: Standing.FAILED,
    SKIPPED: Standing.SKIPPED,
    READY: Standing.IN_STEP,
}


def in_tree(resource: str, snapshot: "Snapshot", verdict: "Verdict", places: Sequence[Position]) -> InTree:
    """Return what a tree says of a resource."""
    cares = {str(flow.key): flow.care for flow in verdict.sound.flows}
    cares |= {str(output.key): output.care for output in verdict.sound.outputs}
    key, care = key_of(resource), cares.get(resource)
    moved = moved_names(verdict.policies.moves)
    now, before = (resource, resource) if key is None else (str(key_now(key, moved)), str(key_before(key, moved)))
    return InTree(
        revision=snapshot.revision,
        places=tuple(places),
        findings=tuple(finding for finding in verdict.findings if finding.resource == resource),
        errors=sum(finding.weight is Severity.ERROR for finding in verdict.findings),
        care=care or Care(),
        labels=None if care is None else care.labels,
        policies=Policies() if key is None else _about(verdict.policies, key, None if care is None else care.labels),
        called_now=now if now != resource else "",
        called_before=before if before != resource else "",
    )


def in_journal(resource: str, history: History) -> InJournal:
    """
    Return what a journal says of a resource.

    Raises:
        EnvironmentFailedError: it cannot be read.

    """
    return InJournal(
        decided=_newest(history, _DECIDING, resource),
        released=_newest(history, RELEASES, resource),
        learnt=_newest(history, ("fields.learnt",), resource),
        last_call=next(iter(history.calls(resource=resource, limit=1)), None),
        open_calls=tuple(call for call in history.unsettled() if call.intent.resource == resource),
        tree=_newest(history, ("tree.accepted", "tree.refused")),
        last_pass=_newest(history, ("pass.finished", UNREAD)),
    )


def knows(history: History, resource: str) -> bool:
    """Return whether a journal has a word about a resource."""
    return bool(history.calls(resource=resource, limit=1) or history.notes(resource=resource, limit=1))


def named_in(history: History, *, limit: int = 1000) -> frozenset[str]:
    """Return the resources that the newest so many calls and notes are about."""
    calls = (call.intent.resource for call in history.calls(limit=limit))
    notes = (noted.note.resource for noted in history.notes(limit=limit))
    return frozenset((*calls, *notes)) - {""}


def _newest(history: History, kinds: Sequence[str], resource: str = "") -> Noted | None:
    found = [noted for kind in kinds for noted in history.notes(resource=resource, kind=kind, limit=1)]
    return max(found, key=lambda noted: noted.number, default=None)


def _about(policies: Policies, key: Key, labels: Labels | None) -> Policies:
    """Return the policies that are about a resource; its labels are None where no manifest is left to say them."""
    named = {key, key.flow_key}
    return Policies(
        approvals=tuple(each for each in policies.approvals if each.resource == key),
        overrides=tuple(each for each in policies.overrides if _covers(each, key)),
        calendars=tuple(each for each in policies.calendars if is_about(each, key, labels)),
        moves=tuple(each for each in policies.moves if named & {each.before, each.now}),
    )


def _covers(override: Override, key: Key) -> bool:
    return override.of.holds(key) if isinstance(override.of, ResourceKind) else override.of == key


def is_over(policy: Approval | Override, now: datetime) -> bool:
    """Return whether a release has expired."""
    return policy.expires <= now
