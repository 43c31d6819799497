"""Approvals from the command line: options, their words, and signatures."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from reconciler.domain.errors import UsageError

if TYPE_CHECKING:
    from reconciler.domain.policies import Approval
    from reconciler.settings import Settings

Verb = TypeVar("Verb", bound=Callable[..., Any])

_SPANS: Final = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_SPAN: Final = re.compile(r"([1-9][0-9]{0,3})([mhd])")
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
    if not reason.strip():
        raise UsageError("An approval is recorded with its reason: give --reason 'why this may be noticed'")
    span = _span(expires)
    return tuple(_approval(settings, text, reason=reason.strip(), span=span, key=sign_with) for text in approve)


def _span(text: str) -> timedelta:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise UsageError(f"--expires {text} is no span: say 30m, 2h or 1d")
    return int(found[1]) * _SPANS[found[2]]


def _approval(settings: "Settings", text: str, *, reason: str, span: timedelta, key: Path | None) -> "Approval":
    from dataclasses import replace

    from reconciler import wiring
    from reconciler.domain.changes import Action
    from reconciler.domain.model import key_of
    from reconciler.domain.policies import Approval
    from reconciler.domain.safety.releases import signed_text

    address, _, rest = text.partition(":")
    action, _, change = rest.partition(":")
    resource = key_of(address)
    if resource is None or action not in set(Action) or not _ID.fullmatch(change):
        raise UsageError(
            f"--approve {text} is no approval: RESOURCE:ACTION:ID, as the plan prints it, such as "
            "output/news/tower:delete:3f9ac1d2e4b5"
        )
    now = wiring.clock().now().replace(microsecond=0)
    approval = Approval(
        name="", resource=resource, action=Action(action), change=change, reason=reason, expires=now + span
    )
    if key is not None:
        approval = replace(approval, signature=wiring.sign(signed_text(approval), key))
    verifier = wiring.verifier(settings)
    if verifier.is_asked and verifier.signer(signed_text(approval), approval.signature) is None:
        raise UsageError(
            "The setting guard.approvers says who may approve, and none of them signed this: give --sign-with KEY, the "
            "SSH key of one of them"
        )
    return approval
