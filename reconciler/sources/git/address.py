"""Where a branch is: what may be an address, a branch and a path, and nothing that git takes for something else."""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import SplitResult, urlsplit

from reconciler.domain.errors import UsageError
from reconciler.sources.scanning import shown

SCHEMES: Final = ("file", "ssh", "https", "http", "git")
HTTP: Final = ("https", "http")
_FORMS: Final = (
    "Give https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH, git://HOST/PATH, or a directory of this machine."
)
_MAX_LENGTH: Final = 2048
_HELPER: Final = re.compile(r"[A-Za-z0-9+.-]*::")
_SCP: Final = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]*@)?[A-Za-z0-9][A-Za-z0-9._-]*:[^:].*")
_USER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_HOST: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*|[0-9a-f:.]+")
_NO_BRANCH: Final = re.compile(
    r"""
      ^$ | ^[-/] | ^@$ | ^HEAD$      # nothing, options, and git's own names
    | /$ | // | \.$ | \.\. | @\{      # what git's check-ref-format refuses
    | (?:^|/)\. | \.lock(?:/|$)
    | [\x00-\x20\x7f~^:?*\[\\]
    """,
    re.VERBOSE,
)
_MAX_BRANCH: Final = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A repository that git can ask."""

    text: str
    """As git is given it; it holds no secret."""
    scheme: str
    """One of `SCHEMES`: the only protocol that git may speak."""
    base: str = ""
    """The scheme, host and port of http; credentials are for nobody else."""


def address_of(text: str, *, insecure_http: bool = False) -> Address:
    """
    Return the repository that an address names.

    Raises:
        UsageError: it is none that is spoken to, holds a password, or would show one to everybody between.

    """
    if not text or len(text) > _MAX_LENGTH or text.startswith("-") or not text.isprintable() or " " in text:
        raise UsageError(f"source.git: {shown(text[:80])!r} is no address of a repository. {_FORMS}")
    if "://" in text:
        return _of_url(text, insecure_http=insecure_http)
    if _HELPER.match(text):
        raise UsageError(f"source.git: {_without_secret(text)!r} would run a program of its own choice. {_FORMS}")
    if "/" not in text.partition(":")[0] and _SCP.fullmatch(text):
        return Address(text=text, scheme="ssh")
    if ":" in text.partition("/")[0]:
        raise UsageError(f"source.git: {_without_secret(text)!r} is no address of a repository. {_FORMS}")
    return Address(text=str(Path(text).expanduser().absolute()), scheme="file")


def checked_branch(name: str) -> str:
    """
    Return the name of a branch.

    Raises:
        UsageError: git would not let a branch have it.

    """
    if len(name) > _MAX_BRANCH or _NO_BRANCH.search(name) or not name.isprintable():
        raise UsageError(
            f"source.branch: {shown(name[:80])!r} is no name of a branch. Give it as in `git branch`, such as main."
        )
    return name


def checked_path(path: str) -> str:
    """
    Return where the manifests are within the repository, "" for its root.

    Raises:
        UsageError: it leads out of it, or cannot be a path there.

    """
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or ".git" in pure.parts or not path.isprintable():
        raise UsageError(
            f"source.path: {shown(path[:80])!r} is no path within a repository. Give one from its root, such as "
            "manifests, and . for all of it."
        )
    return "" if pure == PurePosixPath() else str(pure)


def _of_url(text: str, *, insecure_http: bool) -> Address:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise UsageError(f"source.git: {_without_secret(text)!r} is no URL. {_FORMS}") from None
    scheme = parts.scheme
    if scheme not in SCHEMES:
        raise UsageError(
            f"source.git: {_without_secret(text)!r} asks for the protocol {scheme or 'of no name'!r}; there are "
            f"{', '.join(SCHEMES)}. {_FORMS}"
        )
    _refuse_userinfo(parts)
    if scheme == "file":
        if parts.netloc or not parts.path.startswith("/"):
            raise UsageError(f"source.git: {_without_secret(text)!r} names no path of this machine: file:///PATH")
        return Address(text=text, scheme=scheme)
    if not _HOST.fullmatch(host) or parts.path.strip("/") == "":
        raise UsageError(f"source.git: {_without_secret(text)!r} names no host and path. {_FORMS}")
    if parts.query or parts.fragment:
        raise UsageError(
            f"source.git: {_without_secret(text)!r} must end with its path: what stands behind a ? or # may be a "
            "secret, and would be shown."
        )
    if scheme == "http" and not (insecure_http or _is_here(host)):
        raise UsageError(
            f"source.git: {text!r} is plain http to another machine: whoever is between sees what is read, and can "
            "change it. Use https; or allow it with source.insecureHttp: true, where the way is yours."
        )
    base = f"{scheme}://{parts.netloc}" if scheme in HTTP else ""
    return Address(text=text, scheme=scheme, base=base)


def _refuse_userinfo(parts: SplitResult) -> None:
    is_user = parts.username is not None and _USER.fullmatch(parts.username) is not None
    if "@" not in parts.netloc or (parts.scheme == "ssh" and parts.password is None and is_user):
        return
    raise UsageError(
        f"source.git: {_without_secret(parts.geturl())!r} holds a name or a password, and addresses are shown. Give "
        "source.user and source.tokenFile, a file that holds the token, or source.credentialHelper instead."
    )


def _without_secret(text: str) -> str:
    """Return an address fit to be shown: what stands before an @, and behind a ? or #, may be a secret."""
    scheme, found, rest = text.partition("://")
    scheme, rest = (f"{scheme}://", rest) if found else ("", text)
    where = re.split(r"[?#]", rest, maxsplit=1)[0]
    return shown(f"{scheme}{'***@' if '@' in where else ''}{where.rpartition('@')[2]}"[:200])


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
