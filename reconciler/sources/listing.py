"""Which files below a path are manifests."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE: Final = ".reconcilerignore"
"""At the root of a given path; gitignore syntax. Names below it that match are not read."""

SUFFIXES: Final = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Listed:
    """One thing that is to be read, or why it cannot be."""

    path: str
    problem: str = ""


def missing(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return those of the paths at which there is nothing, or nothing that we may see."""
    return tuple(path for path in paths if not os.path.exists(path))  # noqa: PTH110 -- Path.exists() fails of permissions.


def listed(root: Path) -> Iterator[Listed]:
    """
    Return the manifests at or below a path; a file that was named itself is taken as it is.

    Hidden names and links to directories are not followed, so no loop is. The order is that of the file system.
    """
    if not root.is_dir():
        yield Listed(str(root))
        return
    try:
        ignored = _ignore_spec(root / IGNORE_FILE)
    except (OSError, ValueError) as error:
        yield Listed(str(root / IGNORE_FILE), problem=_why(error))
        ignored = None
    yield from _below(str(root), "", ignored)


def _below(directory: str, within: str, ignored: "GitIgnoreSpec | None") -> Iterator[Listed]:
    try:
        entries = list(os.scandir(directory))
    except OSError as error:
        yield Listed(directory, problem=_why(error))
        return
    for entry in entries:
        name = entry.name
        if name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            if not _is_ignored(f"{within}{name}/", ignored):
                yield from _below(entry.path, f"{within}{name}/", ignored)
        elif name.endswith(SUFFIXES) and not _is_linked_directory(entry) and not _is_ignored(within + name, ignored):
            yield Listed(entry.path)


def _is_ignored(name: str, ignored: "GitIgnoreSpec | None") -> bool:
    return ignored is not None and ignored.match_file(name)


def _is_linked_directory(entry: "os.DirEntry[str]") -> bool:
    """Return whether it is a link to a directory: that is not followed, for it may lead back, and it is no file."""
    try:
        return entry.is_symlink() and entry.is_dir()
    except OSError:
        # A link to itself: reading it will say so.
        return False


def _ignore_spec(path: Path) -> "GitIgnoreSpec | None":
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    # Most trees have no such file, and the import would cost each of them some milliseconds.
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 -- see above.

    return GitIgnoreSpec.from_lines(lines)


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "it is not a list of gitignore patterns in UTF-8"
