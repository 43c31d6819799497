"""Whose commits count: the signature of the newest one, checked by `git verify-commit`."""

import contextlib
import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from reconciler.domain.errors import EnvironmentFailedError, UsageError
from reconciler.sources.git.program import Done, Git, harmless, words
from reconciler.sources.scanning import shown

MAX_KEYS_BYTES: Final = 1024 * 1024
TIMEOUT_S: Final = 30.0

_NOBODY: Final = "/bin/false"
"""Stands for a program that is not to be asked, so that a signature of the other kind counts as none."""
_MAX_NAME: Final = 80
_SSH_GOOD: Final = re.compile(rb'^Good "git" signature for (?P<who>.+) with \S+ key \S+$', re.MULTILINE)
_SSH_FOREIGN: Final = re.compile(rb'^Good "git" signature with (?P<key>\S+ key \S+)$', re.MULTILINE)
_STATUS: Final = re.compile(rb"^\[GNUPG:\] (?P<word>[A-Z]+SIG) (?P<key>[0-9A-F]+)(?: (?P<who>.*))?$", re.MULTILINE)
_GPG_SAYS: Final[Mapping[bytes, str]] = {
    b"BADSIG": "its signature does not fit its content",
    b"EXPSIG": "its signature has expired",
    b"EXPKEYSIG": "the key that signed it has expired",
    b"REVKEYSIG": "the key that signed it has been revoked",
    b"ERRSIG": "it is signed by a key that is not among those of source.signersFile",
}
"""What GnuPG's own words mean (doc/DETAILS of GnuPG); whatever is not GOODSIG is a refusal."""


class Trust(Protocol):
    """Says whether a commit counts."""

    @property
    def name(self) -> str:
        """Return what the same rules always give, and others do not."""
        ...

    def problem(self, git: Git, commit: str, /) -> str:
        """Return why a commit does not count, and what to do; "" where it does."""
        ...


class AnyoneTrust:
    """Everybody who may push is trusted."""

    name = "none"

    def problem(self, _git: Git, _commit: str, /) -> str:
        """Return ""."""
        return ""


class SshTrust:
    """Who signs with one of some SSH keys is trusted."""

    def __init__(self, signers: Sequence[str], *, file: Path, variables: Mapping[str, str]) -> None:
        """
        Know the signers.

        Args:
            signers: one line of `NAME KEY-TYPE KEY` each.
            file: where they are written down for git.
            variables: the environment in which programs are found.

        Raises:
            EnvironmentFailedError: OpenSSH is not there.
            UsageError: there are no signers.

        """
        if not signers:
            raise UsageError(
                "source.signatures: ssh trusts nobody without source.signers: lines of NAME KEY-TYPE KEY, such as "
                "'anna ssh-ed25519 AAAAC3Nz…'"
            )
        _demand("ssh-keygen", "openssh-client", variables)
        self._text = "\n".join(signers) + "\n"
        self._file = file
        self.name = _named("ssh", self._text.encode())

    def problem(self, git: Git, commit: str, /) -> str:
        """Return why a commit does not count, and what to do; "" where it does."""
        with _written(self._file):
            self._file.write_text(self._text, encoding="utf-8")
        done = _verified(
            git, commit, settings=("gpg.program=" + _NOBODY, f"gpg.ssh.allowedSignersFile={self._file.absolute()}")
        )
        if done.status == 0 and _SSH_GOOD.search(done.why):
            return ""
        foreign = _SSH_FOREIGN.search(done.why)
        if foreign is not None:
            why = f"it is signed with {words(foreign['key'])}, which is none of source.signers"
        elif not done.why.strip():
            why = "it has no SSH signature"
        else:
            why = f"its signature does not count: {words(done.why)}"
        return _refused(git, commit, why, "`git commit -S` and gpg.format=ssh, or add the key to source.signers")


