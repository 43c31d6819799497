"""The file of a saved plan, read with the suspicion that is due to what anybody may have written."""

import json
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Final

from reconciler.domain.changes import Action, Blocked, Hold
from reconciler.domain.documents import Path
from reconciler.domain.errors import UsageError
from reconciler.domain.findings import fit
from reconciler.domain.impact import Impact
from reconciler.domain.model import Key, key_of
from reconciler.domain.saved_plans import Circumstances, SavedChange, SavedPlan
from reconciler.manifests.schemas import breaches_of, judge_of

MAX_BYTES: Final = 64 * 1024 * 1024
"""Larger files are not read: 64 MiB name some two hundred thousand changes."""
_TOLD: Final = 3
"""Places of a file that does not fit its schema that are told."""


def read_plan(content: bytes, *, called: str) -> SavedPlan:
    """
    Return the plan that a file holds.

    Args:
        content: the file's bytes.
        called: how people call the file.

    Raises:
        UsageError: it is no such file, or holds one change twice.

    """
    try:
        return _plan(_checked(_parsed(content)))
    except RecursionError as error:
        raise _refused(called, "it is nested deeper than any plan") from error
    except ValueError as error:
        raise _refused(called, fit(str(error))) from error


def document(plan: SavedPlan) -> Mapping[str, Any]:
    """Return what is written into the file; `schemas/v1/plan.json` describes it."""
    return {
        "version": 1,
        "made": plan.made.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "tool": plan.made.tool,
        "backend": plan.made.backend,
        "owner": plan.made.owner,
        "paths": list(plan.paths),
        "revision": plan.made.revision,
        "changes": [
            {
                "resource": str(change.key),
                "action": str(change.action),
                "id": change.id,
                "impact": str(change.impact),
                "found": change.found,
                "wanted": change.wanted,
            }
            for change in plan.changes
        ],
        "blocked": [
            {
                "resource": str(item.key),
                "action": str(item.action),
                "hold": str(item.hold),
                "why": item.why[:_LONGEST],
                **({"release": item.release[:_LONGEST]} if item.release else {}),
            }
            for item in plan.blocked
        ],
    }


_LONGEST: Final = 4096
"""Characters of what stands there for people; a command is made anew when the plan is carried out."""


def _refused(called: str, why: str) -> UsageError:
    return UsageError(f"{called} is not a plan that `reconciler plan --out` has written: {why}")


def _parsed(content: bytes) -> object:
    if len(content) > MAX_BYTES:
        msg = f"it has more than {MAX_BYTES} bytes"
        raise ValueError(msg)
    try:
        return json.loads(content.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        msg = f"it is no JSON at line {error.lineno}, column {error.colno}"
        raise ValueError(msg) from error
    except UnicodeDecodeError as error:
        msg = "it is no UTF-8"
        raise ValueError(msg) from error


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        msg = "a member stands in it twice"
        raise ValueError(msg)
    return found


def _no_number(said: str) -> object:
    msg = f"{said} is no number of JSON"
    raise ValueError(msg)


def _checked(value: object) -> Mapping[str, Any]:
    if not judge_of("plan")(value):
        told = islice(breaches_of("plan", value), _TOLD)
        places = "; ".join(f"{_place(breach.path)} does not keep `{breach.keyword}`" for breach in told)
        msg = f"it does not fit schemas/v1/plan.json: {places}"
        raise ValueError(msg)
    # Any: it fits its schema.
    fitting: Any = value
    whole: Mapping[str, Any] = fitting
    return whole


def _place(path: Path) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".") or "the whole"


def _plan(whole: Mapping[str, Any]) -> SavedPlan:
    changes = tuple(map(_change, whole["changes"]))
    if len({(change.key, change.action) for change in changes}) != len(changes):
        msg = "one change stands in it twice"
        raise ValueError(msg)
    _demand_characters(whole["backend"], *whole["paths"], *(item["why"] for item in whole["blocked"]))
    _demand_characters(*(item.get("release", "") for item in whole["blocked"]))
    return SavedPlan(
        made=Circumstances(
            at=datetime.fromisoformat(whole["made"]),
            tool=whole["tool"],
            backend=whole["backend"],
            owner=whole["owner"],
            revision=whole["revision"],
        ),
        paths=tuple(whole["paths"]),
        changes=changes,
        blocked=tuple(
            Blocked(
                key=_key(item["resource"]),
                action=Action(item["action"]),
                why=item["why"],
                hold=Hold(item["hold"]),
                release=item.get("release", ""),
            )
            for item in whole["blocked"]
        ),
    )


def _demand_characters(*texts: str) -> None:
    """Go on only where each can be printed and named to the system: JSON can escape one half of a character."""
    try:
        "".join(texts).encode()
    except UnicodeEncodeError as error:
        msg = "it holds one half of a character"
        raise ValueError(msg) from error


def _change(member: Mapping[str, str]) -> SavedChange:
    return SavedChange(
        key=_key(member["resource"]),
        action=Action(member["action"]),
        id=member["id"],
        impact=Impact[member["impact"].upper()],
        found=member["found"],
        wanted=member["wanted"],
    )


def _key(address: str) -> Key:
    key = key_of(address)
    if key is None:
        msg = f"{address} is no address"
        raise ValueError(msg)
    return key
