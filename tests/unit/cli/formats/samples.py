"""Findings to tell, hostile ones among them."""

from dataclasses import replace
from typing import Final

from reconciler.cli.formats.report import Report
from reconciler.domain.findings import Excused, Finding, Position, Severity
from reconciler.domain.rules.catalogue import HOST_BITS, MATRIX, NOT_ALLOWED

ERROR: Final = Finding(
    rule=MATRIX,
    at=Position("manifests/a.yaml", 3, 7),
    message="an input of protocol SRT cannot feed an output of protocol RTP",
    hint="the flow news may have RTMP_PUSH and SRT",
    pointer="/spec/protocol",
    resource="output/news/tower",
)
WARNING: Final = Finding(
    rule=HOST_BITS,
    at=Position("manifests/b.yaml", 9, 17),
    message="203.0.113.7/28 has bits beyond its prefix",
    hint="it means 203.0.113.0/28",
    pointer="/spec/allowlist/0",
    resource="output/news/players",
)
HOSTILE: Final = (
    "x\n::error file=/etc/passwd::pwned",
    "a%0Ab,c:d",
    "@everyone #1 <img src=x onerror=alert(1)> [link](https://evil.example) | `code` ``",
    "\x1b]0;title\x07\x1b[31mred",
    "]]></failure><script>",
    "{0} {1} [a](1)",
    "\u202eoverride\u202c \u200b",
    "\ud800",
    "kind ##[add-mask]x",
    "www.evil.example/x GH-1 0123456789abcdef0123456789abcdef01234567 https://evil.example",
)
"""Texts that mean something to some reader: to a shell, a forge, XML, SARIF, a terminal."""


def report(*findings: Finding, excused: tuple[Excused, ...] = ()) -> Report:
    """Return a report on two files."""
    is_sound = all(finding.weight is Severity.WARNING for finding in findings)
    return Report(
        findings=findings,
        excused=excused,
        files=("manifests/a.yaml", "manifests/b.yaml"),
        flows=1 if is_sound else None,
        outputs=2 if is_sound else None,
    )


def hostile(text: str) -> Finding:
    """Return a finding that says a text wherever it says anything."""
    return replace(ERROR, rule=NOT_ALLOWED, at=Position(text, 1, 1), message=text, hint=text, pointer=text)


def many(count: int, sample: Finding = ERROR) -> tuple[Finding, ...]:
    """Return so many findings, each on a line of its own."""
    return tuple(
        replace(sample, at=replace(sample.at, line=number + 1), pointer=f"/spec/{number}") for number in range(count)
    )
