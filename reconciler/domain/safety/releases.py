"""Releases: approvals that let one change of one resource pass, and overrides that lift a limit; both expire."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Blocked, Change, Hold
from reconciler.domain.model import ResourceKind
from reconciler.domain.policies import Approval, Limit, Override, Policies


def holding(policies: Policies, *, now: datetime) -> Policies:
    """Return the policies without what has expired."""
    return replace(
        policies,
        approvals=tuple(each for each in policies.approvals if now < each.expires),
        overrides=tuple(each for each in policies.overrides if now < each.expires),
    )


def approval_of(change: Change, policies: Policies) -> Approval | None:
    """Return the approval that names this very change: resource, action and id; None where there is none."""
    return next(iter(approvals_of(change, policies)), None)


def approvals_of(change: Change, policies: Policies) -> tuple[Approval, ...]:
    """Return all approvals that name this very change."""
    candidates = [each for each in policies.approvals if (each.resource, each.action) == (change.key, change.action)]
    known = change_id(change) if candidates else ""
    return tuple(each for each in candidates if each.change == known)


def in_vain(change: Change, given: Policies, *, holds: Policies, now: datetime | None) -> str:
    """
    Return a sentence for each approval of the resource and action of a change that does not release it; "" without.

    Args:
        change: that nothing releases.
        given: all that was given, expired or not.
        holds: what of it holds; what does not and has not expired is not signed as it should be.
        now: when it would have to hold; None where nobody has a clock.

    """
    about = [each for each in given.approvals if (each.resource, each.action) == (change.key, change.action)]
    known = change_id(change) if about else ""
    told = []
    for each in about:
        name = f"The approval {each.name}" if each.name else "The approval of the command line"
        if each.change != known:
            told.append(f"{name} names change {each.change}, and this one is {known}.")
        elif now is not None and each.expires <= now:
            told.append(f"{name} expired at {_minute(each.expires)}.")
        elif each not in holds.approvals:
            told.append(f"{name} is not signed by anybody whom guard.approvers names.")
    return " ".join(told)


def lapsed(parts: Iterable[Change], given: Policies, limit: Limit, *, now: datetime | None) -> str:
    """Return which overrides that lifted a limit for one of these parts of a change have expired; as `in_vain` does."""
    over = [each for each in given.overrides if now is not None and each.expires <= now]
    about = dict.fromkeys(each for part in parts for each in over if _is_about(each, part, limit))
    return "".join(f"; the override {each.name} lifted that, and expired at {_minute(each.expires)}" for each in about)


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def override_of(change: Change, policies: Policies, limit: Limit) -> Override | None:
    """Return the override that lifts a limit for this change; None where there is none."""
    return next((each for each in policies.overrides if _is_about(each, change, limit)), None)


def overrides_of(parts: Iterable[Change], policies: Policies, limit: Limit) -> tuple[Override, ...]:
    """Return what lifts a limit for every one of these parts of a change; nothing where one of them has no override."""
    found = [override_of(part, policies, limit) for part in parts]
    lifting = tuple(override for override in found if override is not None)
    return tuple(dict.fromkeys(lifting)) if len(lifting) == len(found) else ()


def _is_about(override: Override, change: Change, limit: Limit) -> bool:
    if limit not in override.lifts or override.action is not change.action:
        return False
    of = override.of
    return of.holds(change.key) if isinstance(of, ResourceKind) else of == change.key


def signed_text(approval: Approval) -> str:
    """Return what an approver signs: the whole approval, a line for each of its words."""
    return (
        "reconciler approval v1\n"
        f"resource: {approval.resource}\n"
        f"action: {approval.action}\n"
        f"change: {approval.change}\n"
        f"reason: {approval.reason}\n"
        f"expires: {approval.expires.astimezone(UTC).isoformat(timespec='seconds')}\n"
    )


APPLY: Final = "reconciler apply"
"""How the command that releases begins where nobody says more."""
PLACEHOLDER: Final = "WHY"
"""What stands for the reason in the command that releases, and is none."""


_APPROVING: Final = " --approve "
"""What the beginning of the command that releases ends with."""


def command_for(change: Change) -> str:
    """Return the one command that releases a change, begun with `APPLY`."""
    return f"{APPLY}{_APPROVING}{change.key}:{change.action}:{change_id(change)} --reason '{PLACEHOLDER}'"


def said_from_here(item: Blocked, apply: str) -> Blocked:
    """Return what is held back with its command begun as it has to be here, for a shell; as it is without one."""
    # From its end: whoever names a folder so strangely has it in the beginning.
    _, approving, what = item.release.rpartition(_APPROVING)
    return replace(item, release=f"{apply}{approving}{what}") if item.release else item


def is_whole(release: str) -> bool:
    """Return whether a command that releases was kept to its end: half of one does something else."""
    return release.endswith(f" --reason '{PLACEHOLDER}'")


def whole(item: Blocked) -> str:
    """Return why something is held back, with the command that releases it where one does, as one text."""
    return f"{before_release(item.why)} {item.release}" if item.release else item.why


def before_release(why: str) -> str:
    """Return a reason, and the words after which people are given the command that releases."""
    return f"{why.removesuffix('.')}. To do it all the same:"


_BEYOND: Final = frozenset(
    {
        Hold.BUDGET,
        Hold.FLIP_FLOP,
        Hold.OWNERSHIP,
        Hold.PROTECTED,
        Hold.REDUNDANCY,
        Hold.TREE,
        Hold.UNFIT,
        Hold.UNREADABLE,
        Hold.WINDOW,
    }
)
"""What no approval lifts, and what does not pass within seconds."""
_SOMETIMES: Final = frozenset({Hold.GIVEN_UP, Hold.RENAME})
"""What one lifts where a command releases it."""


def beyond_approval(item: Blocked) -> bool:
    """Return whether no approval lifts what holds something back, so that to give one does nothing."""
    return item.hold in _BEYOND or (item.hold in _SOMETIMES and not item.release)
