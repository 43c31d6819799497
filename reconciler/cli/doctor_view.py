"""What `doctor` found, for people and for machines."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import click

from reconciler.cli.formats.json import dumped
from reconciler.domain.findings import fit
from reconciler.ports.checks import Grade, Sign

_COLOURS: Final = {Grade.OK: "green", Grade.WARN: "yellow", Grade.FAIL: "red"}
_WIDTH: Final = max(map(len, Grade))


def text(signs: Sequence[Sign]) -> Iterator[str]:
    """Yield a line for each sign, what to do below it, and how many there are of each kind."""
    widest = max((len(sign.about) for sign in signs), default=0)
    for sign in signs:
        grade = click.style(f"{sign.grade:<{_WIDTH}}", fg=_COLOURS[sign.grade])
        yield f"{grade}  {sign.about:<{widest}}  {_line(sign.said)}"
        if sign.next_step:
            yield f"{'':<{_WIDTH + widest + 4}}→ {_line(sign.next_step)}"
    counts = Counter(sign.grade for sign in signs)
    yield f"{len(signs)} looked at: {counts[Grade.OK]} ok, {counts[Grade.WARN]} warn, {counts[Grade.FAIL]} fail"


def document(signs: Sequence[Sign]) -> str:
    """Return the JSON of the signs, and how many there are of each kind."""
    counts = Counter(sign.grade for sign in signs)
    return dumped(
        {
            "checks": [
                {"about": sign.about, "grade": sign.grade, "said": sign.said, "nextStep": sign.next_step}
                for sign in signs
            ],
            "counts": {grade: counts[grade] for grade in Grade},
        }
    )


def _line(said: str) -> str:
    return " ".join(fit(line) for line in said.split("\n"))
