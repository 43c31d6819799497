"""Fingerprints of findings: the same for the same fault, wherever it has moved to."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Final

from reconciler.domain.findings import Finding

_LENGTH: Final = 32


def fingerprints(findings: Iterable[Finding]) -> tuple[str, ...]:
    """
    Return a fingerprint for each finding: 32 characters of hexadecimal, unique among those that are given.

    It is made of the rule, of what the finding is about (the resource and the pointer; where no resource can be told,
    the file) and of its message, none of which holds a line or a column. Equal ones are counted.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    found = []
    for finding in findings:
        what = (finding.rule.id, finding.resource or finding.at.file, finding.pointer, finding.message)
        found.append(_digest(*what, str(seen[what])))
        seen[what] += 1
    return tuple(found)


def new_since(before: Iterable[Finding], findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings that were not there before, in their order."""
    known = set(fingerprints(before))
    findings = tuple(findings)
    return tuple(one for one, mark in zip(findings, fingerprints(findings), strict=True) if mark not in known)


def _digest(*parts: str) -> str:
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=_LENGTH // 2).hexdigest()
