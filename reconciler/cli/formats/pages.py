"""What people read of a rule, made from the rule itself: `docs/rules.md`, SARIF's help, `reconciler explain`."""

import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.domain.findings import Example, Rule, Severity

WIDTH: Final = 118

_HEAD: Final = """\
# Rules

Every finding of `reconciler validate` names one of these rules. An id never changes its meaning and is never used
again. An error keeps the whole tree from being applied; a warning does not. Where several faults have one cause, the
cause is reported: a broken document still defines its name, so that the outputs of a broken flow have no findings of
their own.

A finding is `file:line:column: ID severity: message (hint)`, with line and column from 1, the column in characters.
It is at the offending value; for a missing property at the mapping that lacks it; for an unknown or repeated one at
that key; for a repeated name at the later one. At a property that may hold a secret, neither the value nor the line
is quoted.

A resource can be excused from a warning, and from the errors that say so, when somebody writes down why:

```yaml
metadata:
  name: tower_north
  annotations:
    reconciler/ignore: "SL214: the partner's encoder cannot encrypt"
```

Several are separated with semicolons. `reconciler explain SL214` prints a rule at a terminal.

This page is written by `make pages` from the rules themselves.

| ids | about |
| --- | --- |
| SL0xx | Reading files |
| SL1xx | One document and its schema |
| SL2xx | What one document says |
| SL3xx | Between documents |
| SL4xx | How changes are made |
"""


def rules_page(rules: Iterable[Rule]) -> str:
    """Return `docs/rules.md`."""
    sections = (f"## {rule.id} · {rule.name} ({rule.severity})\n\n{rule_page(rule)}" for rule in rules)
    return "\n".join((_HEAD, *sections))


def rule_page(rule: Rule) -> str:
    """Return what a rule is about, in Markdown: why it is there, what to do, and an example."""
    return "\n".join(_paragraphs(rule))


def _paragraphs(rule: Rule) -> Iterator[str]:
    yield _filled(f"{rule.explanation} {rule.remedy}")
    if isinstance(rule.example, Example):
        wrong = "wrong" if rule.severity is Severity.ERROR else "odd"
        yield f"\n```yaml\n# {wrong}\n{rule.example.wrong}\n# right\n{rule.example.right}\n```\n"
    else:
        yield "\n" + _filled(f"For example: {rule.example}.") + "\n"
    if rule.is_judgement:
        yield "A resource can be excused from it.\n"


def _filled(said: str) -> str:
    return textwrap.fill(said, WIDTH, break_long_words=False, break_on_hyphens=False)
