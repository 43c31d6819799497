"""A simulated hour in production: faults, people and restarts; nothing grows, all is counted, and it comes to rest."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog

from tests.production.soak.day import Course, play

if TYPE_CHECKING:
    from reconciler.engine.reconcile import PassOutcome


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Have no log: every other line would be a fault on purpose."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


def test_an_hour_leaves_nothing_behind(tmp_path: Path) -> None:
    """`make long ARGS=soak` lives through a day; both bring the same bounds."""
    seen = play(Course(seed=20, hours=1.0, first_h=0.4, quiet_s=600), tmp_path)

    assert seen.wrong == []
    assert seen.told["processes killed"] == 2
    assert seen.told["calls that failed"] > 0
    assert min(rest.passes for rest in seen.rests) > 0


def test_one_object_that_is_kept_a_pass_is_seen(tmp_path: Path) -> None:
    """Whoever keeps what each pass says grows for ever, and the soak tells so."""
    kept: list[PassOutcome] = []

    seen = play(Course(seed=7, hours=1.0, first_h=0.4, quiet_s=600, on_pass=kept.append), tmp_path)

    assert any("PassOutcome more" in each for each in seen.wrong)
