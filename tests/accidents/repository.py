"""The tree as a working copy of git."""

import subprocess
from pathlib import Path


def git(folder: Path, *words: str) -> None:
    """Run git."""
    identity = ("-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def commit(folder: Path, message: str) -> None:
    """Commit whatever is in the working copy."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
