"""`reconciler schema`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from reconciler.cli.main import cli


@pytest.mark.parametrize("name", ["manifest", "flow", "calendar", "config", "findings", "faults", "plan"])
def test_a_schema_is_printed(name: str) -> None:
    """As it is published."""
    result = CliRunner().invoke(cli, ["schema", name])

    assert result.exit_code == 0
    assert json.loads(result.stdout)["$id"] == f"urn:reconciler:v1:{name}"


def test_the_schema_of_any_document_is_the_default() -> None:
    """It is the one that editors want."""
    assert CliRunner().invoke(cli, ["schema"]).stdout == CliRunner().invoke(cli, ["schema", "manifest"]).stdout


def test_schemas_are_written_beside_a_repository(tmp_path: Path) -> None:
    """All of them, or one; older ones are replaced."""
    folder = tmp_path / "schemas" / "v1"

    every = CliRunner().invoke(cli, ["schema", "--write", str(folder)])
    (folder / "flow.json").write_text("old")
    one = CliRunner().invoke(cli, ["schema", "flow", "--write", str(folder)])

    assert (every.exit_code, one.exit_code) == (0, 0)
    assert sorted(path.name for path in folder.iterdir()) == [
        "approval.json", "calendar.json", "config.json", "faults.json", "findings.json", "flow.json", "manifest.json",
        "move.json", "notification.json", "output.json", "override.json", "plan.json",
    ]  # fmt: skip
    assert json.loads((folder / "flow.json").read_text())["title"] == "Flow"
    assert one.stderr == f"Wrote {folder / 'flow.json'}\n"


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    """Not as a bug of ours."""
    (tmp_path / "file").touch()

    result = CliRunner().invoke(cli, ["schema", "--write", str(tmp_path / "file" / "below")])

    assert result.exit_code == 1
    assert "cannot be written" in result.stderr
