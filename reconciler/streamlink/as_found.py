"""The last look before a write: whether the object still is ours, and what the write was planned for."""

from collections.abc import Iterator, Mapping
from typing import Final

from reconciler.domain.changes import Action, Delete, Edit, Stop
from reconciler.domain.errors import RejectedError
from reconciler.domain.marks import Owner
from reconciler.domain.matching import ours, said_of
from reconciler.domain.model import FoundFlow, FoundOutput

_DONE: Final[Mapping[Action, str]] = {Action.EDIT: "edited", Action.DELETE: "deleted", Action.STOP: "stopped"}


def demand_as_found(call: Edit | Delete | Stop, now: FoundFlow | FoundOutput, *, owner: Owner) -> None:
    """
    Go on only where the object still is what the call was planned for; a mark alone may be written to any of ours.

    In a long pass minutes lie between the reading and the write. What somebody changed, gave back or added meanwhile
    would be changed back, deleted or stopped, unseen by whoever judged what viewers notice of it.

    Args:
        call: about to be sent.
        now: the object as it is.
        owner: whose objects are written.

    Raises:
        RejectedError: it is not.

    """
    if why := _why_not(call, now, owner):
        msg = f"{call.key} was not {_DONE[call.action]}, because {why} since it was read; the next plan sees it."
        raise RejectedError(msg)


def _why_not(call: Edit | Delete | Stop, now: FoundFlow | FoundOutput, owner: Owner) -> str:
    adopts = isinstance(call, Edit) and not ours(call.found.mark, owner)
    if not adopts and not ours(now.mark, owner):
        return "our mark is gone from it: somebody gave it back, or took it over,"
    if new := sorted(_new_outputs(call, now, owner)):
        return f"somebody made or gave back {len(new)} of its outputs ({', '.join(new)})"
    return "somebody changed it" if _is_otherwise(call, now) else ""


def _new_outputs(call: Edit | Delete | Stop, now: FoundFlow | FoundOutput, owner: Owner) -> Iterator[str]:
    """Yield the outputs that would go off air with their flow although nobody decided that, by live name."""
    match call, call.found, now:
        case Delete(), FoundFlow() as found, FoundFlow():
            known = {output.id for output in found.outputs}
            yield from (output.live_name for output in now.outputs if output.id not in known)
        case Stop(), FoundFlow() as found, FoundFlow():
            # One of ours may have been made by this very pass; one that was not ours was seen by whoever judged.
            known = {output.id for output in found.outputs if not ours(output.mark, owner)}
            strangers = (output for output in now.outputs if not ours(output.mark, owner))
            yield from (output.live_name for output in strangers if output.id not in known)
        case _:
            pass


def _is_otherwise(call: Edit | Delete | Stop, now: FoundFlow | FoundOutput) -> bool:
    found = call.found
    if found is None or (isinstance(call, Edit) and call.only_marks):
        return False
    # Who protects an object, or gives it another name, does so in its mark.
    is_marked_otherwise = isinstance(call, Delete) and now.mark != found.mark
    return is_marked_otherwise or (now.id, *said_of(now)) != (found.id, *said_of(found))
