"""`reconciler init`."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from reconciler.cli.main import cli
from reconciler.manifests.settings_file import read_settings
from reconciler.ports.source import ManifestFile


def names(root: Path) -> list[str]:
    """Return the files below a directory."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_a_first_tree_is_sound(tmp_path: Path) -> None:
    """It validates without a single finding, its settings fit their schema, and what is next is said."""
    root = tmp_path / "streams"

    made = CliRunner().invoke(cli, ["init", str(root)])
    validated = CliRunner().invoke(cli, ["validate", str(root / "manifests")])
    settings = read_settings(ManifestFile(path="r", content=(root / "reconciler.yaml").read_bytes()))

    assert made.exit_code == 0
    assert names(root) == [".gitignore", "manifests/studio.yaml", "reconciler.yaml"]
    assert (root / ".gitignore").read_text() == ".reconciler/\n"
    assert (validated.exit_code, validated.stdout) == (0, "")
    assert settings.findings == ()
    assert "reconciler run manifests/" in made.stdout
    assert f"cd {root}" in made.stdout


def test_what_is_commented_out_is_sound_too(tmp_path: Path) -> None:
    """Whoever takes the comment signs away gets what the comments promise."""
    CliRunner().invoke(cli, ["init", str(tmp_path)])
    manifest = tmp_path / "manifests" / "studio.yaml"
    head, _, tail = manifest.read_text().partition("# ---\n")
    wanted = "---\n" + "".join(line.removeprefix("# ") for line in tail.splitlines(keepends=True))
    encrypted = head.replace("# encryption:", "encryption:")

    manifest.write_text(encrypted + wanted)
    result = CliRunner().invoke(cli, ["validate", str(manifest)])

    assert (result.exit_code, result.stdout) == (0, "")
    assert "3 outputs" in result.stderr


@pytest.mark.parametrize("name", ["reconciler.yaml", "manifests/studio.yaml"])
def test_nothing_is_overwritten(tmp_path: Path, name: str) -> None:
    """One file that is there is enough, and nothing is written beside it."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")

    result = CliRunner().invoke(cli, ["init", str(tmp_path)])

    assert result.exit_code == 64
    assert names(tmp_path) == [name]
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("*.pyc\n", "*.pyc\n.reconciler/\n"),
        ("*.pyc", "*.pyc\n.reconciler/\n"),
        (".reconciler/\n*.pyc\n", ".reconciler/\n*.pyc\n"),
    ],
)
def test_what_git_ignores_is_added_to(tmp_path: Path, before: str, after: str) -> None:
    """One line, once."""
    (tmp_path / ".gitignore").write_text(before)

    CliRunner().invoke(cli, ["init", str(tmp_path)])

    assert (tmp_path / ".gitignore").read_text() == after


def test_the_working_directory_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And needs no `cd`."""
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(cli, ["init"])

    assert names(tmp_path) == [".gitignore", "manifests/studio.yaml", "reconciler.yaml"]
    assert "cd " not in result.stdout


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Not as a bug of ours."""
    (tmp_path / "file").touch()

    result = CliRunner().invoke(cli, ["init", str(tmp_path / "file" / "below")])

    assert result.exit_code == 1
    assert os.strerror(20) in result.stderr
