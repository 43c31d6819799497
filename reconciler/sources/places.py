"""What to watch so that nothing at or below given paths changes unseen, whatever is swapped on the way there."""

import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.sources.listing import IGNORE_FILE, SUFFIXES

_MAX_LINKS: Final = 40
"""Links on the way to one path; the kernel follows no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the given paths lead at one moment; two that are equal are watched by the same watches."""

    directories: Mapping[str, bool]
    """What to watch, without a link in it, and whether with all that is below."""
    roots: tuple[str, ...]
    """Given directories where they really are."""
    files: frozenset[str]
    """Given files where they really are."""
    turns: frozenset[str]
    """Names whose exchange leads elsewhere: the links on the way, and its end or the first name that is not there."""
    absent: bool
    """Whether one of the paths leads nowhere."""
    identities: tuple[tuple[int, int] | None, ...]
    """Device and inode of each directory, None where there is none any more."""

    def holds(self, path: str) -> bool:
        """Return whether a change at this path may be one of what is read."""
        return path in self.files or any(_matters(path[len(root) :]) for root in self.roots if path.startswith(root))


def places(paths: Sequence[Path]) -> Places:
    """Return what to watch for these paths now; a path that is not there yet is waited for where the way to it ends."""
    directories: dict[str, bool] = {}
    roots, files, turns = set[str](), set[str](), set[str]()
    ends = [_follow(str(Path(path).absolute()), turns) for path in paths]
    for end in filter(None, ends):
        if stat.S_ISDIR(_mode(end)):
            roots.add(end)
            directories[end] = True
        else:
            files.add(end)
    for turn in turns:
        directories.setdefault(_parent(turn), False)
    ordered = dict(sorted(directories.items()))
    return Places(
        directories=ordered,
        roots=tuple(sorted(roots)),
        files=frozenset(files),
        turns=frozenset(turns),
        absent=None in ends,
        identities=tuple(_identities(ordered)),
    )


def _follow(path: str, turns: set[str]) -> str | None:
    """Return where a path leads, link by link, or None where that is nowhere; note where it turns."""
    here, ahead, links = "/", _names(path), 0
    step = here
    while ahead:
        name = ahead.pop()
        if name == "..":
            here = step = _parent(here)
            continue
        step = f"{here.rstrip('/')}/{name}"
        mode = _mode(step)
        if stat.S_ISLNK(mode) and links < _MAX_LINKS:
            links += 1
            turns.add(step)
            target = _target(step)
            here = "/" if target.startswith("/") else here
            ahead += _names(target)
            step = here
        elif stat.S_ISDIR(mode) or (mode and not stat.S_ISLNK(mode) and not ahead):
            here = step
        else:
            turns.add(step)
            return None
    turns.add(step)
    return step


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def _names(path: str) -> list[str]:
    """Return the names in a path, the first one last."""
    return [name for name in reversed(path.split("/")) if name not in {"", "."}]


def _mode(path: str) -> int:
    """Return what is at a path itself, 0 where nothing can be seen."""
    try:
        return Path(path).lstat().st_mode
    except OSError:
        return 0


def _target(link: str) -> str:
    try:
        return str(Path(link).readlink())
    except OSError:
        # It went since it was looked at; whoever compares places sees that.
        return ""


def _identities(directories: Iterable[str]) -> Iterator[tuple[int, int] | None]:
    for directory in directories:
        try:
            status = Path(directory).stat()
        except OSError:
            yield None
        else:
            yield status.st_dev, status.st_ino


def _matters(below: str) -> bool:
    """Return whether what is at a path below a root may be read, or hold what is."""
    # Kubernetes turns to new content by exchanging `..data`; all other hidden names are an editor's, git's or ours.
    if "/." in below:
        return below.startswith("/..") or below == f"/{IGNORE_FILE}"
    # A name without a suffix may be a directory that came or went with its manifests.
    return below.endswith(SUFFIXES) or "." not in below.rpartition("/")[2]
