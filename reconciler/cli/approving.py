"""Approvals from the command line: options, their words, and signatures."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from reconciler.cli.terms import reason_from, span_from
from reconciler.domain.errors import UsageError

if TYPE_CHECKING:
    from reconciler.domain.changes import Plan
    from reconciler.domain.model import Key
    from reconciler.domain.policies import Approval
    from reconciler.settings import Settings

Verb = TypeVar("Verb", bound=Callable[..., Any])

_ID: Final = re.compile(r"[0-9a-f]{12}")


def approval_options(verb: Verb) -> Verb:
    """Give a verb the options that approve of changes."""
    for option in (
        click.option(
            "--sign-with",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="SSH key that signs the approvals, where the setting guard.approvers asks for that.",
        ),
        click.option(
            "--expires", default="30m", show_default=True, metavar="SPAN", help="How long they hold: 30m, 2h, 1d."
        ),
        click.option("--reason", default="", help="Why they are given; it is recorded."),
        click.option(
            "--approve",
            multiple=True,
            metavar="RESOURCE:ACTION:ID",
            help="Let one change pass although it is on air, as the plan names it; repeatable.",
        ),
    ):
        verb = option(verb)
    return verb


def approved(
    settings: "Settings", *, approve: tuple[str, ...], reason: str, expires: str, sign_with: Path | None
) -> "tuple[Approval, ...]":
    """
    Return the approvals that the command line gives.

    Raises:
        UsageError: one is none, the reason is missing, or nobody signed where that is asked for.
        EnvironmentFailedError: OpenSSH is not there, or cannot sign.

    """
    if not approve:
        if reason or sign_with is not None:
            raise UsageError("--reason and --sign-with are for approvals: give --approve RESOURCE:ACTION:ID, too")
        return ()
    terms = Terms(reason=reason, expires=expires, key=sign_with)
    return tuple(approval_of(settings, *_parts(text), terms) for text in approve)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is the same for every approval of one command."""

    reason: str
    expires: str
    """A span, such as 30m."""
    key: Path | None
    """Of whoever signs."""


def approval_of(settings: "Settings", resource: str, action: str, change: str, terms: Terms) -> "Approval":
    """
    Return the approval of one change, from now on and without a name; signed where that is asked for.

    Raises:
        UsageError: it is none, the reason is missing, or nobody signed where that is asked for.
        EnvironmentFailedError: OpenSSH is not there, or cannot sign.

    """
    from reconciler import wiring
    from reconciler.domain.changes import Action
    from reconciler.domain.model import key_of
    from reconciler.domain.policies import Approval
    from reconciler.domain.safety.releases import signed_text

    key = key_of(resource)
    if key is None or action not in set(Action) or not _ID.fullmatch(change):
        raise UsageError(
            f"{resource}:{action}:{change} is no change: say RESOURCE, ACTION and ID as the plan prints them, such as "
            "output/news/tower, delete and 3f9ac1d2e4b5"
        )
    _demand_need(key, action)
    reason, span = reason_from(terms.reason, "an approval"), span_from("--expires", terms.expires)
    now = wiring.clock().now().replace(microsecond=0)
    approval = Approval(name="", resource=key, action=Action(action), change=change, reason=reason, expires=now + span)
    if terms.key is not None:
        approval = replace(approval, signature=wiring.sign(signed_text(approval), terms.key))
    verifier = wiring.verifier(settings)
    if verifier.is_asked and verifier.signer(signed_text(approval), approval.signature) is None:
        raise UsageError(
            "The setting guard.approvers says who may approve, and none of them signed this: give --sign-with KEY, the "
            "SSH key of one of them"
        )
    return approval


def astray(approvals: "Iterable[Approval]", plan: "Plan", *, is_saved: bool = False) -> "Iterator[str]":
    """
    Yield a sentence for each approval that does nothing for a plan.

    Its change is another one by now, is gone, or is held back by what no approval lifts.
    """
    from reconciler.domain.change_ids import change_id
    from reconciler.domain.safety.releases import beyond_approval

    beyond = {(item.key, item.action): item for item in plan.blocked if beyond_approval(item)}
    changes = [*plan.changes, *(item.change for item in plan.blocked if item.change is not None)]
    planned = {(change.key, change.action): change for change in changes}
    for approval in approvals:
        change = planned.get((approval.resource, approval.action))
        given = f"The approval of {approval.resource}:{approval.action}:{approval.change} releases nothing"
        if is_saved and change not in plan.changes:
            yield f"{given}: the saved plan does not hold it, and nothing else is sent. Approve it without --plan."
        elif (item := beyond.get((approval.resource, approval.action))) is not None:
            yield f"{given}: no approval lifts what holds it back ({item.hold}): {item.why}."
        elif change is None:
            yield f"{given}: no {approval.action} of it is planned."
        elif (now := change_id(change)) != approval.change:
            yield f"{given}: what is planned for it is another change by now, {now}. Look at it, and approve that one."


def _parts(text: str) -> tuple[str, str, str]:
    from reconciler.cli.addresses import address_of

    address, _, rest = text.partition(":")
    action, _, change = rest.partition(":")
    return address_of(address), action, change


def _demand_need(key: "Key", action: str) -> None:
    from reconciler.domain.rules.policies import needless

    for fault in needless(key, action):
        raise UsageError(fault.message)
