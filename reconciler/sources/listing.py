"""Which files below a path are manifests."""

import os
import re
import stat
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

IGNORE_FILE: Final = ".reconcilerignore"
"""At the root of a given path; gitignore syntax. Names below it that match are not read."""

BAD_IGNORE_FILE: Final = (
    "it is not a list of gitignore patterns in UTF-8, at most 1000 lines, 64 KiB, four `*` a line and two a name"
)
_MAX_IGNORE_BYTES: Final = 64 * 1024
_MAX_LINES: Final = 1000
_MAX_WILDCARDS: Final = 4
_MAX_WILDCARDS_OF_A_NAME: Final = 2
_WILDCARD: Final = re.compile(r"\*+")
SUFFIXES: Final = (".yaml", ".yml")


class Folder(NamedTuple):
    """Manifests that are in one directory, or why it cannot be known which."""

    path: str
    """As names are put behind it, with its slash; "" for the working directory. Of a problem, what has it."""
    names: Sequence[str] = ()
    descriptor: int = -1
    """The directory itself, open until the next one is asked for: to look a name up in it costs least."""
    problem: str = ""


def missing(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return those of the paths at which there is nothing, or nothing that we may see."""
    return tuple(path for path in paths if not os.path.exists(path))  # noqa: PTH110 -- Path.exists() fails of permissions.


def folders(root: Path) -> Generator[Folder, None, None]:
    """
    Return the manifests at or below a path, by directory; a file that was named itself is taken as it is.

    Hidden names and links to directories are not followed, so no loop is. The order is that of the file system.
    """
    if root.is_dir():
        yield from _below(root)
        return
    parent = str(root)[: -len(root.name)]
    try:
        with _directory(parent, os.O_PATH) as descriptor:
            yield Folder(parent, (root.name,), descriptor)
    except OSError as error:
        yield Folder(str(root), problem=_why(error))


def _below(root: Path) -> Iterator[Folder]:
    try:
        ignored = _ignored(root / IGNORE_FILE)
    except (OSError, ValueError) as error:
        yield Folder(str(root / IGNORE_FILE), problem=_why(error))
        ignored = None
    # As people and forges write it: `a.yaml`, not `./a.yaml`.
    here = "" if root == Path() else f"{str(root).rstrip('/')}/"
    pending = [""]
    while pending:
        within = pending.pop()
        try:
            with _directory(here + within) as descriptor:
                inner, names = _entries(descriptor)
                inner = inner if ignored is None else [one for one in inner if not ignored.holds(f"{within}{one}/")]
                pending += (f"{within}{one}/" for one in inner)
                names = names if ignored is None else [one for one in names if not ignored.holds(within + one)]
                yield Folder(here + within, names, descriptor)
        except OSError as error:
            yield Folder((here + within).rstrip("/") or ".", problem=_why(error))


@contextmanager
def _directory(path: str, flags: int = os.O_RDONLY) -> Iterator[int]:
    descriptor = os.open(path or ".", flags | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _entries(directory: int) -> tuple[list[str], list[str]]:
    """Return the directories in a directory, and the manifests."""
    inner: list[str] = []
    names: list[str] = []
    for entry in os.scandir(directory):
        name = entry.name
        if name[0] == ".":
            continue
        if name.endswith(SUFFIXES) and _is_no_directory(entry):
            names.append(name)
        elif entry.is_dir(follow_symlinks=False):
            inner.append(name)
    return inner, names


def _is_no_directory(entry: "os.DirEntry[str]") -> bool:
    """Return whether it is neither a directory nor a link to one, which is not followed, for it may lead back."""
    try:
        return entry.is_file(follow_symlinks=False) or not entry.is_dir()
    except OSError:
        # A link to itself: reading it will say so.
        return True


def _ignored(path: Path) -> "Ignored | None":
    try:
        # Without blocking, and no more than is read: the name may lead to anything.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("it is no file")
        return Ignored(os.read(descriptor, _MAX_IGNORE_BYTES + 1))
    finally:
        os.close(descriptor)


class Ignored:
    """The names that an ignore file leaves out: relative to its place, those of directories with a slash at the end."""

    def __init__(self, content: bytes) -> None:
        """
        Read a file of gitignore's syntax.

        Raises:
            ValueError: it is no text, a line is no pattern, or it asks for more work than any tree needs.

        """
        # Most trees have no such file, and the import would cost each of them some milliseconds.
        from pathspec import GitIgnoreSpec  # noqa: PLC0415 -- see above.

        lines = content.decode("utf-8-sig").splitlines()
        if len(content) > _MAX_IGNORE_BYTES or len(lines) > _MAX_LINES or any(map(_is_costly, lines)):
            raise ValueError("it is too large")
        try:
            self._spec = GitIgnoreSpec.from_lines(lines)
        except re.error as error:
            raise ValueError(f"a pattern is none: {error}") from error
        self._directories: dict[str, bool] = {"": False}

    def holds(self, name: str) -> bool:
        """Return whether a name is left out, whatever becomes of what it is in."""
        return self._spec.match_file(name)

    def holds_any(self, name: str) -> bool:
        """Return whether a name is left out, or a directory that it is in: what is in one is never looked at."""
        return self._holds_directory(name.rstrip("/").rpartition("/")[0]) or self.holds(name)

    def _holds_directory(self, name: str) -> bool:
        known = self._directories.get(name)
        if known is None:
            known = self._holds_directory(name.rpartition("/")[0]) or self.holds(f"{name}/")
            self._directories[name] = known
        return known


def _is_costly(line: str) -> bool:
    """Return whether matching a line may take long: that grows with the wildcards, most within one name."""
    parts = [len(_WILDCARD.findall(part)) for part in line.split("/")]
    return max(parts) > _MAX_WILDCARDS_OF_A_NAME or sum(parts) > _MAX_WILDCARDS


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return BAD_IGNORE_FILE
