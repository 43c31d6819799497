"""The repository that a directory is in: commits of it are named, and the manifests that they have."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from reconciler.domain.errors import EnvironmentFailedError, UsageError
from reconciler.ports.source import MAX_FILE_BYTES, ManifestFile
from reconciler.sources.git.commits import CommitReader, Place
from reconciler.sources.git.program import Git, harmless, words
from reconciler.sources.scanning import shown

_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REVISION: Final = re.compile(r"[^-\x00-\x20\x7f][^\x00-\x1f\x7f]{0,249}")


class Repository:
    """The repository that a directory is in; commits of it are read, and nothing is ever written."""

    def __init__(
        self, directory: Path, *, environment: Mapping[str, str], max_file_bytes: int = MAX_FILE_BYTES
    ) -> None:
        self._directory = directory
        self._git = Git(directory, environment=harmless(environment))
        self._reader = CommitReader(self._git, max_file_bytes=max_file_bytes)

    def commit(self, revision: str) -> str:
        """
        Return the id of the commit that a revision names.

        Raises:
            UsageError: there is no such commit here, or this is no repository.
            EnvironmentFailedError: git is not there, or does not end.

        """
        if _REVISION.fullmatch(revision) is None:
            raise UsageError(f"{shown(revision)!r} is no revision. Give a branch, a tag or a commit.")
        done = self._git.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        found = done.said.decode(errors="replace").split()
        if done.status == 0 and found and _COMMIT.fullmatch(found[-1]):
            return found[-1]
        if b"not a git repository" in done.why or b"dubious ownership" in done.why:
            where = shown(str(self._directory.absolute()))
            raise UsageError(
                f"{where} is in no git repository that may be read; run this within one: {words(done.why)}"
            )
        raise UsageError(
            f"There is no commit {shown(revision)!r} here. Fetch it first, with `git fetch`; a shallow clone in CI "
            f"needs `fetch-depth: 0` of actions/checkout."
        )

    def meeting(self, commit: str, other: str) -> str | None:
        """
        Return the commit that two have in common last; None when they have none.

        Raises:
            UsageError: the clone is shallow, so that it cannot be known.
            EnvironmentFailedError: git cannot read them.

        """
        done = self._git.run("merge-base", commit, other)
        found = done.said.decode(errors="replace").split()
        if done.status == 0 and found:
            return found[0]
        if done.status != 1:
            raise EnvironmentFailedError(f"git merge-base failed with {done.status}: {words(done.why)}")
        if self._git.read("rev-parse", "--is-shallow-repository").strip() == b"true":
            raise UsageError(
                "This clone is shallow, so where the branch began cannot be known. Fetch the history, with "
                "`git fetch --unshallow`; actions/checkout needs `fetch-depth: 0`."
            )
        return None

    def manifests(self, commit: str, paths: Sequence[Path]) -> tuple[ManifestFile, ...]:
        """
        Return the manifests at or below paths of the working directory as a commit has them, in path order.

        A path that the commit does not have is nothing.

        Raises:
            UsageError: a path leads out of the repository.
            EnvironmentFailedError: git cannot read the commit.

        """
        places = [Place(within=self._within(path), shown=path) for path in paths]
        return self._reader.manifests(commit, places)

    def _within(self, path: Path) -> str:
        """Return where a path of the working directory is within the repository, "" for its root."""
        top = self._git.read("rev-parse", "--show-toplevel").decode(errors="surrogateescape").rstrip("\n")
        found = os.path.relpath(
            os.path.realpath(self._directory / path.parent) + f"/{path.name}", os.path.realpath(top)
        )
        if found == "." or PurePosixPath(found) == PurePosixPath():
            return ""
        if found.split("/")[0] == "..":
            raise UsageError(f"{shown(str(path))} is not in the repository {shown(top)}.")
        return found
