"""`reconciler validate`."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reconciler.cli.main import cli

FLOW = """\
apiVersion: reconciler/v1
kind: Flow
metadata: {name: news}
spec:
  region: local
  state: idle
  input: {protocol: RTMP, allowlist: [10.0.0.0/8]}
"""


def run(arguments: Sequence[str | Path], **env: str) -> Result:
    """Run the command in an environment without our settings."""
    clean = {name: "" for name in os.environ if name.startswith(("RECONCILER_", "TENCENTCLOUD_"))}
    return CliRunner(env={**clean, **env}).invoke(cli, ["validate", *map(str, arguments)])


def test_a_sound_tree(tmp_path: Path) -> None:
    """Nothing on stdout, a line of what was read on stderr, and 0."""
    (tmp_path / "a.yaml").write_text(FLOW)

    result = run([tmp_path])

    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr == "1 file, 1 flow, no outputs: no errors, no warnings.\n"


def test_without_a_path_it_reads_what_every_verb_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The manifests of the working directory, or those of the settings."""
    monkeypatch.chdir(tmp_path)
    for folder in ("manifests", "live"):
        (tmp_path / folder).mkdir()
    (tmp_path / "live" / "a.yaml").write_text(FLOW)

    usual = run([])
    (tmp_path / "reconciler.yaml").write_text("source: {paths: [live]}\n")
    chosen = run([])

    assert (usual.exit_code, chosen.exit_code) == (0, 0), usual.output + chosen.output
    assert "no flows" in usual.stderr
    assert "1 flow" in chosen.stderr


def test_findings_are_sorted_on_stdout(tmp_path: Path) -> None:
    """One a line, in the form that editors know, and 3."""
    (tmp_path / "b.yaml").write_text(FLOW.replace("news", "b").replace("idle", "ide"))
    (tmp_path / "a.yaml").write_text(FLOW.replace("local", "moon-base") + "---\n" + FLOW + "  nope: 1\n")

    result = run([tmp_path / "b.yaml", tmp_path])

    assert result.exit_code == 3
    assert [line.split(": ")[0].removeprefix(f"{tmp_path}/") for line in result.stdout.splitlines()] == [
        "a.yaml:5:11",
        "a.yaml:11:18",
        "a.yaml:16:3",
        "b.yaml:6:10",
    ]
    counted, explained = result.stderr.split(". ")
    assert counted == "2 files: 3 errors, 1 warning"
    assert explained == "`reconciler explain SL201` says more.\n"


def test_warnings_alone_end_with_0(tmp_path: Path) -> None:
    """They are told all the same."""
    (tmp_path / "a.yaml").write_text(FLOW.replace("local", "moon-base"))

    result = run([tmp_path])

    assert result.exit_code == 0
    assert "SL201 warning" in result.stdout


def test_findings_for_programs(tmp_path: Path) -> None:
    """JSON holds every part of a finding."""
    (tmp_path / "a.yaml").write_text(FLOW.replace("idle", "ide"))

    result = run(["--format", "json", tmp_path])

    assert result.exit_code == 3
    said = json.loads(result.stdout)
    fingerprint = said["findings"][0]["fingerprint"]
    assert len(fingerprint) == 32
    assert said == {
        "version": 1,
        "errors": 1,
        "warnings": 0,
        "files": 1,
        "flows": None,
        "outputs": None,
        "since": None,
        "known": 0,
        "excused": [],
        "findings": [
            {
                "rule": "SL104",
                "name": "value not allowed",
                "severity": "error",
                "file": str(tmp_path / "a.yaml"),
                "line": 6,
                "column": 10,
                "resource": "flow/news",
                "pointer": "/spec/state",
                "message": "must be running or idle, not ide",
                "hint": "did you mean idle?",
                "fingerprint": fingerprint,
            }
        ],
    }


@pytest.mark.parametrize("arguments", [["gone"], ["--format", "xml", "."], ["--nope", "."]])
def test_wrong_usage_ends_with_64(tmp_path: Path, arguments: list[str]) -> None:
    """A path that does not exist, too: a misspelt one must not pass for an empty tree."""
    result = run([tmp_path / one if one == "gone" else one for one in arguments])

    assert result.exit_code == 64
    assert result.stdout == ""


def test_which_variables_may_be_named_is_a_setting(tmp_path: Path) -> None:
    """From the option, else the environment or the settings file."""
    pulled = "{protocol: RTMP_PULL, rtmpPull: {url: 'rtmp://x/a', streamKey: {env: LIVE_KEY}}}"
    (tmp_path / "a.yaml").write_text(FLOW.replace("{protocol: RTMP, allowlist: [10.0.0.0/8]}", pulled))

    assert run([tmp_path]).exit_code == 3
    assert run(["--secrets-env", "X_*", "--secrets-env", "LIVE_*", tmp_path]).exit_code == 0
    assert run([tmp_path], RECONCILER_SECRETS_ENV="LIVE_*").exit_code == 0


def test_colours_are_for_terminals(tmp_path: Path) -> None:
    """A pipe gets none, unless they are asked for."""
    (tmp_path / "a.yaml").write_text(FLOW.replace("idle", "ide"))

    plain = run([tmp_path])
    coloured = CliRunner().invoke(cli, ["--color", "validate", str(tmp_path)])

    assert "\x1b[" not in plain.stdout
    assert "\x1b[31m" in coloured.stdout
