"""
A plan as one comment of a pull request, in Markdown: what viewers would notice first, every property folded below.

A comment takes 65,536 characters: GitHub refuses a longer one as a whole. What does not fit is counted, and nothing is
cut within.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from reconciler.cli.formats.report import words
from reconciler.cli.formats.totals import MAY_STOP, Held, counted, told_of
from reconciler.cli.formats.values import MOST_CALLS, changed_of, inner_of, is_hidden, shown
from reconciler.domain import effects
from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Action, Blocked, Change, Create, Plan
from reconciler.domain.changes import Sequence as Calls
from reconciler.domain.findings import Finding
from reconciler.domain.impact import Impact
from reconciler.domain.markdown import as_code, as_text
from reconciler.domain.model import FlowKey
from reconciler.domain.properties import PropertyChange
from reconciler.domain.safety.releases import before_release

MARKER: Final = "<!-- reconciler: plan -->"
"""The first line, by which the comment of an earlier run is found and replaced."""
MAX_CHARACTERS: Final = 65_536
"""Source: GitHub, the longest body of a comment."""
_RESERVE: Final = 400
"""Characters kept for the words about what was left out."""
_MAX_FINDINGS: Final = 50

_URGENT: Final = {Action.DELETE: 0, Action.RECREATE: 1, Action.STOP: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is told."""

    plan: Plan | None
    """None where the manifests have errors."""
    title: str
    """Between what and what."""
    findings: Sequence[Finding] = ()
    notes: Sequence[str] = ()
    """What else people should know, a sentence each."""
    drift: Plan | None = None
    """What is to be put right on the backend whether this is merged or not; None where no backend was asked."""


def comment(comparison: Comparison, *, limit: int = MAX_CHARACTERS) -> str:
    """Return the comment, within the limit."""
    page = _Page(limit - _RESERVE)
    page.add(f"{MARKER}\n### Plan of the manifests\n\n{as_text(comparison.title)}\n")
    if comparison.plan is None:
        page.add("**No plan: the manifests have errors, and nothing may be changed before they are mended.**\n")
    else:
        page.add(f"**{_noticed(comparison.plan)}**\n\n{counted(comparison.plan)}\n")
        if comparison.plan.may_stop:
            page.add(f"{MAY_STOP}\n")
    page.add_all("\n".join, [f"- {as_text(note)}" for note in comparison.notes], "notes")
    if comparison.plan is None:
        _add_findings(page, comparison.findings)
    else:
        _add_rows(page, comparison.plan, "changes")
        _add_findings(page, comparison.findings)
        _add_details(page, comparison.plan, "changes")
    if comparison.drift is not None and comparison.drift.changes:
        page.add(
            "#### Drift\n\nThis is put right whether the pull request is merged or not: the backend is not as the "
            f"manifests say already. **{_noticed(comparison.drift)}**\n"
        )
        _add_rows(page, comparison.drift, "changes of drift")
        _add_details(page, comparison.drift, "changes of drift")
    return page.text()


def notice(changes: Iterable[Change]) -> str:
    """Return what viewers would notice, in a sentence or two."""
    told: Counter[tuple[Impact, bool]] = Counter()
    within: Counter[Impact] = Counter()
    for change in changes:
        told[change.impact, isinstance(change.key, FlowKey)] += 1
        for _, action, _ in inner_of(change):
            is_end = action is Action.DELETE and change.action is not Action.DELETE
            told[Impact.INTERRUPT, False] += is_end
            within[change.impact] += action is not Action.CREATE and not is_end
    stopped, anew = (_many(within[impact], "output", "outputs") for impact in (Impact.INTERRUPT, Impact.RECREATE))
    parts = [
        _many(told[Impact.INTERRUPT, True], "flow stops", "flows stop") + (f" with {stopped}" if stopped else ""),
        _many(told[Impact.RECREATE, True], "flow is made anew", "flows are made anew")
        + (f" with {anew}" if anew else ""),
        _many(told[Impact.RECREATE, False], "output is made anew", "outputs are made anew"),
        _many(told[Impact.INTERRUPT, False], "output ends", "outputs end"),
        _many(told[Impact.RECONNECT, True], "flow's input reconnects", "flows' inputs reconnect"),
        _many(told[Impact.RECONNECT, False], "output reconnects", "outputs reconnect"),
    ]
    found = [part for part in parts if part]
    if not found:
        return "Viewers notice nothing."
    is_anew = told[Impact.RECREATE, True] + told[Impact.RECREATE, False]
    return f"Viewers notice: {', '.join(found)}.{' What is made anew gets new addresses.' if is_anew else ''}"


def _noticed(plan: Plan) -> str:
    """Return what viewers would notice, and how many of them are there now where somebody looked."""
    count = effects.connected(plan, plan.watched)
    are = "receiver is" if count == 1 else "receivers are"
    return f"{notice(plan.changes)}{f' {count} {are} connected to them now.' if plan.watched and count else ''}"


