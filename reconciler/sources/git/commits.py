"""The manifests that a commit has; what was read of one commit is not read again of the next."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from reconciler.domain.errors import EnvironmentFailedError
from reconciler.ports.source import MAX_FILE_BYTES, ManifestFile
from reconciler.sources.git.program import Git, words
from reconciler.sources.listing import BAD_IGNORE_FILE, IGNORE_FILE, SUFFIXES, Ignored
from reconciler.sources.scanning import shown

_ENTRY: Final = re.compile(rb"(?P<mode>\d+) (?P<kind>\w+) (?P<id>[0-9a-f]+) +(?P<size>-|\d+)\t(?P<path>.*)", re.DOTALL)
_DIGITS: Final = tuple(b"%d" % digit for digit in range(10))
_MAX_NAME_BYTES: Final = 255
_LINK_MODE: Final = b"120000"
_FEW: Final = 200
"""Paths that differ between two commits, and are asked for by name at most; of more all is listed again."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where manifests are in a repository."""

    within: str
    """From its root; "" for the root."""
    shown: Path
    """As people call it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Blob:
    """One file of a commit that may be a manifest; made once of each line, so that only the very same is equal."""

    path: str
    """As findings show it."""
    id: bytes
    problem: str
    """Why it is not read, "" when it is."""


@dataclass(slots=True)
class _Listed:
    """What was made of the lines that git listed of one place."""

    commit: str = ""
    """Of which they are."""
    lines: dict[bytes, bytes] = field(default_factory=dict)
    """By path."""
    ignore_file: bytes = b""
    """The line of the list of what is left out; another one makes all below stale."""
    ignored: Ignored | None = None
    is_unclear: bool = False
    """Whether what is left out cannot be known."""
    blobs: dict[bytes, _Blob | None] = field(default_factory=dict)
    """By line; None where it is no manifest."""


class CommitReader:
    """Reads manifests of commits, one after the other; not from two threads at once."""

    def __init__(self, git: Git, *, max_file_bytes: int = MAX_FILE_BYTES) -> None:
        self._git = git
        self._max_file_bytes = max_file_bytes
        self._listed: dict[Place, _Listed] = {}
        self._files: dict[_Blob, ManifestFile] = {}

    def manifests(self, commit: str, places: Sequence[Place]) -> tuple[ManifestFile, ...]:
        """
        Return the manifests at or below places as a commit has them, in path order.

        A place that the commit does not have is nothing. A file that is as it was is the same value as before.

        Raises:
            EnvironmentFailedError: git cannot read the commit.

        """
        found: dict[str, _Blob] = {}
        for place in places:
            for blob in self._below(commit, place):
                found.setdefault(blob.path, blob)
        blobs = [found[path] for path in sorted(found)]
        new = [blob for blob in blobs if blob not in self._files]
        contents = self._contents([blob.id for blob in new if not blob.problem])
        made = {blob: self._file(blob, contents) for blob in new}
        self._files = {blob: self._files.get(blob) or made[blob] for blob in blobs}
        return tuple(self._files.values())

    def _below(self, commit: str, place: Place) -> Iterator[_Blob]:
        before = self._listed.get(place, _Listed())
        lines = self._lines(commit, place, before)
        name = f"{place.within}/{IGNORE_FILE}" if place.within else IGNORE_FILE
        listed = self._beginning(before, lines.get(os.fsencode(name), b""))
        known = listed.blobs
        listed.blobs = {
            line: known[line] if line in known else self._blob(_entry(line), place, listed.ignored)
            for line in lines.values()
        }
        listed.commit, listed.lines = commit, lines
        self._listed[place] = listed
        if listed.is_unclear:
            yield _Blob(shown(os.path.normpath(place.shown / IGNORE_FILE)), b"", BAD_IGNORE_FILE)
        yield from filter(None, listed.blobs.values())

    def _beginning(self, before: _Listed, ignore_file: bytes) -> _Listed:
        """Return what still holds of a place where its list of what is left out is at this line."""
        if before.ignore_file == ignore_file:
            return replace(before)
        try:
            return _Listed(ignore_file=ignore_file, ignored=self._ignored(ignore_file))
        except ValueError:
            return _Listed(ignore_file=ignore_file, is_unclear=True)

    def _lines(self, commit: str, place: Place, before: _Listed) -> dict[bytes, bytes]:
        """Return what git lists of a place, by path; where little differs from the commit before, only that."""
        changed = self._changed(before.commit, commit, place) if before.commit else None
        if changed is None:
            return self._list(commit, [place.within] if place.within else [])
        asked = frozenset(changed)
        kept = {path: line for path, line in before.lines.items() if path not in asked}
        return kept | self._list(commit, list(map(os.fsdecode, changed))) if changed else before.lines

    def _changed(self, before: str, commit: str, place: Place) -> list[bytes] | None:
        """Return the paths of a place at which two commits differ; None where they are many, or it cannot be known."""
        arguments = ("diff-tree", "-r", "-z", "--name-only", "--no-renames", before, commit)
        done = self._git.run(*arguments, *(("--", place.within) if place.within else ()))
        paths = list(filter(None, done.said.split(b"\0")))
        # The commit of before may be gone, after history was rewritten.
        return paths if done.status == 0 and len(paths) <= _FEW else None

    def _list(self, commit: str, paths: Sequence[str]) -> dict[bytes, bytes]:
        said = self._git.read(
            "ls-tree", "-r", "-z", "--long", "--full-tree", commit, *(("--", *paths) if paths else ())
        )
        return {line.partition(b"\t")[2]: line for line in said.split(b"\0") if line}

    def _ignored(self, line: bytes) -> Ignored | None:
        """
        Return what the commit leaves out.

        Raises:
            ValueError: it cannot be known.

        """
        if not line:
            return None
        entry = _entry(line)
        if self._problem(entry):
            raise ValueError(self._problem(entry))
        (content,) = self._contents([entry["id"]]).values()
        return Ignored(content)

    def _blob(self, entry: re.Match[bytes], place: Place, ignored: Ignored | None) -> _Blob | None:
        name = os.fsdecode(entry["path"])
        inner = name[len(place.within) :].lstrip("/") if place.within else name
        is_module = entry["kind"] != b"blob"
        # A path that is a file itself is taken as it is.
        if inner and not (is_module or inner.endswith(SUFFIXES)):
            return None
        if inner and (_is_hidden(inner) or (ignored is not None and _leaves_out(ignored, inner, entry))):
            return None
        return _Blob(shown(os.path.normpath(place.shown / inner)), entry["id"], self._problem(entry))

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

    @staticmethod
    def _file(blob: _Blob, contents: Mapping[bytes, bytes]) -> ManifestFile:
        content = b"" if blob.problem else contents[blob.id]
        return ManifestFile(path=blob.path, problem=blob.problem, content=content)

    def _contents(self, ids: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return blobs by their ids."""
        wanted = list(dict.fromkeys(ids))
        said = self._git.read("cat-file", "--batch", given=b"".join(one + b"\n" for one in wanted)) if wanted else b""
        found: dict[bytes, bytes] = {}
        offset = 0
        for one in wanted:
            head = said[offset : said.index(b"\n", offset)]
            begin = offset + len(head) + 1
            if not head.endswith(_DIGITS):
                raise EnvironmentFailedError(f"git cannot tell what a commit holds: {words(head)}")
            size = int(head.rpartition(b" ")[2])
            found[one] = said[begin : begin + size]
            offset = begin + size + 1
        return found


def _entry(line: bytes) -> re.Match[bytes]:
    entry = _ENTRY.fullmatch(line)
    if entry is None:
        raise EnvironmentFailedError(f"git cannot tell what a commit holds, for objects are missing: {words(line)}")
    return entry


def _leaves_out(ignored: Ignored, inner: str, entry: re.Match[bytes]) -> bool:
    """Return whether a commit leaves out what it has; a name that no disk has is compared with nothing."""
    is_long = max(map(len, entry["path"].split(b"/"))) > _MAX_NAME_BYTES
    return not is_long and ignored.holds_any(inner if entry["kind"] == b"blob" else f"{inner}/")


def _is_hidden(inner: str) -> bool:
    return any(part.startswith(".") for part in inner.split("/"))
