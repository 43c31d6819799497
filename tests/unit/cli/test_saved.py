"""Tests of `cli.saved`: where a plan can be put."""

from pathlib import Path

import pytest

from reconciler.cli.saved import demand_place, write
from reconciler.domain.errors import EnvironmentFailedError, UsageError
from tests.unit.manifests.test_plan_file import PLAN


def test_a_name_that_no_system_takes_is_the_users_mistake(tmp_path: Path) -> None:
    """It is told, and is no bug of ours."""
    with pytest.raises(UsageError, match="cannot be written"):
        demand_place(tmp_path / ("p" * 300))


def test_what_cannot_be_written_leaves_nothing_behind() -> None:
    """A folder that takes no file is named with the system's reason."""
    with pytest.raises(EnvironmentFailedError, match=r"The plan cannot be written to /proc/p\.json: "):
        write(Path("/proc/p.json"), PLAN)


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    """Whoever left a link there does not choose what is overwritten."""
    other, link = tmp_path / "other", tmp_path / "p.json"
    other.write_text("precious")
    link.symlink_to(other)

    demand_place(link)
    write(link, PLAN)

    assert other.read_text() == "precious"
    assert not link.is_symlink()
