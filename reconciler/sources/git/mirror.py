"""
The mirror: a bare repository of our own, in the state directory, that holds what was fetched of one branch.

It is a cache of the server's, and the one note of which commit was accepted last. Whoever writes holds its lock, and so
does all that git starts: what a killed git left half done is then nobody's, and removed.
"""

import contextlib
import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from reconciler.domain.errors import EnvironmentFailedError, SourceUnreadableError
from reconciler.sources.git.errand import Errands, Terms
from reconciler.sources.git.program import Git, harmless

TIP: Final = "refs/reconciler/tip"
"""What the branch had when it was fetched last."""
ACCEPTED: Final = "refs/reconciler/accepted"
"""The last commit that counted; it survives a restart."""
GC_TIMEOUT_S: Final = 600.0
LOCK_EVERY_S: Final = 0.05
"""Between two tries to get a lock that another process holds."""

_RULES: Final = "reconciler-rules"
"""The file that says under which rules the accepted commit was."""
_MOST_PACKS: Final = 50
"""Every fetch makes one; when there are more, they become one."""
_KEPT_FOR: Final = "1.hour.ago"
"""What no reference leads to any more is kept for that long: a `plan` may still be reading it."""
_ID: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LEFT: Final = re.compile(r".*\.lock|tmp_.*|\.tmp-.*|incoming-.*")
"""Names of what a killed git leaves."""


