"""The decision about one resource, in sentences that people understand at night, and as programs read it."""

import textwrap
from collections.abc import Iterator
from typing import Any, Final

import click

from reconciler.cli import moments
from reconciler.cli.decision import UNREAD, Decision, InTree, Standing, is_over
from reconciler.cli.formats.commands import lines_of
from reconciler.cli.formats.values import safe
from reconciler.cli.holds import HOLDS
from reconciler.cli.journal_view import Page, call_json, note_json, result_of, short
from reconciler.domain.findings import Finding
from reconciler.domain.model import Care, DriftMode
from reconciler.domain.policies import Approval, Override
from reconciler.ports.journal import Noted, Written

_COLOURS: Final = {
    Standing.BLOCKED: "yellow",
    Standing.WAITING: "yellow",
    Standing.FAILED: "red",
    Standing.SKIPPED: "yellow",
    Standing.OPEN: "yellow",
    Standing.IN_STEP: "green",
    Standing.QUIET: "bright_black",
    Standing.UNREAD: "red",
    Standing.NOT_SEEN: "bright_black",
}
_DRIFT: Final = {
    DriftMode.WARN: "what others change of it is told, and left as it is until its manifest changes",
    DriftMode.CORRECT_WHEN_OFF_AIR: "what others change of it is told, and put right once it is off air",
}
"""What a mode means; of the usual one nothing is said."""
_LABEL: Final = 12
"""Columns of the words at the left."""
_NARROWEST: Final = 40
_LATE_S: Final = 60.0
"""What was due so long ago has been: later passes had nothing new to say."""


def text(decision: Decision, page: Page) -> Iterator[str]:
    """Yield the lines of a decision: how it stands, then each reason with a word at its left."""
    standing = click.style(str(decision.standing), fg=_COLOURS[decision.standing], bold=True)
    since = decision.since
    yield f"{click.style(safe(decision.resource), bold=True)}: {standing}" + (
        f" since {page.moment(since)}" if since is not None else ""
    )
    for label, said in _said(decision, page):
        lines = [said]
        if page.width is not None:
            width = max(_NARROWEST, page.width - _LABEL - 2)
            wrapped = textwrap.wrap(said, width, break_on_hyphens=False, break_long_words=False)
            lines = lines_of(said, width=width) if label == "release" else wrapped
        for number, line in enumerate(lines):
            word = click.style(("" if number else label).ljust(_LABEL), fg="bright_black")
            yield f"  {word}{line}"


def document(decision: Decision) -> dict[str, Any]:
    """Return a decision as JSON says it."""
    tree, journal = decision.tree, decision.journal
    return {
        "version": 1,
        "resource": decision.resource,
        "standing": decision.standing.name.lower(),
        "since": None if decision.since is None else decision.since.isoformat(),
        "hold": decision.hold,
        "release": decision.release,
        "orders": list(decision.orders),
        "windows": list(decision.windows),
        "next_try": None if decision.next_try is None else decision.next_try.isoformat(),
        "is_held": decision.is_held,
        "tree": {
            "trouble": tree.trouble,
            "revision": tree.revision,
            "errors": tree.errors,
            "places": [{"file": at.file, "line": at.line, "column": at.column} for at in tree.places],
            "findings": [_finding_json(finding) for finding in tree.findings],
            "protected": tree.care.protected,
            "redundancy_group": tree.care.redundancy_group,
            "drift": str(tree.care.drift),
            "approvals": [_approval_json(each) for each in tree.policies.approvals],
            "overrides": [_override_json(each) for each in tree.policies.overrides],
            "calendars": [calendar.name for calendar in tree.policies.calendars],
            "moves": [
                {"name": each.name, "from": str(each.before), "to": str(each.now)} for each in tree.policies.moves
            ],
        },
        "journal": {
            "trouble": journal.trouble,
            "decided": _optional(journal.decided),
            "released": _optional(journal.released),
            "learnt": _optional(journal.learnt),
            "tree": _optional(journal.tree),
            "last_pass": _optional(journal.last_pass),
            "last_call": None if journal.last_call is None else call_json(journal.last_call),
            "open": [call_json(call) for call in journal.open_calls],
        },
    }


