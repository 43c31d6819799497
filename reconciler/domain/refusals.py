"""Why a plan holds something back, in words: what was refused, the likely cause, the way out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.domain.changes import Blocked, Hold, Waiting
from reconciler.domain.marks import Mark, Owner
from reconciler.domain.model import FoundOutput, Region, Unreadable


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something may not be touched."""

    why: str
    hold: Hold


BEYOND_MANIFESTS: Final = Refusal(
    "it uses what manifests cannot describe; nothing of it is changed",
    Hold.UNFIT,
)
"""The refusal of an object that was made by hand with settings outside our schema."""
NOT_TO_BE_PUT_BACK: Final = Refusal(
    "to be made anew it would have to go first, and could not be put back if the new one is refused: the backend does "
    "not tell its secrets, and the manifest has other ones by now. Change the secrets in one commit and what cannot be "
    "edited in a later one; or make the new one under another name, and remove this one in a later commit",
    Hold.UNFIT,
)
"""The refusal to make an output anew in the place of one that nobody could make again."""
_NEXT: Final = "it goes on once that can be read; if nothing of ours is there, leave it out of `backend.regions`"
"""How what nobody can look for goes on."""


def unreadable(region: Region, why: str) -> Refusal:
    """Return the refusal of everything in a region that could not be read."""
    return Refusal(f"region {region} could not be read: {why}", Hold.UNREADABLE)


def unserved(region: Region) -> Refusal:
    """Return the refusal of everything in a region that a pass does not look at."""
    why = f"region {region} is not among those that the backend serves or `backend.regions` names"
    return Refusal(why, Hold.UNREADABLE)


def may_be_elsewhere(unread: Mapping[Region, str]) -> Refusal:
    """Return the refusal to make a flow that may be there, and on air, where nobody could look."""
    why = f"it may be there already, in {_unread(unread)}; made here as well, both would take one stream; {_NEXT}"
    return Refusal(why, Hold.UNREADABLE)


def may_run_elsewhere(unread: Mapping[Region, str]) -> Refusal:
    """Return the refusal to start a twin, while what it is to replace may run where nobody could look."""
    where = _unread(unread)
    why = f"it is to replace what may still run in {where}; started as well, both would take one stream; {_NEXT}"
    return Refusal(why, Hold.UNREADABLE)


def _unread(regions: Mapping[Region, str]) -> str:
    listed = sorted(regions.items())
    return ", ".join(f"region {region}, which could not be read ({why})" for region, why in listed)


def ambiguous(kind: str, name: str, ids: Iterable[str]) -> Refusal:
    """Return the refusal of a name that several objects bear, by their live names or by their marks."""
    listed = sorted(ids)
    who = f"{len(listed)} {kind} bear the name {name!r} ({', '.join(listed)})"
    why = f"{who}; leave name and mark to one or delete the rest"
    return Refusal(why, Hold.OWNERSHIP)


def not_ours(mark: Mark | None, owner: Owner, name: str, *, where: str) -> Refusal:
    """Return the refusal of an object that does not bear our mark, and how people hand it over."""
    if mark is not None:
        why = f"it is kept by another owner, {mark.owner!r}; it is neither edited nor deleted"
        return Refusal(why, Hold.OWNERSHIP)
    return Refusal(
        "it exists without our mark, so it is neither edited nor deleted; `reconciler adopt` takes it over, and so "
        f"does ending {where} with {Mark(owner=owner, name=name)}",
        Hold.OWNERSHIP,
    )


def not_allowed(allowed: Iterable[str], protocol: str) -> Refusal:
    """Return the refusal of an output that the backend does not take on its flow."""
    why = f"the backend allows {', '.join(sorted(allowed))} on this flow, and not {protocol}"
    return Refusal(why, Hold.UNFIT)


def holds(foreign: Iterable[FoundOutput]) -> Refusal:
    """Return the refusal to remove a flow with outputs that are not ours."""
    names = ", ".join(sorted(output.live_name for output in foreign))
    return Refusal(f"it holds outputs without our mark ({names}), which would go with it", Hold.OWNERSHIP)


def would_lose(kept: Iterable[FoundOutput]) -> Refusal:
    """Return the refusal to remove a flow with outputs that could not be made again now."""
    names = ", ".join(sorted(output.live_name for output in kept))
    why = f"it holds outputs whose secrets could not be resolved ({names}), which would be lost"
    return Refusal(why, Hold.UNFIT)


def would_lack(unmade: Iterable[Waiting | Blocked]) -> Refusal:
    """Return the refusal to put a new flow in the place of an old one without all of its outputs."""
    named = ", ".join(f"{each.key} ({each.why})" for each in unmade)
    why = f"in its place would be one without {named}; the old one stays until all of that can be made"
    return Refusal(why, Hold.UNFIT)


def unread(region: Unreadable) -> Refusal:
    """Return the refusal to remove what may be in a region that could not be read, and that nothing is wanted in."""
    why = f"it could not be read, so nothing that may be there without a manifest is deleted: {region.why}"
    return Refusal(why, Hold.UNREADABLE)
