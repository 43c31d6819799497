"""A bare repository to push to, and following it as the product does."""

import hashlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from reconciler.sources.git.access import Access
from reconciler.sources.git.address import address_of
from reconciler.sources.git.errand import Errands
from reconciler.sources.git.follower import Follower
from reconciler.sources.git.mirror import Mirror
from reconciler.sources.git.remote import Remote
from reconciler.sources.git.trust import AnyoneTrust, Trust

SIGNED: Final = Path(__file__).parent / "signed"
_CONFIG: Final = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}


def git(where: Path, *words: str, given: bytes = b"", more: Mapping[str, str] | None = None) -> str:
    """Return what git prints."""
    environment = os.environ | _CONFIG | dict(more or {})
    done = subprocess.run(
        ("git", *words), cwd=where, input=given, env=environment, capture_output=True, check=True, timeout=60
    )
    return done.stdout.decode().strip()


class Forge:
    """A bare repository, in which commits appear as if somebody had pushed them."""

    def __init__(self, root: Path, name: str = "forge.git", *, ids: str = "sha1") -> None:
        self.home = root / name
        root.mkdir(parents=True, exist_ok=True)
        words = ("init", "--quiet", "--bare", "--template=", "--initial-branch=main", f"--object-format={ids}")
        git(root, *words, str(self.home))
        self._made = 0

    def push(self, *, branch: str = "main", after: str | None = None, **files: str | bytes) -> str:
        """
        Return a new commit of a branch, with these files alone; `__` is a slash, `_yaml` the suffix.

        It follows the branch's commit, else the one that is named; "" for none.
        """
        self._made += 1
        lines = [b"feature done"]
        head = f"commit refs/heads/{branch}\nmark :1\ncommitter Anna <anna@example> {1704067200 + self._made} +0000\n"
        before = self.tip(branch) if after is None else after
        lines.append(f"{head}data 1\nx{f'{chr(10)}from {before}' if before else ''}\ndeleteall".encode())
        for name, content in (files or {"manifests__a_yaml": "a"}).items():
            path = name.replace("__", "/").replace("_yaml", ".yaml")
            raw = content.encode() if isinstance(content, str) else content
            lines.append(b"M 100644 inline %b\ndata %d\n%b" % (path.encode(), len(raw), raw))
        lines.append(b"get-mark :1\ndone\n")
        return git(self.home, "fast-import", "--force", "--quiet", given=b"\n".join(lines))

    def tip(self, branch: str = "main") -> str:
        """Return the commit of a branch, "" where there is none."""
        return git(self.home, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")

    def point(self, commit: str, branch: str = "main") -> None:
        """Make a branch be at a commit, whatever it was at."""
        git(self.home, "update-ref", f"refs/heads/{branch}", commit)

    def delete(self, branch: str = "main") -> None:
        """Delete a branch."""
        git(self.home, "update-ref", "-d", f"refs/heads/{branch}")

    def push_signed(self, name: str) -> str:
        """Return a new commit of the main branch that is signed with OpenPGP, one of those in `signed`."""
        self.push(branch="tree", after="", manifests__a_yaml="a\n")
        content = (SIGNED / f"{name}.commit").read_bytes()
        commit = git(self.home, "hash-object", "-t", "commit", "-w", "--stdin", given=content)
        self.point(commit)
        return commit

    def push_signed_by(self, key: Path) -> str:
        """Return a new commit of the main branch that is signed with an SSH key."""
        unsigned = self.push()
        settings = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={key}", "-c", "user.name=A", "-c", "user.email=a@b")
        commit = git(self.home, *settings, "commit-tree", "-S", "-m", "y", f"{unsigned}^{{tree}}")
        self.point(commit)
        return commit


def mirror_of(root: Path, url: str) -> Mirror:
    """Return where a follower of an address keeps what it fetches."""
    return Mirror(root / "state" / "git" / hashlib.sha256(url.encode()).hexdigest()[:8], variables=os.environ)


def follower(
    root: Path, url: str | Path, *, trust: Trust | None = None, within: str = "manifests", **more: Any
) -> Follower:
    """Return what follows the main branch of a repository; `more` is of `Remote`, and `insecure_http`."""
    address = address_of(str(url), insecure_http=more.pop("insecure_http", False))
    chosen: dict[str, Any] = {"branch": "main", "access": Access(), "variables": os.environ, "timeout_s": 30.0} | more
    remote = Remote(address=address, errands=Errands(), **chosen)
    return Follower(mirror_of(root, str(url)), remote, trust=trust or AnyoneTrust(), within=within)


def ssh_key(folder: Path, name: str) -> Path:
    """Return a new SSH key."""
    path = folder / name
    subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)), check=True, timeout=30)
    return path


def signer(name: str, key: Path) -> str:
    """Return the line by which a key is known."""
    return f"{name} {' '.join(key.with_suffix('.pub').read_text().split()[:2])}"