class GpgTrust:
    """Who signs with one of some OpenPGP keys is trusted; no other key ring is looked at."""

    def __init__(self, keys: Path | None, *, home: Path, variables: Mapping[str, str]) -> None:
        """
        Know the signers.

        Args:
            keys: a file of public keys, armoured.
            home: a directory of our own for GnuPG; made anew.
            variables: the environment in which programs are found.

        Raises:
            EnvironmentFailedError: GnuPG is not there, or cannot read the keys.
            UsageError: there are no keys.

        """
        if keys is None:
            raise UsageError("source.signatures: gpg trusts nobody without source.signersFile, a file of public keys")
        self._program = _demand("gpg", "gpg", variables)
        self._home = home
        self._environment = harmless(variables) | {"GNUPGHOME": str(home.absolute())}
        self._keys = _content(keys)
        self.name = _named("gpg", self._keys)

    def problem(self, git: Git, commit: str, /) -> str:
        """Return why a commit does not count, and what to do; "" where it does."""
        # Each time: another process may have made the ring of other keys.
        self._import()
        done = _verified(
            git, commit,
            settings=(f"gpg.program={self._program}", "gpg.ssh.program=" + _NOBODY),
            more={"GNUPGHOME": str(self._home.absolute())},
        )  # fmt: skip
        # Some gits end well for a key that has expired since; what GnuPG says itself is the same in all.
        found = {status["word"]: status for status in _STATUS.finditer(done.why)}
        if done.status == 0 and found.keys() == {b"GOODSIG", b"VALIDSIG"}:
            return ""
        bad = [word for word in _GPG_SAYS if word in found]
        why = "it has no OpenPGP signature"
        if bad:
            whose = found[bad[0]]
            why = f"{_GPG_SAYS[bad[0]]} ({words(whose['key'])})"
        elif done.why.strip():
            why = f"its signature does not count: {words(done.why)}"
        return _refused(git, commit, why, "`git commit -S`, or add the key to source.signersFile and restart")

    def _import(self) -> None:
        """
        Make a key ring of the keys, and of no others.

        Raises:
            EnvironmentFailedError: GnuPG does not take them.

        """
        shutil.rmtree(self._home, ignore_errors=True)
        with _written(self._home):
            self._home.mkdir(mode=0o700, parents=True)
            # Whoever only verifies needs no agent, and none must stay behind.
            (self._home / "gpg.conf").write_text("batch\nno-tty\nno-autostart\nno-auto-key-retrieve\n")
        # Its status may be bad for want of an agent; what counts is whether there are keys.
        done = self._gpg("--import")
        if b"\npub:" not in b"\n" + self._gpg("--with-colons", "--list-keys").stdout:
            raise EnvironmentFailedError(
                f"gpg cannot import source.signersFile: {words(done.stderr)}. Is it what `gpg --armor --export` prints?"
            )

    def _gpg(self, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
        try:
            return subprocess.run(  # noqa: S603 -- fixed words
                (self._program, "--quiet", *arguments), input=self._keys, env=self._environment, capture_output=True,
                check=False, timeout=TIMEOUT_S, start_new_session=True,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EnvironmentFailedError(f"gpg cannot be asked about source.signersFile: {error}") from error


@contextlib.contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EnvironmentFailedError(f"{path} cannot be written: {error.strerror}") from error


def _verified(git: Git, commit: str, *, settings: Sequence[str], more: Mapping[str, str] | None = None) -> Done:
    fixed = (f"gpg.x509.program={_NOBODY}", *settings)
    return git.run(
        "verify-commit", "--raw", commit, settings=[word for one in fixed for word in ("-c", one)], more=more
    )


def _refused(git: Git, commit: str, why: str, remedy: str) -> str:
    said = git.run("log", "-1", "--no-show-signature", "--format=%an <%ae>", "--end-of-options", commit).said
    author = words(said, most=_MAX_NAME)
    return f"commit {commit} of {author} is refused: {why}. Sign it with {remedy}"


def _demand(program: str, package: str, variables: Mapping[str, str]) -> str:
    found = shutil.which(program, path=variables.get("PATH"))
    if found is None:
        raise EnvironmentFailedError(
            f"Commits are to be signed (source.signatures), and there is no {program} to check it with (Debian: "
            f"apt-get install {package})"
        )
    return found


def _content(keys: Path) -> bytes:
    try:
        with keys.open("rb") as file:
            content = file.read(MAX_KEYS_BYTES + 1)
    except OSError as error:
        raise UsageError(f"source.signersFile: {shown(str(keys))} cannot be read: {error.strerror}") from error
    if not content.strip() or len(content) > MAX_KEYS_BYTES:
        raise UsageError(
            f"source.signersFile: {shown(str(keys))} holds no public keys, or more than {MAX_KEYS_BYTES} bytes"
        )
    return content


def _named(kind: str, content: bytes) -> str:
    return f"{kind}:{hashlib.blake2b(content, digest_size=16).hexdigest()}"
