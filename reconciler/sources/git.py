"""
Manifests as a commit has them, read with the `git` program.

Nothing of a repository is run or followed: no hook, filter, external diff, submodule, symbolic link or lazy fetch. A
revision and a path are values, never options.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from reconciler.domain.errors import EnvironmentFailedError, UsageError
from reconciler.ports.source import MAX_FILE_BYTES, ManifestFile
from reconciler.sources.listing import BAD_IGNORE_FILE, IGNORE_FILE, SUFFIXES, Ignored
from reconciler.sources.scanning import shown

TIMEOUT_S: Final = 120.0
"""For one run of git; the largest tree that was tried takes a second."""

_HARMLESS: Final = (
    "--no-pager",
    "--no-replace-objects",
    "--literal-pathspecs",
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "credential.helper=",
    "-c", "protocol.allow=never",
)  # fmt: skip
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REVISION: Final = re.compile(r"[^-\x00-\x20\x7f][^\x00-\x1f\x7f]{0,249}")
_ENTRY: Final = re.compile(rb"(?P<mode>\d+) (?P<kind>\w+) (?P<id>[0-9a-f]+) +(?P<size>-|\d+)\t(?P<path>.*)", re.DOTALL)
_DIGITS: Final = tuple(b"%d" % digit for digit in range(10))
_MAX_NAME_BYTES: Final = 255
_LINK_MODE: Final = b"120000"
_MAX_SAID: Final = 200
_KEPT: Final = ("PATH", "HOME", "XDG_CONFIG_HOME", "USER", "LOGNAME", "TMPDIR")
"""What git gets of our environment: no secret, and nothing that makes it do something else."""


@dataclass(frozen=True, slots=True)
class _Blob:
    """One file of a commit that may be a manifest."""

    path: str
    """As findings show it."""
    id: bytes
    problem: str
    """Why it is not read, "" when it is."""


class Repository:
    """The repository that a directory is in; commits of it are read, and nothing is ever written."""

    def __init__(
        self, directory: Path, *, environment: Mapping[str, str], max_file_bytes: int = MAX_FILE_BYTES
    ) -> None:
        self._directory = directory
        self._environment = _harmless(environment)
        self._max_file_bytes = max_file_bytes

    def commit(self, revision: str) -> str:
        """
        Return the id of the commit that a revision names.

        Raises:
            UsageError: there is no such commit here, or this is no repository.
            EnvironmentFailedError: git is not there, or does not end.

        """
        if _REVISION.fullmatch(revision) is None:
            raise UsageError(f"{shown(revision)!r} is no revision. Give a branch, a tag or a commit.")
        status, said, why = self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        found = said.decode(errors="replace").split()
        if status == 0 and found and _COMMIT.fullmatch(found[-1]):
            return found[-1]
        if b"not a git repository" in why or b"dubious ownership" in why:
            where = shown(str(self._directory.absolute()))
            raise UsageError(f"{where} is in no git repository that may be read; run this within one: {_words(why)}")
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
        status, said, why = self._run("merge-base", commit, other)
        found = said.decode(errors="replace").split()
        if status == 0 and found:
            return found[0]
        if status != 1:
            raise EnvironmentFailedError(f"git merge-base failed with {status}: {_words(why)}")
        if self._read("rev-parse", "--is-shallow-repository").strip() == b"true":
            raise UsageError(
                "This clone is shallow, so where the branch began cannot be known. Fetch the history, with "
                "`git fetch --unshallow`; actions/checkout needs `fetch-depth: 0`."
            )
        return None

    def manifests(self, commit: str, paths: Sequence[Path]) -> tuple[ManifestFile, ...]:
        """
        Return the manifests at or below paths of the working directory as a commit has them, in the order of the paths.

        A path that the commit does not have is nothing.

        Raises:
            UsageError: a path leads out of the repository.
            EnvironmentFailedError: git cannot read the commit.

        """
        found: dict[str, _Blob] = {}
        for path in paths:
            for blob in self._below(commit, path):
                found.setdefault(blob.path, blob)
        blobs = [found[path] for path in sorted(found)]
        contents = self._contents([blob.id for blob in blobs if not blob.problem])
        return tuple(self._file(blob, contents) for blob in blobs)

    def _below(self, commit: str, path: Path) -> Iterator[_Blob]:
        within = self._within(path)
        entries = list(self._entries(commit, within))
        ignored: Ignored | None = None
        try:
            ignored = self._ignored(entries, within)
        except ValueError:
            yield _Blob(shown(os.path.normpath(path / IGNORE_FILE)), b"", BAD_IGNORE_FILE)
        for entry in entries:
            name = os.fsdecode(entry["path"])
            inner = name[len(within) :].lstrip("/") if within else name
            is_module = entry["kind"] != b"blob"
            # A path that is a file itself is taken as it is.
            if inner and not (is_module or inner.endswith(SUFFIXES)):
                continue
            problem = self._problem(entry)
            if inner and (_is_hidden(inner) or (ignored is not None and _leaves_out(ignored, inner, entry))):
                continue
            yield _Blob(shown(os.path.normpath(path / inner)), entry["id"], problem)

    def _entries(self, commit: str, within: str) -> Iterator[re.Match[bytes]]:
        arguments = ("ls-tree", "-r", "-z", "--long", "--full-tree", commit)
        for line in filter(None, self._read(*arguments, *(("--", within) if within else ())).split(b"\0")):
            entry = _ENTRY.fullmatch(line)
            if entry is None:
                raise EnvironmentFailedError(
                    f"git cannot tell what a commit holds, for objects are missing: {_words(line)}"
                )
            yield entry

    def _within(self, path: Path) -> str:
        """Return where a path of the working directory is within the repository, "" for its root."""
        top = self._read("rev-parse", "--show-toplevel").decode(errors="surrogateescape").rstrip("\n")
        found = os.path.relpath(
            os.path.realpath(self._directory / path.parent) + f"/{path.name}", os.path.realpath(top)
        )
        if found == "." or PurePosixPath(found) == PurePosixPath():
            return ""
        if found.split("/")[0] == "..":
            raise UsageError(f"{shown(str(path))} is not in the repository {shown(top)}.")
        return found

    def _ignored(self, entries: Sequence[re.Match[bytes]], within: str) -> Ignored | None:
        """
        Return what the commit leaves out.

        Raises:
            ValueError: it cannot be known.

        """
        name = os.fsencode(f"{within}/{IGNORE_FILE}" if within else IGNORE_FILE)
        for entry in entries:
            if entry["path"] == name:
                if self._problem(entry):
                    raise ValueError(self._problem(entry))
                (content,) = self._contents([entry["id"]]).values()
                return Ignored(content)
        return None

    def _problem(self, entry: re.Match[bytes]) -> str:
        if entry["kind"] != b"blob":
            return "it is a submodule, and those of a commit are not followed"
        if entry["mode"] == _LINK_MODE:
            return "it is a symbolic link, and links of a commit are not followed"
        if max(map(len, entry["path"].split(b"/"))) > _MAX_NAME_BYTES:
            return "its name is longer than any that a disk has"
        if int(entry["size"]) > self._max_file_bytes:
            return f"it has {int(entry['size'])} bytes, and at most {self._max_file_bytes} are read"
        return ""

    def _file(self, blob: _Blob, contents: Mapping[bytes, bytes]) -> ManifestFile:
        content = b"" if blob.problem else contents[blob.id]
        return ManifestFile(path=blob.path, problem=blob.problem, content=content)

    def _contents(self, ids: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return blobs by their ids."""
        wanted = list(dict.fromkeys(ids))
        said = self._read("cat-file", "--batch", given=b"".join(one + b"\n" for one in wanted)) if wanted else b""
        found: dict[bytes, bytes] = {}
        offset = 0
        for one in wanted:
            head = said[offset : said.index(b"\n", offset)]
            begin = offset + len(head) + 1
            if not head.endswith(_DIGITS):
                raise EnvironmentFailedError(f"git cannot tell what a commit holds: {_words(head)}")
            size = int(head.rpartition(b" ")[2])
            found[one] = said[begin : begin + size]
            offset = begin + size + 1
        return found

    def _read(self, *arguments: str, given: bytes = b"") -> bytes:
        status, said, why = self._run(*arguments, given=given)
        if status != 0:
            raise EnvironmentFailedError(f"git {arguments[0]} failed with {status}: {_words(why)}")
        return said

    def _run(self, *arguments: str, given: bytes = b"") -> tuple[int, bytes, bytes]:
        """Return how git ended, what it printed, and what it said of errors."""
        try:
            done = subprocess.run(  # noqa: S603 -- no shell, and every argument that people gave stands behind an option's end
                ["git", *_HARMLESS, *arguments],  # noqa: S607 -- the git that people have
                cwd=self._directory, env=self._environment, input=given, capture_output=True, check=False,
                timeout=TIMEOUT_S,
            )  # fmt: skip
        except FileNotFoundError as error:
            raise EnvironmentFailedError("git is not installed, and a commit can be read by nothing else.") from error
        except subprocess.TimeoutExpired as error:
            raise EnvironmentFailedError(f"git {arguments[0]} did not end within {TIMEOUT_S:g} s.") from error
        return done.returncode, done.stdout, done.stderr


def _harmless(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what git needs of the environment, so that it asks nobody and fetches nothing."""
    kept = {name: environment[name] for name in _KEPT if name in environment}
    return kept | {
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def _leaves_out(ignored: Ignored, inner: str, entry: re.Match[bytes]) -> bool:
    """Return whether a commit leaves out what it has; a name that no disk has is compared with nothing."""
    is_long = max(map(len, entry["path"].split(b"/"))) > _MAX_NAME_BYTES
    return not is_long and ignored.holds_any(inner if entry["kind"] == b"blob" else f"{inner}/")


def _is_hidden(inner: str) -> bool:
    return any(part.startswith(".") for part in inner.split("/"))


def _words(said: bytes) -> str:
    """Return what git said, fit to be shown."""
    return shown(" ".join(said.decode(errors="replace").split()))[:_MAX_SAID]
