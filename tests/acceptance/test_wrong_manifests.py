"""
Manifests with one fault each; the first line of each says which rule finds it, and where.

In `together/` some documents hide what they are called, so what others name may be theirs; `whole/` has none of those.
"""

import json
import re
from pathlib import Path

import pytest

from reconciler.domain.rules.catalogue import RULES
from reconciler.manifests.reader import ManifestReader
from reconciler.ports.source import ManifestFile
from tests.acceptance.test_validation import LITERAL, validate

FOLDER = Path(__file__).parent / "wrong"
EXPECTED = re.compile(r"# expect: (?P<rule>SL\d{3}) (?P<line>\d+):(?P<column>\d+)\n")
ELSEWHERE = {
    "SL001": "a file that cannot be opened holds no comment: test_validation",
    "SL114": "told only where there are no errors: test_excuses",
    "SL313": "needs the setting backend.egress: test_links",
}


def expected_in(folder: Path) -> dict[str, list[str]]:
    """Return what is expected of each file: a rule, a line and a column."""
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        head = EXPECTED.match(path.read_text(encoding="utf-8"))
        assert head is not None, f"{path.name} does not say what is wrong with it"
        found[path.name] = [f"{head['rule']} {head['line']}:{head['column']}"]
    return found


@pytest.mark.parametrize("name", ["together", "whole"])
def test_each_fault_is_found_once_and_in_its_place(name: str) -> None:
    """One run over the folder prints what every file expects, and nothing else."""
    result = validate("--format", "json", ".", cwd=FOLDER / name)

    found: dict[str, list[str]] = {}
    for one in json.loads(result.stdout)["findings"]:
        found.setdefault(one["file"], []).append(f"{one['rule']} {one['line']}:{one['column']}")
    assert found == expected_in(FOLDER / name)
    assert LITERAL not in result.stdout + result.stderr


def test_each_fault_is_found_in_its_file_alone() -> None:
    """What is beside a file does not matter to what is said of it."""
    for name, places in expected_in(FOLDER / "together").items():
        file = ManifestFile(path=name, content=(FOLDER / "together" / name).read_bytes())
        findings = ManifestReader().read([file]).findings
        assert [f"{one.rule.id} {one.at.line}:{one.at.column}" for one in findings] == places, name


def test_every_rule_has_a_wrong_manifest() -> None:
    """But for those that no file can show; and there are sixty files at least."""
    files = [*expected_in(FOLDER / "together").values(), *expected_in(FOLDER / "whole").values()]

    assert len(files) >= 60
    assert {places[0].split()[0] for places in files} == RULES.keys() - ELSEWHERE.keys()
