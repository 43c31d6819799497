"""
Trees and what is wrong with them, one folder a case.

`manifests/` is validated from within the folder; `findings.txt` holds what the real command must print. After a
change that is meant, look at the difference and write the new findings down.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

CASES: Final = sorted(path for path in (Path(__file__).parent / "validation").iterdir() if path.is_dir())

LITERAL: Final = "hunter2"
"""Stands wherever a case writes a secret out."""


def validate(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the real command."""
    ours = ("RECONCILER_", "TENCENTCLOUD_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(
        [sys.executable, "-m", "reconciler", "validate", *arguments],
        cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path) -> None:
    """The findings are those of the case, and the status follows from them."""
    expected = (case / "findings.txt").read_text(encoding="utf-8")

    result = validate("manifests", cwd=case)

    assert result.stdout == expected
    assert result.returncode == (3 if " error: " in expected else 0)
    assert LITERAL not in result.stdout + result.stderr


def test_input_that_is_made_to_hurt(tmp_path: Path) -> None:
    """Bombs, giants, pipes and loops are one finding each; the sound file beside them is read, and soon."""
    sound = Path(__file__).parent / "validation" / "warnings" / "manifests" / "all.yaml"
    (tmp_path / "sound.yaml").write_bytes(sound.read_bytes())
    (tmp_path / "binary.yaml").write_bytes(bytes(range(256)) * 64)
    (tmp_path / "deep.yaml").write_text("[" * 5_000_000)
    (tmp_path / "gone.yaml").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    os.mkfifo(tmp_path / "pipe.yaml")
    with (tmp_path / "giant.yaml").open("wb") as file:
        file.truncate(100 * 1024 * 1024)

    result = validate(tmp_path, cwd=tmp_path)

    errors = [line.removeprefix(f"{tmp_path}/") for line in result.stdout.splitlines() if " error: " in line]
    assert errors == [
        "binary.yaml:1:1: SL002 error: the file is binary, or not UTF-8 (name it in .reconcilerignore)",
        "deep.yaml:1:65: SL009 error: values are nested more than 64 levels deep (the rest is not read)",
        "giant.yaml:1:1: SL001 error: the file cannot be read: it has 104857600 bytes, and at most 16777216 are read",
        "gone.yaml:1:1: SL001 error: the file cannot be read: No such file or directory",
        "loop.yaml:1:1: SL001 error: the file cannot be read: Too many levels of symbolic links",
        "pipe.yaml:1:1: SL001 error: the file cannot be read: it is not a regular file",
    ]
    assert f"{tmp_path}/sound.yaml:5:11: SL201 warning" in result.stdout
    assert result.returncode == 3


def test_an_alias_bomb_is_not_expanded(tmp_path: Path) -> None:
    """Ten levels of ten would be ten thousand million values; it is refused where it is written, and not followed."""
    levels = "".join(f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 10)}]\n" for level in range(1, 11))
    (tmp_path / "bomb.yaml").write_text("l0: &l0 [x]\n" + levels)

    result = validate(tmp_path, cwd=tmp_path)

    assert result.returncode == 3
    assert "bomb.yaml:1:5: SL005 error: an anchor" in result.stdout
    assert len(result.stdout.splitlines()) < 300


def test_paths_are_seen_together(tmp_path: Path) -> None:
    """Rules between documents see the union of all given paths; a path that does not exist is wrong usage."""
    between = Path(__file__).parent / "validation" / "sound" / "manifests"

    alone = validate(between / "city.yaml", cwd=tmp_path)
    together = validate(between / "city.yaml", between / "archive.yml", cwd=tmp_path)
    nowhere = validate(between, "nowhere", cwd=tmp_path)

    assert "SL301 error: there is no flow archive" in alone.stdout
    assert (together.returncode, together.stdout) == (0, "")
    assert (nowhere.returncode, nowhere.stdout) == (64, "")
    assert "nowhere" in nowhere.stderr
