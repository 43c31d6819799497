"""Tests of `cli.run`."""

import pytest
from click.testing import CliRunner

from reconciler.cli.main import cli
from reconciler.domain.errors import ExitStatus


@pytest.mark.parametrize("mode", ["--once", "--demo"])
def test_only_a_loop_that_goes_on_listens(mode: str) -> None:
    """Nobody would come in time; so it is said, and nothing is started."""
    result = CliRunner().invoke(cli, ["run", mode, "--listen", "127.0.0.1:0"])

    assert result.exit_code == ExitStatus.USAGE
    assert "--listen is for a loop that goes on" in result.output


def test_where_it_listens_is_checked_before_anything_is_started() -> None:
    """As any setting is."""
    result = CliRunner().invoke(cli, ["run", "--listen", "localhost:8080"])

    assert result.exit_code == ExitStatus.USAGE
    assert "The option for service.listen: 'localhost' is no address" in result.output
