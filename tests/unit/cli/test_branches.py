"""Verbs whose manifests come from a branch on a server."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reconciler.cli.main import cli
from reconciler.domain.errors import ExitStatus
from tests.unit.sources.git.forge import Forge
from tests.unit.wiring.chosen import FLOW


@pytest.fixture
def forge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Forge:
    """Give a repository with one commit, in a working directory whose settings name it."""
    forge = Forge(tmp_path)
    forge.push(manifests__news_yaml=FLOW)
    (tmp_path / "reconciler.yaml").write_text(f"source: {{git: {forge.home}}}\n")
    monkeypatch.chdir(tmp_path)
    return forge


def invoke(*words: str) -> Result:
    """Call the program."""
    return CliRunner().invoke(cli, words)


def test_a_branch_is_validated(forge: Forge) -> None:
    """Findings name files as the repository has them."""
    assert "1 files, 1 flows" in invoke("validate").stderr.replace("1 file,", "1 files,").replace("1 flow,", "1 flows,")

    forge.push(manifests__news_yaml=FLOW.replace("RTMP", "SMOKE"))
    broken = invoke("validate")

    assert broken.exit_code == ExitStatus.FINDINGS
    assert broken.stdout.startswith("manifests/news.yaml:4:")


def test_trouble_is_told_beside_the_result(forge: Forge) -> None:
    """The last commit is looked at, and stdout is the result alone."""
    invoke("validate")
    forge.home.rename(forge.home.with_name("away"))

    again = invoke("validate", "--format", "json")

    assert again.exit_code == 0
    json.loads(again.stdout)
    assert "source.fetch_failed" in again.stderr


def test_a_pass_is_made_of_a_branch(forge: Forge) -> None:
    """`run --once` fetches first; what it says to do next says the branch, too."""
    words = ("run", "--once", "--observe", "--git", str(forge.home), "--branch", "main", "--path", "manifests")

    passed = invoke("--state", "elsewhere", *words)

    assert "create flow/news" in passed.stdout
    assert f"run --git {forge.home} --branch main --path manifests" in passed.stderr


def test_why_and_the_calendar_look_at_the_branch(forge: Forge) -> None:
    """As every verb without a path does."""
    assert "manifests/news.yaml:1:1" in invoke("why", "flow/news").stdout
    forge.push(manifests__news_yaml="kind: Nothing")
    assert invoke("calendar").exit_code == ExitStatus.FINDINGS


@pytest.mark.parametrize("verb", ["run", "plan", "apply"])
def test_files_and_a_branch_are_not_both(forge: Forge, verb: str) -> None:
    """Whoever names two places is asked which."""
    refused = invoke(verb, "manifests", "--git", str(forge.home))

    assert refused.exit_code == ExitStatus.USAGE
    assert "PATH names files of this machine, and --git a repository" in refused.stderr


def test_commits_are_compared_here(forge: Forge) -> None:
    """A branch elsewhere is no part of that."""
    refused = invoke("plan", "--base", "main", "--git", str(forge.home))

    assert refused.exit_code == ExitStatus.USAGE
    assert "--base compares commits of the repository here" in refused.stderr
