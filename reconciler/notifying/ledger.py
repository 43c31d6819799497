"""The desk of a sink for people: what is wrong, what they know of it, and what they are to be told. Pure."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from reconciler.domain.conditions import Aspect, Reason, Standing, Transition
from reconciler.notifying.entries import KEPT, Entry, document, entry_of
from reconciler.notifying.judging import DARK, MOST_TEXT, Problem, Verdict, judge
from reconciler.notifying.notices import (
    BACKEND,
    GONE,
    MANIFESTS,
    RESOLVED_WORD,
    About,
    Grade,
    Item,
    Message,
    Word,
    cut,
    message_of,
)
from reconciler.ports.notifier import Bulletin, Stage

ACCEPTED: Final = "Accepted"
APPLIED: Final = "Applied"
READABLE: Final = "Readable"
_WHOLE: Final = frozenset({MANIFESTS, BACKEND})
"""What is no resource, and never gone."""
_ABOUT: Final = "about"
_NEWS: Final = "news"
_ON_AIR: Final = "on air: "
"""What a key begins with that stands for a resource which has been on air."""
_MOST_FINDINGS: Final = 3


class Ledger:
    """
    Implements `Desk` for people: every problem that is told is told to be over exactly once.

    It keeps one entry for each subject, and no queue: what is to be said is the difference between what is true and
    what is known. So what a sink missed while it was down is one message when it is back, of what still matters.
    """

    def __init__(self, name: str, *, account: str, wanted: Collection[str], damp: timedelta) -> None:
        """
        Open a ledger.

        Args:
            name: of the sink.
            account: whose objects these are.
            wanted: grades, and `resolved`, that the sink is told.
            damp: how long a warning must have been one before it is told.

        """
        self._name = name
        self._wanted = frozenset(wanted)
        self._damp = damp
        self._about = About(account=account)
        self._entries: dict[str, Entry] = {}
        self._news: Item | None = None
        self._on_air: set[str] = set()
        """Resources that have been on air since their flow was last started."""
        self._dirty: set[str] = set()
        self._before: dict[str, Entry] = {}
        """Of what is being told right now: the entries as they were."""

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Go on with what an earlier process had to remember; what cannot be read is left out."""
        for key, found in kept.items():
            with suppress(KeyError, TypeError, ValueError):
                if key.startswith(_ON_AIR):
                    self._on_air.add(key.removeprefix(_ON_AIR))
                elif key == _ABOUT:
                    self._about = About(**{**found, "account": self._about.account})
                elif key == _NEWS:
                    self._news = replace(_news("", 0, datetime.fromisoformat(found["since"])), text=str(found["text"]))
                else:
                    self._entries[key] = entry_of(found)

    def take(self, bulletin: Bulletin) -> None:
        """Take note of what changed."""
        self._describe(bulletin)
        for transition in bulletin.transitions:
            self._follow_air(transition)
            verdict = judge(transition, was_on_air=transition.resource in self._on_air)
            if verdict is not None:
                self._set(transition.resource, str(transition.aspect), verdict, bulletin.at)
        self._take_manifests(bulletin)
        self._take_backend(bulletin)
        if bulletin.resources is not None:
            self._forget_others(bulletin.resources, bulletin.at)

    def draft(self, now: datetime) -> Message | None:
        """Return what is to be told now; None where nothing is."""
        self._settle(now)
        pending = list(self._pending())
        if not any(due <= now for _, due in pending):
            return None
        # Whoever is told anyway is told everything: a second message a minute later is worse.
        return message_of((item for item, _ in pending), self._about, to=self._name)

    def due_at(self) -> datetime | None:
        """Return when there will be something to tell if nothing else happens; None for never."""
        dues = [entry.due() for entry in self._entries.values() if self._wants_of(entry)]
        if self._news is not None:
            dues.append(self._news.since)
        return min((due for due in dues if due is not None), default=None)

    def trying(self, draft: Message) -> None:
        """Take note that it is about to be told: from now on nobody knows whether it was."""
        self._before = {key: self._entries[key] for key in map(_key, draft.items) if key in self._entries}
        for item in draft.items:
            self._say(item, surely=False)

    def told(self, draft: Message, now: datetime) -> None:
        """Take note that it was."""
        for item in draft.items:
            self._say(item, surely=True)
        self._settle(now)

    def failed(self, draft: Message, *, maybe: bool) -> None:
        """Take note that it was not; `maybe` where nobody knows. It is tried again."""
        del draft
        if not maybe:
            for key, entry in self._before.items():
                self._put(key, entry)

    def give_up(self, draft: Message) -> int:
        """Take note that it is never to be told; return how many things that are."""
        for item in draft.items:
            self._give_up(item)
        return len(draft.items)

    def expire(self, now: datetime) -> int:
        """Give up what could not be told for too long; return how many things that are."""
        late = [item for item, due in self._pending() if due <= now - KEPT]
        for item in late:
            self._give_up(item)
        return len(late)

    def changed(self) -> Iterable[tuple[str, Any]]:
        """Return what is to be remembered and was not handed out yet, by key; None for what is to be forgotten."""
        dirty, self._dirty = self._dirty, set()
        for key in sorted(dirty):
            yield key, self._kept(key)

    def _kept(self, key: str) -> Any:
        if key == _ABOUT:
            about = self._about
            return {"source": about.source, "backend": about.backend, "revision": about.revision}
        if key == _NEWS:
            return self._news and {"text": self._news.text, "since": self._news.since.isoformat()}
        if key.startswith(_ON_AIR):
            return True if key.removeprefix(_ON_AIR) in self._on_air else None
        entry = self._entries.get(key)
        return None if entry is None or entry.is_idle else document(entry)

    def _follow_air(self, transition: Transition) -> None:
        """Remember what is on air, until its flow is stopped: what waits for its first picture is not cut."""
        if transition.aspect is not Aspect.ON_AIR:
            return
        before, after = transition.before, transition.after
        is_ended = after.standing is Standing.FALSE and after.reason not in DARK
        if is_ended:
            self._note_air({transition.resource}, is_on=False)
        elif after.standing is Standing.TRUE or (before is not None and before.standing is Standing.TRUE):
            self._note_air({transition.resource}, is_on=True)

    def _note_air(self, resources: Collection[str], *, is_on: bool) -> None:
        others = set(resources) - self._on_air if is_on else self._on_air & set(resources)
        self._on_air ^= others
        self._dirty |= {_ON_AIR + each for each in others}

    def _describe(self, bulletin: Bulletin) -> None:
        about = replace(
            self._about,
            source=bulletin.source,
            backend=bulletin.backend,
            revision=bulletin.revision,
            pass_id=bulletin.pass_id,
        )
        if replace(about, pass_id="") != replace(self._about, pass_id=""):
            self._dirty.add(_ABOUT)
        self._about = about

    def _take_manifests(self, bulletin: Bulletin) -> None:
        """Of the manifests as a whole: whether the newest are refused, and whether something was done for them."""
        if bulletin.stage is Stage.REFUSED:
            shown = "; ".join(bulletin.findings[:_MOST_FINDINGS])
            more = len(bulletin.findings) - _MOST_FINDINGS
            text = cut(f"revision {bulletin.revision}: {shown}{f'; and {more} more' if more > 0 else ''}", 1000)
            # Each revision that is refused is a problem of its own.
            problem = Problem(grade=Grade.WARNING, reason="Refused", text=text, since=bulletin.at, of=bulletin.revision)
            self._set(MANIFESTS, ACCEPTED, Verdict(problem=problem), bulletin.at)
        elif bulletin.seen in {"", bulletin.revision}:
            self._set(MANIFESTS, ACCEPTED, Verdict(problem=None, text=f"revision {bulletin.revision}"), bulletin.at)
        if bulletin.stage is Stage.APPLIED and bulletin.done and Grade.INFO in self._wanted:
            self._news = _news(bulletin.revision, bulletin.done, bulletin.at)
            self._dirty.add(_NEWS)

    def _take_backend(self, bulletin: Bulletin) -> None:
        """Of the backend as a whole: whether the pass could read it."""
        if bulletin.unreadable:
            text = cut(bulletin.unreadable, MOST_TEXT)
            problem = Problem(grade=Grade.WARNING, reason=str(Reason.UNREADABLE), text=text, since=bulletin.at)
            self._set(BACKEND, READABLE, Verdict(problem=problem), bulletin.at)
        elif bulletin.pass_id:
            self._set(BACKEND, READABLE, Verdict(problem=None), bulletin.at)

    def _forget_others(self, resources: Collection[str], at: datetime) -> None:
        """Nothing is wrong any more with what is neither wanted nor there."""
        gone = [
            (key, entry)
            for key, entry in self._entries.items()
            if entry.state is not None and entry.resource not in resources and entry.resource not in _WHOLE
        ]
        for key, entry in gone:
            over = entry.after(Verdict(problem=None), at, self._damp)
            self._put(key, replace(over, reason=GONE))
        self._note_air(self._on_air - set(resources), is_on=False)

    def _set(self, resource: str, aspect: str, verdict: Verdict, at: datetime) -> None:
        key = f"{resource} {aspect}"
        entry = self._entries.get(key)
        if entry is None:
            if verdict.problem is None:
                return
            entry = Entry(resource=resource, aspect=aspect, last=verdict.problem, due_at=at, changed_at=at)
        self._put(key, entry.after(verdict, at, self._damp))

    def _put(self, key: str, entry: Entry) -> None:
        if self._entries.get(key) != entry:
            self._entries[key] = entry
            self._dirty.add(key)

    def _settle(self, now: datetime) -> None:
        for key, entry in list(self._entries.items()):
            settled = entry.settled(now)
            if settled.state is None and not settled.is_flapping and RESOLVED_WORD not in self._wanted:
                settled = replace(settled, told=None, tried=None)
            self._put(key, settled)
            if settled.is_idle and not settled.changes:
                del self._entries[key]
                self._dirty.add(key)

    def _pending(self) -> Iterable[tuple[Item, datetime]]:
        for entry in self._entries.values():
            pending = entry.pending()
            if pending is not None and self._wants(pending[0]):
                yield pending
        if self._news is not None:
            yield self._news, self._news.since

    def _wants(self, item: Item) -> bool:
        return item.label in self._wanted

    def _wants_of(self, entry: Entry) -> bool:
        pending = entry.pending()
        return pending is None or self._wants(pending[0])

    def _say(self, item: Item, *, surely: bool) -> None:
        if item.word is Word.NEWS:
            if surely:
                self._news = None
                self._dirty.add(_NEWS)
            return
        key = _key(item)
        self._put(key, self._entries[key].said(item, surely=surely))

    def _give_up(self, item: Item) -> None:
        if item.word is Word.NEWS:
            self._say(item, surely=True)
            return
        key = _key(item)
        self._put(key, self._entries[key].given_up(item))


def _key(item: Item) -> str:
    return f"{item.resource} {item.aspect}"


def _news(revision: str, done: int, at: datetime) -> Item:
    made = "1 change was made" if done == 1 else f"{done} changes were made"
    return Item(
        resource=MANIFESTS,
        aspect=APPLIED,
        word=Word.NEWS,
        grade=Grade.INFO,
        reason="",
        text=f"revision {revision}: {made}",
        since=at,
        at=at,
    )
