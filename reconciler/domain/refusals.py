"""Why a plan holds something back, in words: what was refused, the likely cause, the way out."""

from collections.abc import Iterable
from typing import Final

from reconciler.domain.marks import Mark, Owner
from reconciler.domain.model import FoundOutput, Unreadable

BEYOND_MANIFESTS: Final = "it uses what manifests cannot describe; nothing of it is changed"
"""The refusal of an object that was made by hand with settings outside our schema."""


def ambiguous(kind: str, live_name: str, ids: Iterable[str]) -> str:
    """Return the refusal of a name that several objects bear."""
    listed = sorted(ids)
    return f"{len(listed)} {kind} bear the name {live_name!r} ({', '.join(listed)}); rename or delete all but one"


def not_ours(mark: Mark | None, owner: Owner, name: str, *, where: str) -> str:
    """Return the refusal of an object that does not bear our mark, and how people hand it over."""
    if mark is not None:
        return f"it is kept by another owner, {mark.owner!r}; it is neither edited nor deleted"
    return (
        "it exists without our mark, so it is neither edited nor deleted; "
        f"to hand it over, end {where} with {Mark(owner=owner, name=name)}"
    )


def holds(foreign: Iterable[FoundOutput]) -> str:
    """Return the refusal to remove a flow with outputs that are not ours."""
    names = ", ".join(sorted(output.live_name for output in foreign))
    return f"it holds outputs without our mark ({names}), which would go with it"


def would_lose(kept: Iterable[FoundOutput]) -> str:
    """Return the refusal to remove a flow with outputs that could not be made again now."""
    names = ", ".join(sorted(output.live_name for output in kept))
    return f"it holds outputs whose secrets could not be resolved ({names}), which would be lost"


def unread(region: Unreadable) -> str:
    """Return the refusal to remove what may be in a region that could not be read, and that nothing is wanted in."""
    return f"it could not be read, so nothing that may be there without a manifest is deleted: {region.why}"
