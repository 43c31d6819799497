"""What a forge is told of a revision, and the desk that decides when. Pure."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from reconciler.domain.findings import fit
from reconciler.domain.markdown import as_code, as_text
from reconciler.notifying.entries import KEPT
from reconciler.notifying.notices import cut, moment
from reconciler.ports.notifier import Bulletin, Held, Stage

MOST_REVISIONS: Final = 1000
"""Revisions that are remembered; the oldest go first."""
MOST_LISTED: Final = 50
"""Held resources, and findings, that a report lists."""
MOST_WORDS: Final = 500
"""Characters of each."""
SOON: Final = timedelta(seconds=10)
"""Between two reports of one revision: passes follow each other faster than people read."""
LATER: Final = timedelta(minutes=20)
"""The same once there were many: GitHub takes 1,000 statuses of a commit and context, and no more."""
MANY: Final = 50
REFRESHED: Final = timedelta(days=1)
"""How long a report that says the same is not written down anew: what is still reported is not forgotten."""
MOST_LIST: Final = 25_000
"""Characters of a list in a comment; GitHub takes 65,536 of a comment."""
COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
"""A revision that a forge knows; that of a directory is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What has become of a revision."""

    revision: str
    """The commit's id."""
    stage: Stage
    at: datetime
    backend: str
    held: tuple[Held, ...] = ()
    more_held: int = 0
    """Held resources that are not among them."""
    findings: tuple[str, ...] = ()
    more_findings: int = 0

    @property
    def mark(self) -> str:
        """Return what tells it from another; a number in a reason, such as a bitrate or an age, is no other reason."""
        held = [f"{each.resource} {re.sub('[0-9]+', '#', each.why)}" for each in self.held]
        said = "\n".join((self.stage, str(self.more_held), *held, "", *self.findings))
        return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """One revision, and what the forge knows of it."""

    report: Report
    told: str = ""
    """The mark of what it was told last."""
    count: int = 0
    """How often it was told."""
    told_at: datetime | None = None

    @property
    def due_at(self) -> datetime | None:
        """Return when it has to be told; None where it knows all."""
        if self.told == self.report.mark:
            return None
        if self.told_at is None:
            return self.report.at
        return self.told_at + (SOON if self.count < MANY else LATER)


