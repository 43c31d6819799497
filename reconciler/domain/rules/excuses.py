"""
Excuses: one resource is excused from one rule, and somebody has written down why.

They stand in `metadata.annotations`, under `reconciler/ignore`: rule ids, a colon, and the reason. Several are
separated by a semicolon or a line end.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from reconciler.domain.documents import Fault, Path, Place
from reconciler.domain.findings import Excused, Finding, has_errors
from reconciler.domain.rules.catalogue import EXCUSE, RULES, UNUSED_EXCUSE
from reconciler.domain.rules.nearest import did_you_mean

ANNOTATION: Final = "reconciler/ignore"
_OURS: Final = "reconciler/"
_WORD: Final = "/ignore"
_SLIP: Final = re.compile(r"re?c\w{4,10}/ignore")
PATH: Final[Path] = ("metadata", "annotations", ANNOTATION)

_HINT: Final = 'write "SL214: why" and separate several with semicolons'
_NEXT: Final = re.compile(r"[;\n]\s*(?=SL\d)|;?\s*\Z")
_ENTRY: Final = re.compile(r"\s*(?P<ids>[A-Za-z0-9]+(?:\s*,\s*[A-Za-z0-9]+)*)\s*(?::(?P<reason>.*))?", re.DOTALL)
_MAX_LENGTH: Final = 1000
"""Characters of all excuses of a resource."""
_MAX_SHOWN: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Excuse:
    """One resource, one rule, one reason."""

    place: Place
    file: str
    rule_id: str
    reason: str


def faults(annotations: Mapping[str, Any]) -> Iterable[Fault]:
    """Return what is wrong with the excuses that a document's annotations hold."""
    for key in annotations:
        if key.startswith(_OURS) or key.endswith(_WORD):
            return chain(_slips(annotations), _faults(annotations.get(ANNOTATION)))
    return ()


def _slips(annotations: Mapping[str, Any]) -> Iterator[Fault]:
    """Return the annotations that are meant to be an excuse, or are under our name and mean nothing."""
    for key in annotations:
        is_ours = key.startswith(_OURS)
        if key != ANNOTATION and (is_ours or _SLIP.fullmatch(key) is not None):
            path: Path = (*PATH[:-1], key)
            message = "there is no annotation of this name" if is_ours else "an excuse under another name"
            yield Fault(rule=EXCUSE, path=path, message=message, hint=f"did you mean {ANNOTATION}?", on_key=True)


def _faults(written: str | None) -> Iterator[Fault]:
    if written is not None and len(written) > _MAX_LENGTH:
        message = f"the excuses have {len(written)} characters, and at most {_MAX_LENGTH} are read"
        yield Fault(rule=EXCUSE, path=PATH, message=message, hint=_HINT)
        return
    for ids, reason in _entries(written):
        for rule_id in ids:
            problem, hint = _problem(rule_id)
            if problem:
                yield Fault(rule=EXCUSE, path=PATH, message=problem, hint=hint)
        if not ids:
            yield Fault(rule=EXCUSE, path=PATH, message="an excuse names no rule", hint=_HINT)
        elif not reason:
            message = f"the excuse from {', '.join(map(_shown, ids))} gives no reason"
            yield Fault(rule=EXCUSE, path=PATH, message=message, hint=_HINT)


def of(annotations: Mapping[str, Any], place: Place, file: str) -> Iterable[Excuse]:
    """Return the excuses that count, of a document whose place is given."""
    written = annotations.get(ANNOTATION, "")
    return _excuses(written, place, file) if 0 < len(written) <= _MAX_LENGTH else ()


def _excuses(written: str, place: Place, file: str) -> Iterator[Excuse]:
    for ids, reason in _entries(written):
        for rule_id in ids:
            if reason and not _problem(rule_id)[0]:
                yield Excuse(place=place, file=file, rule_id=rule_id, reason=reason)


def sifted(findings: Iterable[Finding], excuses: Sequence[Excuse]) -> tuple[tuple[Finding, ...], tuple[Excused, ...]]:
    """
    Return the findings that stand, and those that are excused.

    An excuse that nothing needs is a finding of its own, unless there are errors: they may hide what it is for.
    """
    if not excuses:
        return tuple(findings), ()
    by_what = {(one.file, one.place.resource, one.rule_id): one for one in excuses}
    standing: list[Finding] = []
    excused: list[Excused] = []
    used: set[tuple[str, str, str]] = set()
    for finding in findings:
        what = (finding.at.file, finding.resource, finding.rule.id)
        excuse = by_what.get(what)
        if excuse is None:
            standing.append(finding)
        else:
            used.add(what)
            excused.append(Excused(finding=finding, reason=excuse.reason))
    if not has_errors(standing):
        standing += (_unused(excuse) for what, excuse in by_what.items() if what not in used)
    return tuple(standing), tuple(excused)


def _unused(excuse: Excuse) -> Finding:
    rule = RULES[excuse.rule_id]
    message = f"nothing here needs to be excused from {rule.id} ({rule.name})"
    return Fault(rule=UNUSED_EXCUSE, path=PATH, message=message, hint="remove it").at(excuse.place)


def _entries(written: str | None) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the ids and the reason of each excuse; no ids for one that cannot be read."""
    if written is None:
        return
    parts = [part for part in _NEXT.split(written) if part.strip()]
    if not parts:
        yield (), ""
    for part in parts:
        found = _ENTRY.fullmatch(part)
        if found is None:
            yield (), ""
        else:
            yield tuple(re.split(r"\s*,\s*", found["ids"])), " ".join((found["reason"] or "").split())


def _problem(rule_id: str) -> tuple[str, str]:
    """Return why no resource can be excused from this rule, and a hint; "" when one can."""
    rule = RULES.get(rule_id)
    if rule is None:
        hint = did_you_mean(rule_id, RULES) or "`reconciler explain rules` lists them"
        return f"there is no rule {_shown(rule_id)}", hint
    if not rule.can_be_excused:
        return f"nothing can be excused from {rule.id} ({rule.name})", "mend what it reports"
    return "", ""


def _shown(rule_id: str) -> str:
    return rule_id if len(rule_id) <= _MAX_SHOWN else "of this name"
