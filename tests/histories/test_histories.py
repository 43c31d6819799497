"""Histories: whatever goes wrong, nothing is there twice, nothing that was to go stays, and it comes to rest."""

from pathlib import Path

import pytest

from tests.histories import history
from tests.histories.history import Figures

SEEDS = 50
"""`make long ARGS=histories` lives through a thousand."""


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_history_ends_as_wanted(seed: int, tmp_path: Path, figures: Figures) -> None:
    """Through faults and deaths at every await, each thing is made once, and in good weather all is as wanted."""
    seen = history.run(seed, tmp_path)

    assert seen.longest < history.MOST_PASSES
    figures.add(seen)
