"""Tests of `rollback`: what is kept, and what cannot be."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reconciler import wiring
from reconciler.cli.main import cli
from reconciler.domain.errors import ExitStatus
from tests.unit.sources.git.forge import Forge
from tests.unit.wiring.chosen import FLOW


@pytest.fixture
def forge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Forge:
    """Give a branch that is followed, with one commit."""
    forge = Forge(tmp_path)
    forge.push(manifests__news_yaml=FLOW)
    (tmp_path / "reconciler.yaml").write_text(f"source: {{git: {forge.home}}}\n")
    monkeypatch.chdir(tmp_path)
    assert invoke("validate").exit_code == ExitStatus.OK
    return forge


def invoke(*words: str) -> Result:
    """Call the program."""
    return CliRunner().invoke(cli, words)


def test_a_resource_is_kept_as_a_commit_has_it(forge: Forge) -> None:
    """And it is said which."""
    said = invoke("rollback", "flow/news", "--to", forge.tip(), "--reason", "it is dark")
    (pin,) = wiring.orders(wiring.load_settings(flags={}, environment={})).read().pins

    assert said.exit_code == ExitStatus.OK, said.output
    assert f"flow/news is kept as {forge.tip()[:12]} has it" in said.output
    assert pin.revision == forge.tip()


def test_what_has_no_manifest_any_more_is_not_rolled_back(forge: Forge) -> None:
    """The order would be over at once, and nobody is told that something is kept which is gone."""
    before = forge.tip()
    forge.push(manifests__sport_yaml=FLOW.replace("name: news", "name: sport"))

    said = invoke("rollback", "flow/news", "--to", before, "--reason", "it is dark")

    assert said.exit_code == ExitStatus.USAGE
    assert "There is no manifest of flow/news any more" in said.output
    assert wiring.orders(wiring.load_settings(flags={}, environment={})).read().pins == ()
