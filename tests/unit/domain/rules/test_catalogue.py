"""The rules and their page are in step."""

import re
from pathlib import Path

import pytest

from reconciler.domain.findings import Rule
from reconciler.domain.rules.catalogue import RULES

PAGE = (Path(__file__).parents[4] / "docs" / "rules.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_every_rule_is_documented(rule: Rule) -> None:
    """The page has a section with the rule's id, name, severity and explanation."""
    heading = rf"^## {rule.id} · {re.escape(rule.name)} \({rule.severity}\)$"

    section = re.search(rf"{heading}(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)

    assert section is not None
    assert rule.explanation in " ".join(section[1].split())


def test_nothing_else_is_documented() -> None:
    """A rule that is gone leaves no section."""
    assert re.findall(r"^## (SL\d+)", PAGE, re.MULTILINE) == list(RULES)


def test_ids_are_unique_and_in_order() -> None:
    """An id is SL and three digits, and the catalogue is sorted by it."""
    assert list(RULES) == sorted(RULES)
    assert all(re.fullmatch(r"SL\d{3}", rule_id) for rule_id in RULES)
