"""A branch on a server: which commit it has, and fetching that into a mirror."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.domain.errors import SourceUnreadableError
from reconciler.sources.git.access import Access
from reconciler.sources.git.address import Address
from reconciler.sources.git.errand import Errands, Terms
from reconciler.sources.git.program import Done
from reconciler.sources.scanning import shown

HISTORY: Final = 100
"""Commits of the branch that are kept; more of them would not be looked at (docs/adr/0028)."""

_ID: Final = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_MAX_SAID: Final = 400
_VARIES: Final = re.compile(r" after \d+ (?:ms|milliseconds|seconds)|@{9,} ?|(?<=tmp_)\w+")
"""What differs from one failure to the next of the same kind, which must not look like news; and what only shouts."""
_SAYS_NOTHING: Final = (
    "fatal: Could not read from remote repository. Please make sure you have the correct access rights and the "
    "repository exists."
)
"""Git says this behind whatever has happened."""
_CAUSES: Final = (
    ("could not resolve host", "Is the name right, and does this machine resolve it?"),
    ("host key verification failed", "Put the server's key into source.sshKnownHosts; `ssh-keyscan HOST` prints it."),
    ("unprotected private key", "Let nobody else read source.sshKey: chmod 600."),
    ("permission denied (", "Does the server know source.sshKey, and may that key read this repository?"),
    ("authentication failed", "Is the token in source.tokenFile still valid, and may it read this repository?"),
    ("could not read username", "The server asks who reads: give source.user and source.tokenFile."),
    ("could not read password", "The server asks for a token: give source.tokenFile."),
    ("error: 403", "May the token in source.tokenFile read this repository?"),
    ("error: 404", "Is source.git right? Forges also say this to whoever may not see a repository."),
    ("not found", "Is source.git right? Forges also say this to whoever may not see a repository."),
    ("does not appear to be a git repository", "Is source.git right?"),
    ("repository not exported", "Does the server's git daemon export it?"),
    ("dubious ownership", "The repository belongs to somebody else; let this user own it, or serve it."),
    (
        "certificate",
        "Does this machine trust the server's certificate? GIT_SSL_CAINFO names other authorities.",
    ),
    ("out of diskspace", "Make room where the state directory is."),
    ("no space left", "Make room where the state directory is."),
    ("in fsck", "The server has an object that git calls broken; `git fsck` there says which."),
    ("could not read from remote repository", "Is the server there, and may this machine reach it?"),
)
"""What git says, in small letters, and what to look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """One branch of one repository, and how it is spoken to."""

    address: Address
    branch: str
    access: Access
    variables: Mapping[str, str]
    """The environment; of it git gets what it needs."""
    timeout_s: float
    """For one question."""
    errands: Errands

    def tip(self, directory: Path, lock: int) -> str:
        """
        Return the commit that the branch has now, "" where there is no such branch.

        Raises:
            SourceUnreadableError: the server did not say; `OverdueError` when it did not answer in time.
            EnvironmentFailedError: git is not there.

        """
        name = f"refs/heads/{self.branch}"
        # The server matches by the end of a name, and anybody who may push can give a million others that end alike.
        ours = f"\t{name}".encode()
        # Of no repository: one that the state directory happens to be in has settings of its own.
        words = ("--git-dir=none", "ls-remote")
        done = self._ask(directory, lock, *words, "--quiet", "--refs", "--", self.address.text, name, only=ours)
        if done.status != 0:
            raise SourceUnreadableError(self._why(done))
        for line in done.said.splitlines():
            commit = line.removesuffix(ours)
            if _ID.fullmatch(commit):
                return commit.decode()
        return ""

    def fetch(self, directory: Path, lock: int, into: str) -> None:
        """
        Fetch the branch into a mirror, as the reference of that name.

        Raises:
            SourceUnreadableError: it cannot be fetched; `OverdueError` when it did not come in time.
            EnvironmentFailedError: git is not there.

        """
        done = self._ask(
            directory, lock,
            "--git-dir=.", "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head",
            "--no-auto-maintenance", f"--depth={HISTORY}", "--", self.address.text,
            f"+refs/heads/{self.branch}:{into}",
        )  # fmt: skip
        if done.status != 0:
            raise SourceUnreadableError(self._why(done))

    def _ask(self, directory: Path, lock: int, *arguments: str, only: bytes = b"") -> Done:
        settings = (
            *("-c", "protocol.version=2", "-c", "transfer.fsckObjects=true", "-c", "submodule.recurse=false"),
            *self.access.settings(self.address, timeout_s=self.timeout_s),
        )
        return self.errands.run(
            (*settings, *arguments),
            directory=directory,
            environment=self.access.environment(self.address, self.variables, timeout_s=self.timeout_s),
            terms=Terms(timeout_s=self.timeout_s, lock=lock, only=only),
        )

    def _why(self, done: Done) -> str:
        said = " ".join(done.why.decode(errors="replace").split())
        brief = said.removesuffix(_SAYS_NOTHING).strip() or said
        text = shown(_VARIES.sub("", self.access.without_secrets(brief)))[:_MAX_SAID].rstrip(".")
        hint = next((hint for words_of_git, hint in _CAUSES if words_of_git in said.lower()), "")
        return f"git says: {text or f'nothing, and ends with {done.status}'}" + (f". {hint}" if hint else "")