class Reports:
    """Implements `Desk` for a forge: of each revision it is told the newest, in the order of the revisions."""

    def __init__(self) -> None:
        self._followed: dict[str, Followed] = {}
        self._dirty: set[str] = set()

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Go on with what an earlier process had to remember; what cannot be read is left out."""
        for revision, found in kept.items():
            with suppress(KeyError, TypeError, ValueError):
                self._followed[revision] = _followed(revision, found)

    def take(self, bulletin: Bulletin) -> None:
        """Take note of what has become of its revision."""
        if not COMMIT.fullmatch(bulletin.revision):
            return
        report = report_of(bulletin)
        known = self._followed.pop(bulletin.revision, None)
        if known is not None and known.report.mark == report.mark and report.at < known.report.at + REFRESHED:
            self._followed[bulletin.revision] = known
            return
        self._put(Followed(report=report) if known is None else replace(known, report=report))
        while len(self._followed) > MOST_REVISIONS:
            self._forget(next(iter(self._followed)))

    def draft(self, now: datetime) -> Report | None:
        """Return what is to be told now; None where nothing is."""
        for each in self._followed.values():
            if each.due_at is not None and each.due_at <= now:
                return each.report
        return None

    def due_at(self) -> datetime | None:
        """Return when there will be something to tell if nothing else happens; None for never."""
        return min((each.due_at for each in self._followed.values() if each.due_at is not None), default=None)

    def trying(self, draft: Report) -> None:
        """Take note of nothing: whatever came of it, telling it again does no harm."""

    def told(self, draft: Report, now: datetime) -> None:
        """Take note that it was told."""
        known = self._followed[draft.revision]
        self._put(replace(known, told=draft.mark, count=known.count + 1, told_at=now))

    def failed(self, draft: Report, *, maybe: bool) -> None:
        """Take note of nothing: it is told again."""

    def give_up(self, draft: Report) -> int:
        """Take note that it is never to be told."""
        self._put(replace(self._followed[draft.revision], told=draft.mark))
        return 1

    def expire(self, now: datetime) -> int:
        """Forget old revisions; return how many of them could not be told."""
        old = [each for each in self._followed.values() if each.report.at <= now - KEPT]
        for each in old:
            self._forget(each.report.revision)
        return sum(each.due_at is not None for each in old)

    def changed(self) -> Iterable[tuple[str, Any]]:
        """Return what is to be remembered and was not handed out yet, by key; None for what is to be forgotten."""
        dirty, self._dirty = self._dirty, set()
        for revision in sorted(dirty):
            known = self._followed.get(revision)
            yield revision, None if known is None else _document(known)

    def _put(self, known: Followed) -> None:
        self._followed[known.report.revision] = known
        self._dirty.add(known.report.revision)

    def _forget(self, revision: str) -> None:
        del self._followed[revision]
        self._dirty.add(revision)


def report_of(bulletin: Bulletin) -> Report:
    """Return what a bulletin says of its revision."""
    # A command that is cut is none.
    held = tuple(replace(each, why=cut(each.why, MOST_WORDS)) for each in bulletin.held[:MOST_LISTED])
    return Report(
        revision=bulletin.revision,
        stage=bulletin.stage,
        at=bulletin.at,
        backend=bulletin.backend,
        held=held,
        more_held=len(bulletin.held) - len(held),
        findings=tuple(cut(each, MOST_WORDS) for each in bulletin.findings[:MOST_LISTED]),
        more_findings=max(0, len(bulletin.findings) - MOST_LISTED),
    )


HEADS: Final[Mapping[Stage, str]] = {
    Stage.PENDING: "Under way",
    Stage.APPLIED: "Applied",
    Stage.BLOCKED: "Applied, but for what is held back",
    Stage.FAILED: "Some of it failed, and is tried again",
    Stage.REFUSED: "Refused: nothing was changed",
}


def description(report: Report, most: int) -> str:
    """Return it in one line of at most so many characters."""
    first = _first(report)
    others = len(report.held) + report.more_held + len(report.findings) + report.more_findings - 1
    more = f" (and {others} more)" if first and others > 0 else ""
    head = str(report.stage)
    return f"{cut(fit(f'{head}: {first}' if first else head), most - len(more))}{more}"


def _first(report: Report) -> str:
    if report.stage is Stage.REFUSED and report.findings:
        return report.findings[0]
    return f"{report.held[0].resource}: {report.held[0].why}" if report.held else ""


def marker(account: str) -> str:
    """Return the line by which our comment is found again; people do not see it."""
    return f"<!-- reconciler:{account} -->"


def comment(report: Report, account: str) -> str:
    """Return it as a comment in Markdown, in which the words of others mean nothing."""
    where = f"{as_code(account)} ({as_text(cut(report.backend, MOST_WORDS))})"
    head = f"**{HEADS[report.stage]}** · {as_code(report.revision[:12])} on {where}, {moment(report.at)}"
    lines = [marker(account), head]
    held = [f"- {as_code(each.resource)}: {as_text(each.why)}{_released(each)}" for each in report.held]
    findings = [f"- {as_text(each)}" for each in report.findings]
    lines += _listed("Held back:", held, report.more_held)
    lines += _listed("Found:", findings, report.more_findings)
    return "\n".join(lines) + "\n"


def _released(held: Held) -> str:
    return f". To do it all the same: {as_code(held.release)}" if held.release else ""


def _listed(head: str, lines: Sequence[str], more: int) -> list[str]:
    fitting = list(lines)
    while sum(map(len, fitting)) > MOST_LIST:
        fitting.pop()
    left = len(lines) - len(fitting) + more
    tail = [f"- and {left} more"] if left else []
    return ["", head, "", *fitting, *tail] if lines else []


def _document(known: Followed) -> dict[str, Any]:
    report = known.report
    return {
        "stage": report.stage,
        "at": report.at.isoformat(),
        "backend": report.backend,
        "held": [[each.resource, each.why, each.release] for each in report.held],
        "moreHeld": report.more_held,
        "findings": list(report.findings),
        "moreFindings": report.more_findings,
        "told": known.told,
        "count": known.count,
        "toldAt": known.told_at and known.told_at.isoformat(),
    }


def _held(resource: str, why: str, release: str = "") -> Held:
    return Held(resource=resource, why=why, release=release)


def _followed(revision: str, found: Mapping[str, Any]) -> Followed:
    report = Report(
        revision=revision,
        stage=Stage(found["stage"]),
        at=datetime.fromisoformat(found["at"]),
        backend=str(found["backend"]),
        held=tuple(_held(*map(str, each)) for each in found["held"]),
        more_held=int(found["moreHeld"]),
        findings=tuple(map(str, found["findings"])),
        more_findings=int(found["moreFindings"]),
    )
    told_at = found["toldAt"]
    return Followed(
        report=report,
        told=str(found["told"]),
        count=int(found["count"]),
        told_at=None if told_at is None else datetime.fromisoformat(told_at),
    )
