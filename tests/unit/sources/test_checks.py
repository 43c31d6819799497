"""Tests of `sources.checks`."""

from pathlib import Path

import pytest

from reconciler.ports.checks import Grade, Sign
from reconciler.sources.checks import git_checks, watcher_checks
from reconciler.sources.clock import SystemClock

pytestmark = pytest.mark.anyio


async def watcher_of(folder: Path, allowed: str) -> Sign:
    """Return what is found of a tree of four directories, where the kernel allows so many."""
    for name in ("tree/a/b", "tree/c", "kernel"):
        (folder / name).mkdir(parents=True)
    (folder / "kernel" / "max_user_watches").write_text(allowed)
    (check,) = watcher_checks([folder / "tree"], SystemClock(), limits=folder / "kernel")
    (sign,) = await check.look()
    return sign


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        pytest.param("65536\n", Grade.OK, id="enough"),
        pytest.param("4\n", Grade.WARN, id="tight"),
        pytest.param("many", Grade.OK, id="not said"),
    ],
)
async def test_the_kernels_limit_is_compared(tmp_path: Path, allowed: str, expected: Grade) -> None:
    """With the directories that are watched, hidden ones too; it is never a failure, for the timer finds all."""
    found = await watcher_of(tmp_path, allowed)

    assert found.grade is expected
    assert "directories to watch: 4" in found.said


def with_git(folder: Path, says: str) -> dict[str, str]:
    """Return an environment whose git says this of itself."""
    program = folder / "git"
    program.write_text(f"#!/bin/sh\necho {says}\n")
    program.chmod(0o755)
    return {"PATH": str(folder)}


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        pytest.param("git version 2.39.5", Grade.OK, id="new enough"),
        pytest.param("git version 2.34.1", Grade.OK, id="just new enough"),
        pytest.param("git version 2.30.2", Grade.FAIL, id="too old"),
        pytest.param("nothing", Grade.FAIL, id="something else"),
    ],
)
async def test_git_is_new_enough(tmp_path: Path, says: str, expected: Grade) -> None:
    """The program of the path is asked itself."""
    (check,) = git_checks(with_git(tmp_path, says), is_needed=True)
    (sign,) = check.look()

    assert sign.grade is expected


async def test_git_is_needed_for_a_source_in_git_alone(tmp_path: Path) -> None:
    """Where manifests are files its lack is a warning."""
    grades = [
        sign.grade
        for is_needed in (True, False)
        for check in git_checks({"PATH": str(tmp_path)}, is_needed=is_needed)
        for sign in check.look()
    ]

    assert grades == [Grade.FAIL, Grade.WARN]
