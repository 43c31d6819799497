"""Settling: what became of calls that nobody heard the end of, told by what is there now; nothing is sent for it."""

from datetime import datetime
from typing import Final

from reconciler.domain.changes import Action
from reconciler.domain.model import FlowKey, OutputKey, key_of
from reconciler.engine.guard.facts import Facts
from reconciler.engine.world import World
from reconciler.ports.journal import Note, Settled, Written

_FOUND: Final = "its answer was never heard; it was found by its mark"
_MISSING: Final = "its answer was never heard; it was looked for by its mark, and is not there"
_GONE: Final = "its answer was never heard; it was looked for by its mark, and is gone"


def settle_what_is_open(world: World) -> None:
    """
    Write down what became of creates and deletes that are open in the journal, as the last reading shows.

    A list may be late: what is not there counts as not made only when the settling time is over. Of edits, starts and
    stops a reading tells nothing that the next plan does not say better; they stay as they are.
    """
    facts, now = world.guard.facts, world.clock.now()
    if not facts.actual.is_whole:
        return
    for written in world.journal.unsettled():
        found = _outcome(written, facts, now=now, settling_s=world.guard.settling_s)
        if found is None:
            continue
        settled, how = found
        why = f"{written.why}; {how}" if written.why else how
        world.journal.settle(written.number, settled, why=why)
        note = Note(
            kind="outcome.settled",
            resource=written.intent.resource,
            why=why,
            pass_id=facts.pass_id,
            revision=facts.revision,
            fields={"action": written.intent.action, "carried_out": settled is Settled.DONE},
        )
        world.journal.note(note)


def _outcome(written: Written, facts: Facts, *, now: datetime, settling_s: float) -> tuple[Settled, str] | None:
    """Return what became of a call, and how that is known; None while it is not."""
    is_there = _is_there(written, facts)
    if is_there is None:
        return None
    is_over = (now - written.at).total_seconds() >= settling_s
    match written.intent.action:
        case Action.CREATE if is_there:
            return Settled.DONE, _FOUND
        case Action.CREATE if is_over:
            return Settled.REFUSED, _MISSING
        case Action.DELETE if not is_there and is_over:
            return Settled.DONE, _GONE
        case _:
            return None


def _is_there(written: Written, facts: Facts) -> bool | None:
    """Return whether an object of ours bears the name that the call was about; None where it cannot be told."""
    name = written.intent.live_name
    match key_of(written.intent.resource):
        case FlowKey() as key if name:
            return any(flow.live_name == name for flow in facts.flows_of(key))
        case OutputKey() as key if name:
            return any(output.live_name == name for _, output in facts.outputs_of(key))
        case _:
            return None