def _said(decision: Decision, page: Page) -> Iterator[tuple[str, str]]:
    yield from _decided(decision, page)
    yield from _manifest(decision)
    yield from _revision(decision, page)
    yield from _guard(decision, page)
    yield from (("orders" if not number else "", safe(each)) for number, each in enumerate(decision.orders))
    yield from _window(decision)
    yield from _calls(decision, page)
    yield from _passes(decision, page)


def _decided(decision: Decision, page: Page) -> Iterator[tuple[str, str]]:
    if decision.journal.trouble:
        yield "journal", safe(decision.journal.trouble)
    note = decision.journal.decided
    if note is not None:
        said = note.note.fields
        action = f"{said['action']} " if "action" in said else ""
        change = f" (change {said['change']})" if said.get("change") else ""
        what = f"{action}{note.note.kind.rpartition('.')[2]}{change}"
        why = f": {note.note.why}" if note.note.why else ""
        yield "decision", safe(f"{page.moment(note.at)}: {what}{why}")


def _manifest(decision: Decision) -> Iterator[tuple[str, str]]:
    tree = decision.tree
    if tree.trouble:
        yield "manifest", safe(f"not looked at: {tree.trouble}")
        return
    if not tree.places:
        yield "manifest", safe(_unnamed(tree))
    for place in tree.places:
        yield "manifest", safe(str(place))
    for move in tree.policies.moves:
        yield "move", safe(f"{move.name}: {move.before} is called {move.now} from now on")
    if tree.called_before:
        then = tree.called_before
        yield "", safe(f"what was written down before that is under {then}: `reconciler history {then}`")
    for finding in tree.findings:
        yield "finding", safe(str(finding))
    if tree.errors:
        until = "until they are mended nothing is changed. `reconciler validate` lists them"
        yield "errors", f"the manifests have {tree.errors}, and {until}"


def _unnamed(tree: InTree) -> str:
    """Return what it means that no document names a resource."""
    if tree.called_now:
        return f"it is called {tree.called_now} from now on: `reconciler why {tree.called_now}`"
    if tree.errors:
        return "no document that can be read names it; one with an error may, so it is not taken for gone"
    return "no manifest names it; what bears our mark and has no manifest is deleted"


def _revision(decision: Decision, page: Page) -> Iterator[tuple[str, str]]:
    seen = decision.journal.tree
    if seen is None:
        return
    became = seen.note.kind.rpartition(".")[2]
    why = f": {seen.note.why}" if seen.note.why else ""
    yield (
        "revision",
        safe(f"{short(seen.note.revision)} was the last that was seen, {became} {page.moment(seen.at)}{why}"),
    )
    if decision.tree.revision and decision.tree.revision != seen.note.revision:
        yield (
            "",
            f"the files here are another one, {short(decision.tree.revision)}: newer, or not those that `run` reads",
        )


def _guard(decision: Decision, page: Page) -> Iterator[tuple[str, str]]:
    hold = decision.hold
    beyond = "" if decision.is_of_these_files else "; of the manifests as they are now `reconciler plan` says it"
    yield "guard", HOLDS.get(hold, safe(hold)) or f"nothing holds it back, as far as was said{beyond}"
    if (command := decision.release) is not None:
        yield "release", safe(command)
    yield from _care(decision.tree.care)
    for approval in decision.tree.policies.approvals:
        lets = f"{approval.action} as change {approval.change}{_otherwise(approval, decision)}"
        yield "approval", _release(approval, lets, decision, page)
    for override in decision.tree.policies.overrides:
        lifted = ", ".join(sorted(override.lifts))
        yield "override", _release(override, f"{override.action} past {lifted}", decision, page)
    if (used := decision.journal.released) is not None:
        name = used.note.fields.get("name") or "one from the command line"
        yield "released", safe(f"{page.moment(used.at)}: {used.note.kind}: {name}: {used.note.why}")
    if (learnt := decision.journal.learnt) is not None:
        rules = learnt.note.fields.get("rules", "stricter ones")
        refused = f"the backend refused a change while the flow ran, so its edit rules are taken to be {rules}"
        yield "learnt", safe(f"{page.moment(learnt.at)}: {refused}")


