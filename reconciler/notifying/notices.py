"""What is said: one message a bulletin, in a form that each way of telling puts into its own words. Pure."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from reconciler.domain.findings import fit

MOST_LINES: Final = 20
"""Items of a message that people are shown one by one; the others are counted."""
MOST_TITLE: Final = 140
"""Characters of a title: it is a mail's subject, and what a telephone shows of a message."""
MANIFESTS: Final = "manifests"
"""What stands in the place of a resource where the manifests as a whole are meant."""
BACKEND: Final = "backend"
"""The same, where the backend as a whole is meant."""


class Grade(StrEnum):
    """How much it matters."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


RESOLVED_WORD: Final = "resolved"
RANKS: Final = {Grade.INFO: 0, Grade.WARNING: 1, Grade.CRITICAL: 2}


class Word(StrEnum):
    """What is said of a subject."""

    PROBLEM = "problem"
    """Something is wrong, or wrong in another way than was said."""
    FLAPPING = "flapping"
    """It changes again and again; nothing more is said of it until it has been stable for a while."""
    RESOLVED = "resolved"
    """What was said to be wrong is so no more."""
    NEWS = "news"
    """Something was done; nothing follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What is said of one condition of one resource."""

    resource: str
    """Address, `manifests` or `backend`; `notifications` in a test."""
    aspect: str
    """Of the condition, such as `OnAir`; `Accepted` and `Applied` of the manifests, `Readable` of the backend."""
    word: Word
    grade: Grade
    """Of the problem; of what is resolved the grade that it had."""
    reason: str
    """The condition's, for machines; `Flapping` where it changes again and again, `Gone` where nothing is left."""
    text: str
    """For people."""
    since: datetime
    """When its condition became so, in UTC: another reason, or a new process, is no other time."""
    at: datetime
    """When it became what is said here, in UTC."""

    @property
    def label(self) -> str:
        """Return the word that people choose by: a grade, or `resolved`."""
        return RESOLVED_WORD if self.word is Word.RESOLVED else str(self.grade)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a message is about, beside its items."""

    account: str = ""
    """Whose objects these are, as the setting `backend.owner`."""
    source: str = ""
    """Where the manifests are, for people."""
    backend: str = ""
    revision: str = ""
    pass_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one way of telling is told at once."""

    id: str
    """The same for the same items however often they are sent: whoever receives it twice can tell."""
    at: datetime
    """When the last of it happened, in UTC."""
    items: tuple[Item, ...]
    """The worst first."""
    about: About

    @property
    def label(self) -> str:
        """Return the worst grade; `resolved` where everything is."""
        worst = [item for item in self.items if item.word is not Word.RESOLVED] or list(self.items[:1])
        return worst[0].label

    @property
    def title(self) -> str:
        """Return one line: what matters most, and how much else there is."""
        first, *others = self.items
        rest = f", and {len(others)} more" if others else ""
        account = f" {self.about.account}" if self.about.account else ""
        head = f"[{self.label}]{account}: {first.resource} "
        room = MOST_TITLE - len(head) - len(rest)
        return f"{head}{cut(headline(first), room)}{rest}"

    @property
    def counts(self) -> str:
        """Return how many items there are of each sort, such as `2 critical, 1 resolved`."""
        counted = Counter(item.label for item in self.items)
        return ", ".join(f"{number} {label}" for label, number in counted.items())


def message_of(items: Iterable[Item], about: About, *, to: str) -> Message:
    """Return the message that says these items, at least one, to a sink."""
    ordered = tuple(sorted(items, key=_order))
    told = "\n".join(
        f"{item.resource}\t{item.aspect}\t{item.word}\t{item.grade}\t{item.reason}\t{item.at.isoformat()}"
        for item in ordered
    )
    name = hashlib.blake2b(f"{to}\n{told}".encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    return Message(id=f"msg_{name}", at=max(item.at for item in ordered), items=ordered, about=about)


def _order(item: Item) -> tuple[bool, int, bool, str, str]:
    is_flow = item.resource.startswith("flow/")
    return item.word is Word.RESOLVED, -RANKS[item.grade], not is_flow, item.resource, item.aspect


HEADLINES: Final = {
    ("OnAir", Word.PROBLEM): "is off air",
    ("OnAir", Word.FLAPPING): "goes on and off air",
    ("OnAir", Word.RESOLVED): "is no longer off air",
    ("Ready", Word.PROBLEM): "is not as its manifest says",
    ("Ready", Word.FLAPPING): "is as its manifest says, and then is not",
    ("Ready", Word.RESOLVED): "is no longer held up",
    ("Stalled", Word.PROBLEM): "is stuck until somebody does something",
    ("Stalled", Word.FLAPPING): "gets stuck and free",
    ("Stalled", Word.RESOLVED): "is no longer stuck",
    ("Drifted", Word.PROBLEM): "was changed by somebody else",
    ("Drifted", Word.FLAPPING): "is changed by somebody else and put back",
    ("Drifted", Word.RESOLVED): "no longer differs",
    ("Accepted", Word.PROBLEM): "are refused",
    ("Accepted", Word.FLAPPING): "are refused and accepted",
    ("Accepted", Word.RESOLVED): "are accepted again",
    ("Readable", Word.PROBLEM): "cannot be read, so nothing is sent",
    ("Readable", Word.FLAPPING): "can be read, and then cannot",
    ("Readable", Word.RESOLVED): "can be read again",
    ("Applied", Word.NEWS): "are applied",
    ("Test", Word.NEWS): "are set up: this is a test, and nothing is wrong",
}
"""What people are told first, after the resource."""
GONE: Final = "Gone"
FLAPPING: Final = "Flapping"


def headline(item: Item) -> str:
    """Return the few words that say it, to follow the resource."""
    if item.reason == GONE:
        return "is not kept any more"
    return HEADLINES.get((item.aspect, item.word), f"{item.aspect}: {item.word}")


def line(item: Item) -> str:
    """Return all of it but the resource, in one line of plain text."""
    reason = f" ({item.reason})" if item.reason and item.reason != GONE else ""
    said = f": {item.text}" if item.text else ""
    return fit(f"{headline(item)}{reason} since {moment(item.since)}{said}")


def shown(message: Message) -> tuple[tuple[Item, ...], int]:
    """Return the items that are shown one by one, and how many more there are."""
    return message.items[:MOST_LINES], max(0, len(message.items) - MOST_LINES)


def footer(message: Message) -> tuple[str, ...]:
    """Return where it comes from, a line each."""
    about = message.about
    named = {
        "Account": about.account,
        "Backend": about.backend,
        "Manifests": about.source,
        "Revision": about.revision,
        "Pass": about.pass_id,
    }
    return tuple(f"{name}: {cut(fit(value), 200)}" for name, value in named.items() if value)


def plain(message: Message) -> str:
    """Return the message as plain text."""
    listed, more = shown(message)
    lines = [f"{item.label.upper():<9} {item.resource} {line(item)}" for item in listed]
    tail = [f"and {more} more; `reconciler status` has them all"] if more else []
    return "\n".join((message.counts, "", *lines, *tail, "", *footer(message))) + "\n"


def moment(at: datetime) -> str:
    """Return a time for people; a message goes to whoever is anywhere."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def cut(text: str, most: int) -> str:
    """Return text of at most so many characters, with a mark where it was longer."""
    return text if len(text) <= most else f"{text[: max(0, most - 1)]}…"
