"""Git repositories of manifests, made by tests."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Manifests:
    """A repository whose manifests are in `manifests/`."""

    root: Path

    def git(self, *arguments: str) -> str:
        """Run git as somebody, and return what it printed."""
        settings = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example", "-c", "commit.gpgSign=false")
        # With dates that are ever the same, so are the commits.
        at = "2026-01-01T00:00:00Z"
        environment = {**os.environ, "GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
        done = subprocess.run(
            ["git", *settings, *arguments], cwd=self.root, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, **files: str | None) -> str:
        """Write files of `manifests/`, by their names without `.yaml`, or remove them; return the commit."""
        for name, text in files.items():
            path = self.root / "manifests" / f"{name}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink()
            else:
                path.write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message=x")
        return self.git("rev-parse", "HEAD")


def made(root: Path) -> Manifests:
    """Return a new repository."""
    root.mkdir(parents=True, exist_ok=True)
    repository = Manifests(root)
    repository.git("init", "--quiet", "--initial-branch=main")
    return repository
