"""The page on faults describes every knob, with examples that work."""

import re
from pathlib import Path
from typing import Final

import pytest

from reconciler import wiring
from reconciler.relay.faults.knobs import KINDS

PAGE: Final = (Path(__file__).parents[2] / "docs" / "faults.md").read_text()
EXAMPLES: Final = re.findall(r"^```yaml\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_every_knob_has_a_section_in_the_order_that_holds() -> None:
    """From the wire inwards, as the page says."""
    sections = re.findall(r"^## ([a-z]\w+)$", PAGE, flags=re.MULTILINE)

    assert sections == [kind.name for kind in KINDS]


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"example {number}" for number in range(len(EXAMPLES))])
def test_every_example_is_a_faults_file(tmp_path: Path, example: str) -> None:
    """Whoever copies one has a relay that does as the page says."""
    path = tmp_path / "faults.yaml"
    path.write_text(example)

    assert wiring.load_faults(path) is not None


def test_every_section_has_its_example() -> None:
    """Each knob is turned on somewhere on the page."""
    turned_on = {name for example in EXAMPLES for name in re.findall(r"^(\w+):", example, flags=re.MULTILINE)}

    assert turned_on == {kind.name for kind in KINDS}
