"""A journal to ask `why` about, and manifests beside it."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Final

import click

from reconciler.cli import decision_view
from reconciler.cli.decision import Decision, InTree, in_journal, in_tree
from reconciler.cli.journal_view import Page
from reconciler.domain.changes import Action
from reconciler.domain.findings import Finding, Position, Severity
from reconciler.domain.model import Care, Desired, FlowKey, OutputKey, ResourceKind
from reconciler.domain.policies import Approval, Calendar, Limit, Move, Override, Policies, Recurring, WindowKind
from reconciler.domain.rules.catalogue import RULES
from reconciler.ports.journal import Intent, Note, Settled
from reconciler.ports.source import Revision, Snapshot, Verdict
from tests.builders import flow, output
from tests.fakes.clock import FakeClock
from tests.fakes.journal import MemoryJournal

TOWER: Final = "output/news/tower"
REVISION: Final = Revision("0123456789abcdef")
FINISHED: Final = Note(
    kind="pass.finished", revision=REVISION, fields={"done": 1, "blocked": 2, "next_in_s": 60, "duration_s": 0.2}
)
UNREAD: Final = Note(kind="pass.failed", why="nobody answers", fields={"next_in_s": 5.0, "failures": 3})
RELEASE: Final = f"reconciler apply site --approve {TOWER}:edit:c0ffee --reason 'WHY'"
BLOCKED: Final = Note(
    kind="change.blocked",
    resource=TOWER,
    why="2 receivers.",
    fields={"action": "edit", "change": "c0ffee", "hold": "on-air", "release": RELEASE},
)
READY: Final = Note(kind="resource.ready", resource=TOWER)
IN_TREE: Final = InTree(revision=REVISION, places=(Position("m/tower.yaml", 3, 1),))
OTHERS: Final = InTree(revision=Revision("fedcba9876543210"), places=IN_TREE.places)


def plain(decision: Decision, *, width: int | None = None) -> str:
    """Return a decision as people read it, without its colours."""
    return click.unstyle("\n".join(decision_view.text(decision, Page(width=width))))


class Told:
    """A journal that is written a second after the other, and what `why` makes of it."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.journal = MemoryJournal(clock)

    async def write(self, *said: Note | Settled | str | None) -> None:
        """Write notes, and calls about the tower by what becomes of them."""
        for each in said:
            await self.clock.advance(1)
            if isinstance(each, Note):
                self.journal.note(each)
            else:
                call = self.journal.intend(
                    Intent(pass_id="p", revision=REVISION, resource=TOWER, action="edit", change="c0ffee")
                )
                if isinstance(each, Settled):
                    self.journal.settle(call, each, why="said so", request_id="req-1", duration_s=0.5)

    def decision(self, tree: InTree = IN_TREE, *, is_held: bool = True) -> Decision:
        """Return what follows."""
        journal = in_journal(TOWER, self.journal)
        return Decision(resource=TOWER, tree=tree, journal=journal, is_held=is_held, now=self.clock.now())

    def text(self, tree: InTree = IN_TREE, *, is_held: bool = True) -> str:
        """Return it as people read it."""
        return plain(self.decision(tree, is_held=is_held))


def expiring(clock: FakeClock) -> datetime:
    """Return a time that is to come."""
    return clock.now() + timedelta(hours=1)


TOMORROW: Final = expiring(FakeClock())


def approval(name: str, resource: FlowKey | OutputKey) -> Approval:
    """Return an approval of an edit."""
    return Approval(
        name=name, resource=resource, action=Action.EDIT, change="c0ffee", reason="agreed", expires=TOMORROW
    )


def override(name: str, of: FlowKey | OutputKey | ResourceKind) -> Override:
    """Return an override of a delete."""
    lifts = frozenset({Limit.WINDOW, Limit.BUDGET})
    return Override(name=name, of=of, action=Action.DELETE, lifts=lifts, reason="moving", expires=TOMORROW)


def calendar(name: str, *flows: str, labels: tuple[tuple[str, str], ...] = ()) -> Calendar:
    """Return a calendar that is about these."""
    nights = Recurring(kind=WindowKind.FREEZE, days=frozenset({5}), begins=time(20), ends=time(23))
    return Calendar(name=name, zone="Europe/Berlin", windows=(nights,), flows=frozenset(flows), labels=labels)


TOWER_KEY: Final = OutputKey("news", "tower")
POLICIES: Final = Policies(
    approvals=(approval("ours", TOWER_KEY), approval("flow", FlowKey("news"))),
    overrides=(
        override("ours", TOWER_KEY),
        override("outputs", ResourceKind.OUTPUT),
        override("flows", ResourceKind.FLOW),
        override("other", OutputKey("news", "other")),
    ),
    calendars=(
        calendar("everything"),
        calendar("the_news", "news"),
        calendar("the_sport", "sport"),
        calendar("labelled", labels=(("event", "cup"),)),
        calendar("labelled_twice", labels=(("event", "cup"), ("tier", "1"))),
    ),
    moves=(
        Move(name="ours", before=OutputKey("news", "mast"), now=TOWER_KEY),
        Move(name="other", before=FlowKey("a"), now=FlowKey("b")),
    ),
)


def looked(resource: str) -> InTree:
    """Return what a tree with an error and policies says of a resource."""
    finding = decision_finding()
    tower = replace(
        output("tower"), care=Care(protected=True, redundancy_group="paris", labels=(("event", "cup"), ("x", "y")))
    )
    verdict = Verdict(
        findings=(finding, replace(finding, resource="flow/news")),
        desired=None,
        sound=Desired(flows=(flow("news"),), outputs=(tower,)),
        policies=POLICIES,
    )
    return in_tree(resource, Snapshot(revision=REVISION, files=()), verdict, IN_TREE.places)


def decision_finding() -> Finding:
    """Return an error of the tower."""
    rule = next(rule for rule in RULES.values() if rule.severity is Severity.ERROR)
    return Finding(rule=rule, at=Position("m/tower.yaml", 9, 3), message="too long", resource=TOWER)
