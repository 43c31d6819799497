"""The rules, their examples, and their page are in step."""

import re
from pathlib import Path

import pytest

from reconciler.cli.formats.pages import rules_page
from reconciler.domain.findings import Example, Rule
from reconciler.domain.rules.catalogue import RULES
from reconciler.manifests.reader import ManifestReader
from reconciler.ports.source import ManifestFile

PAGE = Path(__file__).parents[4] / "docs" / "rules.md"
SHOWN = {rule_id: rule for rule_id, rule in RULES.items() if isinstance(rule.example, Example)}
IN_WORDS = {"SL001", "SL002", "SL009", "SL313"}
"""Rules that no manifest alone can show."""


def ids(text: str) -> list[str]:
    """Return the rules that a file breaks."""
    verdict = ManifestReader().read([ManifestFile(path="a.yaml", content=text.encode())])
    return [finding.rule.id for finding in verdict.findings]


def test_the_page_is_made_from_the_rules() -> None:
    """`make pages` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == rules_page(RULES.values())


@pytest.mark.parametrize("rule", SHOWN.values(), ids=SHOWN.keys())
def test_the_example_breaks_its_rule_alone(rule: Rule) -> None:
    """What is shown as wrong is that and nothing else, and what is shown as right breaks no rule at all."""
    assert isinstance(rule.example, Example)

    assert ids(rule.example.whole(rule.example.wrong)) == [rule.id]
    assert ids(rule.example.whole(rule.example.right)) == []


def test_every_other_rule_is_told_in_words() -> None:
    """There are four of them."""
    assert RULES.keys() - SHOWN.keys() == IN_WORDS


def test_ids_are_unique_and_in_order() -> None:
    """An id is SL and three digits, and the catalogue is sorted by it."""
    assert list(RULES) == sorted(RULES)
    assert all(re.fullmatch(r"SL\d{3}", rule_id) and rule.id == rule_id for rule_id, rule in RULES.items())


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_a_rule_says_why_and_what_to_do(rule: Rule) -> None:
    """In whole sentences."""
    assert rule.explanation.endswith(".")
    assert rule.remedy.endswith(".")
    assert rule.name == rule.name.strip()
