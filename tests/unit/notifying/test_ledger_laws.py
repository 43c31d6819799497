"""Laws of what one sink is told, whatever happens, and however the sink behaves."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.domain.conditions import Transition
from reconciler.notifying.entries import CALM
from reconciler.notifying.ledger import Ledger
from reconciler.notifying.notices import Message, Word
from tests.unit.notifying.bulletins import at, bulletin, dark, failed, in_step, ledger, on_air

RESOURCES = ("flow/a", "output/a/b")


class Fate(Enum):
    """What becomes of an attempt."""

    TAKEN = "taken"
    LOST = "lost"
    """The sender knows that it was not taken."""
    TAKEN_IN_SILENCE = "taken in silence"
    """It was, and the sender does not know."""
    LOST_IN_SILENCE = "lost in silence"
    """It was not, and the sender does not know."""


SURE = frozenset({Fate.TAKEN, Fate.LOST})


@dataclass
class Reader:
    """Whoever is told: knows what is wrong from the messages alone, each of which counts once."""

    seen: set[str] = field(default_factory=set)
    wrong: set[str] = field(default_factory=set)
    closed: list[tuple[str, bool]] = field(default_factory=list)
    """What was told to be over, and whether it had been told to be wrong."""

    def read(self, message: Message) -> None:
        """Take note of a message."""
        if message.id in self.seen:
            return
        self.seen.add(message.id)
        for item in message.items:
            subject = f"{item.resource} {item.aspect}"
            if item.word is Word.RESOLVED:
                self.closed.append((subject, subject in self.wrong))
                self.wrong.discard(subject)
            else:
                self.wrong.add(subject)


def transitions_at(seconds: float) -> st.SearchStrategy[Transition]:
    """Return what may become of a resource at this time."""
    kinds = st.sampled_from([dark, on_air, failed, in_step])
    return st.builds(lambda kind, resource: kind(seconds, resource), kinds, st.sampled_from(RESOURCES))


Step = tuple[int, list[Transition], Fate, bool]
"""Seconds that pass, what has changed then, what becomes of the attempt, and whether the process is a new one."""

single = st.tuples(
    st.sampled_from([1, 5, 45, 90, 1200]), st.lists(transitions_at(0), max_size=3), st.sampled_from(Fate), st.booleans()
)
fluttering = st.builds(
    lambda fates: [(5, [(dark, on_air)[turn % 2](0, RESOURCES[0])], fate, False) for turn, fate in enumerate(fates)],
    st.lists(st.sampled_from(Fate), min_size=4, max_size=9),
)
"""One resource that goes on and off air, again and again."""
steps: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(single.map(lambda step: [step]), single.map(lambda step: [step]), fluttering), max_size=8
).map(lambda parts: [step for part in parts for step in part])


def attempt(desk: Ledger, reader: Reader, seconds: float, fate: Fate) -> bool:
    """Tell what is to be told now; return whether there was anything."""
    draft = desk.draft(at(seconds))
    if draft is None:
        return False
    desk.trying(draft)
    if fate in {Fate.TAKEN, Fate.TAKEN_IN_SILENCE}:
        reader.read(draft)
    if fate is Fate.TAKEN:
        desk.told(draft, at(seconds))
    else:
        desk.failed(draft, maybe=fate not in SURE)
    return True


def renewed(desk: Ledger, kept: dict[str, Any]) -> Ledger:
    """Return what the next process has."""
    kept.update(desk.changed())
    after = ledger()
    after.restore({key: value for key, value in kept.items() if value is not None})
    return after


@settings(max_examples=60)
@given(steps=steps)
def test_every_told_problem_is_told_to_be_over_exactly_once(
    steps: list[Step],
) -> None:
    """
    Whatever happens, whatever becomes of the messages, and however often the process is another one: when all is well
    and a sink answers again, nobody believes that something is wrong.
    """
    desk, reader, kept, seconds = ledger(), Reader(), dict[str, Any](), 0
    for passed, transitions, fate, is_new in steps:
        seconds += passed
        desk.take(bulletin(seconds, *transitions))
        attempt(desk, reader, seconds, fate)
        if is_new:
            desk = renewed(desk, kept)

    desk.take(bulletin(seconds, *(good(seconds, each) for each in RESOURCES for good in (on_air, in_step))))
    attempt(desk, reader, seconds, Fate.TAKEN)
    attempt(desk, reader, seconds + CALM.total_seconds() + 1, Fate.TAKEN)

    assert reader.wrong == set()
    assert desk.due_at() is None
    if all(fate in SURE for _, _, fate, _ in steps):
        assert all(was_wrong for _, was_wrong in reader.closed)


@settings(max_examples=60)
@given(steps=steps)
def test_there_are_no_more_messages_than_bulletins(steps: list[Step]) -> None:
    """But for one more where something has flapped, when it is stable; and there is always an end to what is due."""
    desk, seconds, messages, flaps = ledger(), 0, 0, 0
    for passed, transitions, _, _ in steps:
        seconds += passed
        # What was due before the bulletin, at its own time.
        while (due := desk.due_at()) is not None and due < at(seconds):
            draft = desk.draft(due)
            messages += draft is not None
            flaps += draft is not None and any(item.word is Word.FLAPPING for item in draft.items)
            if draft is not None:
                desk.trying(draft)
                desk.told(draft, due)
        desk.take(bulletin(seconds, *transitions))
        draft = desk.draft(at(seconds))
        if draft is not None:
            messages += 1
            flaps += sum(item.word is Word.FLAPPING for item in draft.items)
            desk.trying(draft)
            desk.told(draft, at(seconds))
            assert desk.draft(at(seconds)) is None

    assert messages <= len(steps) + flaps


@settings(max_examples=60)
@given(steps=steps)
def test_messages_lost_for_certain_lose_nothing_that_matters(
    steps: list[Step],
) -> None:
    """When the sink is back, it knows of all that is wrong, and of nothing else."""
    desk, reader, seconds = ledger(damp_s=0), Reader(), 0
    bad: set[str] = set()
    for passed, transitions, _, _ in steps:
        seconds += passed
        desk.take(bulletin(seconds, *transitions))
        for each in transitions:
            subject = f"{each.resource} {each.aspect}"
            is_bad = each.after.reason in {"Dark", "Failed"}
            bad = bad | {subject} if is_bad else bad - {subject}
        attempt(desk, reader, seconds, Fate.LOST)

    later = seconds + CALM.total_seconds() + 1
    attempt(desk, reader, later, Fate.TAKEN)

    assert reader.wrong == bad
    assert reader.closed == []
