"""Nothing on air is disturbed unasked: random histories, on an account that checks each write as it takes effect."""

from typing import Final

import pytest

from tests.onair.mutants import MUTANTS
from tests.onair.playing import play

SEEDS: Final = range(200)
"""The first of the ten thousand that `make long ARGS=onair` plays."""


def test_no_write_disturbs_what_is_on_air_without_a_live_approval_of_that_very_change() -> None:
    """In none of the histories; and each ends with everything done that nobody has to see to."""
    found = play(SEEDS)

    assert found.wrong == []
    assert found.counted["off air"] > len(SEEDS) / 2
    assert found.counted["approved"] > len(SEEDS) / 5


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_guard_that_lacks_something_is_seen(mutant: str) -> None:
    """The same histories have a write that should not have been, whatever is taken out of the guard."""
    found = play(SEEDS, MUTANTS[mutant], stops=True)

    assert found.unsafe
