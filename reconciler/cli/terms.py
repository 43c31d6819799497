"""What people say of an approval, a pause or a rollback: why, and for how long."""

import re
from datetime import timedelta
from typing import Final

from reconciler.domain.errors import UsageError
from reconciler.domain.safety.releases import PLACEHOLDER

MAX_REASON: Final = 500
"""Characters. Source: `schemas/v1/approval.json`."""
_SPANS: Final = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_SPAN: Final = re.compile(r"([1-9][0-9]{0,3})([mhd])")


def reason_from(text: str, of: str) -> str:
    """
    Return the reason of something that is recorded with one, such as `an approval`.

    Raises:
        UsageError: it is none, or too long.

    """
    reason = text.strip()
    if not reason:
        raise UsageError(f"{of[:1].upper()}{of[1:]} is recorded with its reason: give --reason 'why'")
    if reason.strip("'\"").casefold() == PLACEHOLDER.casefold():
        raise UsageError(
            f"{PLACEHOLDER} stands for the reason, and is none: it is recorded, for whoever asks later why this was "
            "done. Say why you do it: --reason 'the partner left on Friday'"
        )
    if len(reason) > MAX_REASON or not reason.isprintable():
        raise UsageError(f"--reason is one line of at most {MAX_REASON} characters")
    return reason


def span_from(option: str, text: str) -> timedelta:
    """
    Return the span that an option says.

    Raises:
        UsageError: it is none.

    """
    found = _SPAN.fullmatch(text)
    if found is None:
        raise UsageError(f"{option} {text} is no span: say 30m, 2h or 1d")
    return int(found[1]) * _SPANS[found[2]]