@dataclass(slots=True)
class _Page:
    """A page that grows to its limit and counts what had no room."""

    limit: int
    _parts: list[str] = field(default_factory=list)
    _length: int = 0
    _left_out: Counter[str] = field(default_factory=Counter)

    def add(self, part: str) -> bool:
        """Add a part, if there is room for it."""
        if self._length + len(part) + 1 > self.limit:
            return False
        self._parts.append(part)
        self._length += len(part) + 1
        return True

    def add_all(
        self, frame: Callable[[Iterable[str]], str], parts: Sequence[str], what: str, *, of: Sequence[int] = ()
    ) -> None:
        """Add as many parts as there is room for within a frame, and count the rest."""
        room = self.limit - self._length - len(frame(())) - 2
        taken = 0
        for part in parts:
            room -= len(part) + 1
            if room < 0:
                break
            taken += 1
        if taken:
            self.add(frame(parts[:taken]) + "\n")
        self._left_out[what] += sum(of[taken:]) if of else len(parts) - taken

    def leave_out(self, count: int, what: str) -> None:
        """Count what nobody tried to add."""
        self._left_out[what] += count

    def text(self) -> str:
        """Return the page."""
        left_out = [f"{count} {what}" for what, count in self._left_out.items() if count]
        tail = (
            [f"_Left out, for there is no room: {', '.join(left_out)}. `reconciler plan` at a terminal shows all._\n"]
            if left_out
            else []
        )
        return "\n".join((*self._parts, *tail))


def _add_findings(page: "_Page", findings: Sequence[Finding]) -> None:
    told = [_finding(one) for one in findings[:_MAX_FINDINGS]]
    page.add_all("\n".join, told, "findings")
    page.leave_out(len(findings) - len(told), "findings")


def _add_rows(page: "_Page", plan: Plan, what: str) -> None:
    rows = [_row(change, plan.watched) for change in sorted(plan.changes, key=_urgency)]
    page.add_all(_table, rows, f"rows of {what}")
    windows = [f"- {as_code(str(item.key))} ({item.action}): {as_text(item.why)}" for item in plan.windows]
    page.add_all(lambda parts: "\n".join(("A window would hold back now:\n", *parts)), windows, "within windows")
    held = [_held(word, item, plan.watched) for word, items in told_of(plan).items() for item in items]
    page.add_all(lambda parts: "\n".join(("Held back:\n", *parts)), held, "held back")


def _add_details(page: "_Page", plan: Plan, what: str) -> None:
    held = [item.change for item in plan.blocked if item.change is not None]
    details = [_details(change) for change in (*sorted(plan.changes, key=_urgency), *held)]
    page.add_all(_folded, [one for one in details if one], f"details of {what}")


def _urgency(change: Change) -> tuple[int, int, int, str]:
    """Return the order in which people should see changes: deletes, what goes off air, then what else is noticed."""
    group = 0 if change.action is Action.DELETE else 1 if change.impact >= Impact.INTERRUPT else 2
    return group, -change.impact, _URGENT.get(change.action, len(_URGENT)), str(change.key)


def _table(rows: Iterable[str]) -> str:
    return "\n".join(("| viewers notice | change | resource | why |", "| --- | --- | --- | --- |", *rows))


def _row(change: Change, watched: effects.Watched) -> str:
    key = as_code(str(change.key), in_table=True)
    felt = as_text(effects.effect(change, watched))
    noticed = f"**{felt}**" if change.impact >= Impact.INTERRUPT else felt
    return f"| {noticed} | {change.action} | {key} | {as_text(change.why)} |"


def _held(word: str, item: Held, watched: effects.Watched) -> str:
    told = f"- {word} {as_code(str(item.key))}"
    if isinstance(item, Blocked):
        told += f" ({item.action})"
    if isinstance(item, Blocked) and item.change is not None:
        told += f", {as_text(effects.effect(item.change, watched))}, change {as_code(change_id(item.change))}"
    if not isinstance(item, Blocked) or not item.release:
        return f"{told}: {as_text(item.why)}"
    # As code: people copy it, and text is kept apart with characters that nobody sees.
    return f"{told}: {as_text(f'{before_release(item.why)} ')}{as_code(item.release)}"


def _finding(finding: Finding) -> str:
    return f"- {as_code(str(finding.at))} {finding.rule.id} {finding.weight}: {as_text(words(finding))}"


def _folded(parts: Iterable[str]) -> str:
    return "\n".join(("<details><summary>Every property</summary>\n", *parts, "\n</details>"))


def _details(change: Change) -> str:
    lines = list(_detail_lines(change))
    return "\n".join((f"\n{change.action} {as_code(str(change.key))}\n", *lines)) if lines else ""


def _detail_lines(change: Change) -> Iterator[str]:
    yield from _properties(changed_of(change), is_new=isinstance(change, Create))
    for key, action, changed in inner_of(change):
        yield f"- with it {action} {as_code(str(key))}"
        yield from (f"  {line}" for line in _properties(changed, is_new=action is Action.CREATE))
    if isinstance(change, Calls):
        expected = change.expected
        calls = [f"{call.action} {as_code(str(call.key))}" for call in expected[:MOST_CALLS]]
        yield f"- in {len(expected)} calls: {', '.join(calls)}{', …' if len(expected) > MOST_CALLS else ''}"


def _properties(changed: Iterable[PropertyChange], *, is_new: bool) -> Iterator[str]:
    for item in changed:
        found = "" if is_new else f"{as_code(shown(item.found))} → "
        new = " (a new value)" if is_hidden(item) else ""
        yield f"- {as_code(item.path)}: {found}{as_code(shown(item.wanted))}{new}"


def _many(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}" if count else ""
