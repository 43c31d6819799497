"""Which files below a path are manifests."""

import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

IGNORE_FILE: Final = ".reconcilerignore"
"""At the root of a given path; gitignore syntax. Names below it that match are not read."""

BAD_IGNORE_FILE: Final = "it is not a list of gitignore patterns in UTF-8, at most 64 KiB with ten `*` a line"
_MAX_IGNORE_BYTES: Final = 64 * 1024
_MAX_WILDCARDS: Final = 10
"""Of one line: matching takes longer with each of them."""
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
        return Ignored(path.read_bytes())
    except FileNotFoundError:
        return None


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

        lines = content.decode("utf-8").splitlines()
        if len(content) > _MAX_IGNORE_BYTES or any(line.count("*") > _MAX_WILDCARDS for line in lines):
            raise ValueError("it is too large")
        self._spec = GitIgnoreSpec.from_lines(lines)

    def holds(self, name: str) -> bool:
        """Return whether a name is left out, whatever becomes of what it is in."""
        return self._spec.match_file(name)

    def holds_any(self, name: str) -> bool:
        """Return whether a name is left out, or a directory that it is in: what is in one is never looked at."""
        parts = name.split("/")
        return any(self.holds("/".join(parts[:depth]) + "/") for depth in range(1, len(parts))) or self.holds(name)


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return BAD_IGNORE_FILE