class Mirror:
    """One bare repository; nothing is there before `made`."""

    def __init__(self, home: Path, *, variables: Mapping[str, str]) -> None:
        """
        Know where it is.

        Args:
            home: its directory, whose parent is ours; its lock is beside it.
            variables: the environment; of it git gets what it needs.

        """
        self.home = home
        self._lock_file = home.with_name(f"{home.name}.lock")
        self._environment = harmless(variables) | {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
        self.git = Git(home, environment=self._environment, settings=("--git-dir=.",))

    @contextlib.contextmanager
    def held(self, errands: Errands, *, timeout_s: float) -> Iterator[int]:
        """
        Hold the lock, and lend its descriptor for what git starts.

        Args:
            errands: what will run while it is held; once they are cancelled, nobody waits for it.
            timeout_s: so long it is waited for.

        Raises:
            SourceUnreadableError: another process holds it, or it cannot be written.

        """
        try:
            # The state directory is closed to others, too, whoever makes it first.
            for folder in (self.home.parent.parent, self.home.parent):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unwritable(self.home.parent, error) from error
        try:
            _lock(descriptor, errands, timeout_s)
            yield descriptor
        finally:
            # Git may have left something behind that still holds it.
            os.close(descriptor)

    def made(self, *, id_length: int = 40) -> str:
        """
        See that it is there, and that nothing is in the way of the next git; return the commit of `TIP`, "" for none.

        Raises:
            SourceUnreadableError: it cannot be written.

        """
        found = self._found(_commit(TIP)) if self.home.is_dir() else None
        try:
            if found is None:
                self.discard()
                self._begin(id_length)
        except OSError as error:
            raise _unwritable(self.home, error) from error
        self.tidy()
        return "" if found is None else found[0]

    def tidy(self) -> None:
        """
        Remove what a killed git left: locks, and halves of what was being fetched.

        Raises:
            SourceUnreadableError: it cannot be removed.

        """
        try:
            self._tidy()
        except OSError as error:
            raise _unwritable(self.home, error) from error

    def _tidy(self) -> None:
        if not self.home.is_dir():
            return
        # References are few and near; objects are many, and only two of their folders have halves worth the walk.
        for folder in (self.home, *_below(self.home / "refs"), self.home / "objects", self.home / "objects" / "pack"):
            for entry in os.scandir(folder) if folder.is_dir() else ():
                if not _LEFT.fullmatch(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    Path(entry.path).unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove it: all that it holds is on the server, too."""
        shutil.rmtree(self.home, ignore_errors=True)

    def reference(self, name: str) -> str:
        """Return the commit that one of our references names, "" where there is none."""
        found = self._found(_commit(name)) if self.home.is_dir() else None
        return "" if found is None else found[0]

    def known(self, within: str) -> tuple[str, str, bool]:
        """Return the commits of `TIP` and `ACCEPTED`, "" where there is none, and whether the first has a path."""
        found = self._found(_commit(TIP), _commit(ACCEPTED), f"{TIP}:{within}")
        tip, accepted, there = ("", "", "") if found is None else found
        # What is asked is asked in lines.
        return tip, accepted, self.has(tip, within) if "\n" in within else bool(there)

    def accept(self, commit: str, *, rules: str) -> None:
        """
        Note that a commit counts, under rules of that name.

        Raises:
            EnvironmentFailedError: it cannot be written.

        """
        if self.rules != rules:
            self.note_rules(rules)
        self.git.read("update-ref", ACCEPTED, commit)

    def forget(self) -> None:
        """
        Forget which commit counted.

        Raises:
            EnvironmentFailedError: it cannot be written.

        """
        self.git.read("update-ref", "-d", ACCEPTED)

    @property
    def rules(self) -> str:
        """Return the name of the rules under which the accepted commit was, "" where nobody knows."""
        try:
            return (self.home / _RULES).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def note_rules(self, rules: str) -> None:
        """
        Write down under which rules the accepted commit counts.

        Raises:
            EnvironmentFailedError: it cannot be written.

        """
        made = self.home / f"{_RULES}.lock"
        try:
            made.write_text(f"{rules}\n", encoding="utf-8")
            made.replace(self.home / _RULES)
        except OSError as error:
            raise EnvironmentFailedError(f"{self.home} cannot be written: {error.strerror}") from error

    def has(self, commit: str, within: str) -> bool:
        """Return whether a commit has something at a path."""
        return not within or self.git.run("cat-file", "-e", f"{commit}:{within}").status == 0

    def leads_to(self, commit: str, later: str) -> bool:
        """Return whether one commit is an ancestor of another, as far as is known here."""
        return self.git.run("merge-base", "--is-ancestor", commit, later).status == 0

    def is_sound(self) -> bool:
        """Return whether all that the references lead to is there, and is what it was; looks at every object."""
        if not self.home.is_dir():
            return True
        return self._is_repository() and self.git.run("fsck", "--no-dangling", "--no-progress").status == 0

    def collect(self, errands: Errands, lock: int) -> None:
        """Pack what has become many, and drop what nothing leads to; a failure only leaves more of it."""
        settings = {
            "gc.autoPackLimit": str(_MOST_PACKS),
            "gc.autoDetach": "false",
            "gc.pruneExpire": _KEPT_FOR,
            "gc.writeCommitGraph": "false",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with contextlib.suppress(SourceUnreadableError, EnvironmentFailedError):
            errands.run(
                (*words, "--git-dir=.", "gc", "--auto", "--quiet"),
                directory=self.home, environment=self._environment, terms=Terms(timeout_s=GC_TIMEOUT_S, lock=lock),
            )  # fmt: skip

    def _begin(self, id_length: int) -> None:
        self.home.mkdir(mode=0o700)
        form = "sha256" if id_length > len("0" * 40) else "sha1"
        # Without a template there are no hooks, not even examples of them.
        done = self.git.run("init", "--quiet", "--bare", "--template=", f"--object-format={form}")
        if done.status != 0:
            self.discard()
            raise OSError(0, done.why.decode(errors="replace").strip())

    def _found(self, *names: str) -> list[str] | None:
        """Return the id of each object that is named, "" where there is none; None where this is no repository."""
        asked = "".join(f"{name}\n" for name in names)
        done = self.git.run("cat-file", "--batch-check=%(objectname)", given=os.fsencode(asked))
        lines = done.said.decode(errors="surrogateescape").splitlines()[: len(names)]
        if done.status != 0 or len(lines) < len(names):
            return None
        return [line if _ID.fullmatch(line) else "" for line in lines]

    def _is_repository(self) -> bool:
        return self.git.run("rev-parse", "--is-bare-repository").said.strip() == b"true"


def _commit(name: str) -> str:
    return f"{name}^{{commit}}"


def _below(folder: Path) -> list[Path]:
    return [Path(where) for where, _, _ in os.walk(folder)]


def _lock(descriptor: int, errands: Errands, timeout_s: float) -> None:
    until_s = time.monotonic() + timeout_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if errands.are_cancelled or time.monotonic() >= until_s:
                raise SourceUnreadableError(
                    f"Another process has been fetching into the same mirror for {timeout_s:g} s. Is there a git that "
                    "hangs? `ps` shows it"
                ) from None
            time.sleep(LOCK_EVERY_S)
        else:
            return


def _unwritable(folder: Path, error: OSError) -> SourceUnreadableError:
    return SourceUnreadableError(
        f"{folder} cannot be written: {error.strerror}. Is there room, and may this user write there?"
    )