def _care(care: Care) -> Iterator[tuple[str, str]]:
    if care.protected:
        yield "", "it is protected: it is not deleted until a commit has taken `protect` away"
    if care.redundancy_group:
        yield "", safe(f"it stands in for the others of the redundancy group {care.redundancy_group}: one at a time")
    if care.drift in _DRIFT:
        yield "", f"its drift is `{care.drift}`: {_DRIFT[care.drift]}"


def _otherwise(approval: Approval, decision: Decision) -> str:
    """Say of an approval that what is held back is another change; "" where it is that one, or where nobody knows."""
    note = decision.journal.decided
    if decision.standing is not Standing.BLOCKED or note is None or note.note.fields.get("action") != approval.action:
        return ""
    held = note.note.fields.get("change", approval.change)
    return "" if held == approval.change else f" (and not what is held back, which is change {held})"


def _release(policy: Approval | Override, lets: str, decision: Decision, page: Page) -> str:
    over = "expired" if is_over(policy, decision.now) else "until"
    return safe(f"{policy.name} lets {lets}, {over} {page.moment(policy.expires)}: {policy.reason}")


def _window(decision: Decision) -> Iterator[tuple[str, str]]:
    for number, said in enumerate(decision.windows):
        yield ("" if number else "window"), safe(said)
    if decision.windows:
        yield "", "`reconciler calendar --next 7d` shows what opens next"
    elif not decision.tree.trouble:
        yield "window", "no calendar is about it"


def _calls(decision: Decision, page: Page) -> Iterator[tuple[str, str]]:
    call = decision.journal.last_call
    if call is not None:
        yield "last call", safe(_call(call, page))
    for each in decision.journal.open_calls:
        sent = f"the {each.intent.action} of {page.moment(each.at)}"
        then = "the next pass looks for it before anything is sent again"
        yield "open", safe(f"what became of {sent} is not known: {then}")


def _call(call: Written, page: Page) -> str:
    took = f" after {moments.took(call.duration_s)}" if call.duration_s is not None else ""
    request = f", request {call.request_id}" if call.request_id else ""
    why = f": {call.why}" if call.why else ""
    return f"{page.moment(call.at)}: {call.intent.action}, {result_of(call)}{took}{request}{why}"


def _passes(decision: Decision, page: Page) -> Iterator[tuple[str, str]]:
    last = decision.journal.last_pass
    if last is not None:
        yield "last pass", safe(_pass(last, page))
    if not decision.is_held:
        yield (
            "next try",
            "nobody is at work on the state directory: `reconciler run` goes on, `reconciler apply` tries once",
        )
        return
    due = decision.next_try
    if due is None:
        yield "next try", "nobody has said when"
        return
    left_s = (due - decision.now).total_seconds()
    if left_s < -_LATE_S:
        every = moments.span(decision.next_in_s or 0)
        yield "next try", f"within {every} where `run` is at work: a pass without news is not written down"
        return
    yield "next try", f"{page.moment(due)}, {f'in {moments.span(left_s)}' if left_s > 0 else 'now'}"


def _pass(last: Noted, page: Page) -> str:
    if last.note.kind == UNREAD:
        return f"{page.moment(last.at)}: failed, and nothing was sent: {last.note.why}"
    counts = [f"{last.note.fields[word]} {word}" for word in _COUNTS if word in last.note.fields]
    return f"{page.moment(last.at)}: finished; {', '.join(counts)}"


_COUNTS: Final = ("done", "blocked", "waiting", "failed", "unchanged")


def _optional(noted: Noted | None) -> dict[str, Any] | None:
    return None if noted is None else note_json(noted)


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule.id,
        "severity": str(finding.weight),
        "file": finding.at.file,
        "line": finding.at.line,
        "column": finding.at.column,
        "message": finding.message,
        "hint": finding.hint,
    }


def _approval_json(approval: Approval) -> dict[str, Any]:
    return {
        "name": approval.name,
        "action": str(approval.action),
        "change": approval.change,
        "reason": approval.reason,
        "expires": approval.expires.isoformat(),
    }


def _override_json(override: Override) -> dict[str, Any]:
    return {
        "name": override.name,
        "action": str(override.action),
        "lifts": sorted(override.lifts),
        "reason": override.reason,
        "expires": override.expires.isoformat(),
    }
