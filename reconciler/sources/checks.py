"""Checks of where manifests come from: can changes be noticed at once, and is git there and new enough."""

import asyncio
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from reconciler.ports.checks import BlockingCheck, Check, Sign, fail, ok, warn
from reconciler.ports.clock import Clock
from reconciler.sources.directory import DirectorySource

GIT_NEEDED: Final = (2, 34)
"""The first that verifies SSH signatures of commits; Debian 12 has 2.39."""
_GIT_TIMEOUT_S: Final = 10.0
_INOTIFY: Final = Path("/proc/sys/fs/inotify")
_TIGHT_SHARE: Final = 0.8
_RAISE: Final = "Raise it: sysctl fs.inotify.max_user_watches=N, and in /etc/sysctl.d/ for good. The timer finds all."


def watcher_checks(paths: Sequence[Path], clock: Clock, limits: Path = _INOTIFY) -> tuple[Check, ...]:
    """Return the check that directories of manifests can be watched; `limits` is where the kernel says its own."""

    async def look() -> tuple[Sign, ...]:
        directories = await asyncio.to_thread(_directories, paths)
        most = _number(limits / "max_user_watches")
        most_said = "does not say how many it allows" if most is None else f"allows {most} to all programs of this user"
        said = f"directories to watch: {directories}, and the kernel {most_said}"
        with tempfile.TemporaryDirectory(prefix="reconciler-") as proofs:
            source = DirectorySource(paths, proofs=Path(proofs), clock=clock)
            try:
                source.watch(asyncio.Event())
                problem = source.watch_problem
            finally:
                await asyncio.to_thread(source.close)
        if problem:
            return (warn("watcher", f"{problem}; {said}", _RAISE),)
        if most is not None and directories > _TIGHT_SHARE * most:
            return (warn("watcher", said, _RAISE),)
        return (ok("watcher", f"changes are noticed at once; {said}"),)

    return (Check(about="watcher", look=look),)


def git_checks(environment: Mapping[str, str], *, is_needed: bool) -> tuple[BlockingCheck, ...]:
    """Return the check of the git program; where manifests are files it is needed for comparing revisions alone."""
    use = "" if is_needed else "; it is needed for --base, --changed-since and a source in git alone"

    def look() -> tuple[Sign, ...]:
        grade = fail if is_needed else warn
        newer = f"Install git {GIT_NEEDED[0]}.{GIT_NEEDED[1]} or newer: apt-get install --no-install-recommends git"
        try:
            said = _version(environment)
        except (OSError, subprocess.SubprocessError):
            return (grade("git", f"the program git is not there, or does not answer{use}", newer),)
        numbers = tuple(int(number) for number in re.findall(r"\d+", said)[:2])
        if numbers < GIT_NEEDED:
            return (grade("git", f"{said} is too old to verify signed commits{use}", newer),)
        return (ok("git", said),)

    return (BlockingCheck(about="git", look=look),)


def _version(environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        ["git", "version"],  # noqa: S607 -- the git that people have
        capture_output=True,
        check=True,
        env={"PATH": environment.get("PATH", os.defpath), "LC_ALL": "C"},
        text=True,
        timeout=_GIT_TIMEOUT_S,
    )
    return done.stdout.strip()


def _directories(paths: Sequence[Path]) -> int:
    """Return how many directories are watched: all below a path, the hidden ones too, as the kernel is asked."""
    roots = [path if path.is_dir() else path.parent for path in paths]
    return sum(1 for root in roots for _ in os.walk(root))


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
