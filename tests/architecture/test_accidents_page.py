"""The page on accidents and their tests name each other."""

import ast
import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "accidents.md").read_text(encoding="utf-8")
ROW: Final = re.compile(
    r"^\| (\d+) \| .*? \| (.*?) \| .*? \| \[(.*?)\]\(\.\./tests/accidents/(.*?)\) \|$", re.MULTILINE
)
ROWS: Final = ROW.findall(PAGE)
MODULES: Final = sorted(path.name for path in (ROOT / "tests" / "accidents").glob("test_*.py"))


def test_each_scenario_has_its_row() -> None:
    """In the order of their numbers, and the link goes where it says."""
    assert [shown for _, _, shown, _ in ROWS] == [target for _, _, _, target in ROWS]
    assert sorted(target for *_, target in ROWS) == MODULES
    assert all(target.startswith(f"test_{int(number):02}_") for number, _, _, target in ROWS)


@pytest.mark.parametrize("module", MODULES)
def test_a_scenario_says_to_whom_it_happened(module: str) -> None:
    """The threads of the page are those of the module, or the module says which other one has them."""
    text = ast.get_docstring(ast.parse((ROOT / "tests" / "accidents" / module).read_text(encoding="utf-8"))) or ""
    ((_, whom, _, _),) = [row for row in ROWS if row[3] == module]

    threads = re.findall(r"#\d+", text)

    assert threads == re.findall(r"#\d+", whom)
    assert threads or "As test_" in text
