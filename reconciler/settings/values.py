"""Every setting by its path, and how its value is read: from a flag, from text of the environment, or from the file."""

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from reconciler.domain.marks import OWNER_PATTERN, Owner
from reconciler.domain.model import Region
from reconciler.settings.choices import AUTO, BackendKind, Listen, LogFormat, Profile, Signatures
from reconciler.settings.sinks import sinks

EDIT_RULES: Final = (AUTO, "live-2023", "console-2022", "strict-2021")
_MOST_PORT: Final = 65_535
APPROVER_PATTERN: Final = re.compile(
    r"[A-Za-z0-9._@+-]+[ \t]+(ssh-|ecdsa-|sk-)[A-Za-z0-9@.-]+[ \t]+AAAA[A-Za-z0-9+/]+=*"
)
"""A line of SSH's allowed signers, without patterns in the name, and without options."""


def _text(value: Any) -> str:
    return str(value)


def _path(value: Any) -> Path:
    return Path(str(value)).expanduser()


def _flag(value: Any) -> bool:
    words = {True: True, False: False, "true": True, "false": False}
    if value not in words:
        raise ValueError(f"{value!r} is neither true nor false")
    return words[value]


def _listed(value: Any) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else value
    return tuple(item.strip() for item in items if item.strip())


def _approvers(value: Any) -> tuple[str, ...]:
    items = value.split("\n") if isinstance(value, str) else value
    lines = tuple(item.strip() for item in items if item.strip())
    for line in lines:
        # Who is misspelt here approves nothing, and nobody would know why.
        if not APPROVER_PATTERN.match(line):
            shown = line if len(line) <= len("a name and a bit of a key") else f"{line[:24]}…"
            raise ValueError(f"{shown!r} is no line of NAME KEY-TYPE KEY, such as 'anna ssh-ed25519 AAAAC3Nz…'")
    return lines


def _paths(value: Any) -> tuple[Path, ...]:
    return tuple(map(_path, _listed(value)))


def _owner(value: Any) -> Owner:
    if not OWNER_PATTERN.fullmatch(str(value)):
        raise ValueError(f"{value!r} is no owner: 1 to 32 lower-case letters, digits and hyphens")
    return Owner(str(value))


def _regions(value: Any) -> tuple[Region, ...]:
    return tuple(map(Region, _listed(value)))


def _egress(value: Any) -> Mapping[Region, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        raise ValueError("the addresses of regions can only be given in the settings file")  # noqa: TRY004 -- as all here
    return MappingProxyType({Region(region): _listed(networks) for region, networks in value.items()})


def _listen(value: Any) -> Listen:
    host, _, port = str(value).rpartition(":")
    if not (port.isascii() and port.isdigit() and len(port) <= len(str(_MOST_PORT)) and int(port) <= _MOST_PORT):
        raise ValueError(f"{value!r} is not HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080")
    bare = host.removeprefix("[").removesuffix("]")
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        raise ValueError(
            f"{host!r} is no address of this machine, such as 127.0.0.1, [::1], or 0.0.0.0 for all of them"
        ) from None
    return Listen(bare, int(port))


def _one_of(words: Iterable[StrEnum]) -> Callable[[Any], StrEnum]:
    by_word = {str(word): word for word in words}

    def parse(value: Any) -> StrEnum:
        if value not in by_word:
            raise ValueError(f"{value!r} is none of {', '.join(by_word)}")
        return by_word[value]

    return parse


def _word_of(words: Iterable[str]) -> Callable[[Any], str]:
    known = tuple(words)

    def parse(value: Any) -> str:
        if value not in known:
            raise ValueError(f"{value!r} is none of {', '.join(known)}")
        return str(value)

    return parse


def _number(least: float, most: float, *, whole: bool = False) -> Callable[[Any], float]:
    def parse(value: Any) -> float:
        try:
            number = int(value) if whole else float(value)
        except ValueError:
            raise ValueError(f"{value!r} is no {'whole ' * whole}number") from None
        if not least <= number <= most:
            raise ValueError(f"{value} is not within {least:g} to {most:g}")
        return number

    return parse


SETTINGS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "backend.kind": _one_of(BackendKind),
    "backend.profile": _one_of(Profile),
    "backend.endpoint": _text,
    "backend.caFile": _path,
    "backend.insecureHttp": _flag,
    "backend.owner": _owner,
    "backend.regions": _regions,
    "backend.egress": _egress,
    "backend.editRules": _word_of(EDIT_RULES),
    "backend.ratePerS": _number(0.1, 1000),
    "source.paths": _paths,
    "source.git": _text,
    "source.branch": _text,
    "source.path": _text,
    "source.pollS": _number(1, 86_400),
    "source.gitTimeoutS": _number(0.1, 86_400),
    "source.signatures": _one_of(Signatures),
    "source.signers": _approvers,
    "source.signersFile": _path,
    "source.sshKey": _path,
    "source.sshKnownHosts": _path,
    "source.user": _text,
    "source.tokenFile": _path,
    "source.credentialHelper": _text,
    "source.insecureHttp": _flag,
    "secrets.dir": _path,
    "secrets.env": _listed,
    "secrets.sops": _paths,
    "secrets.ageKeyFile": _path,
    "guard.deleteShare": _number(0, 1),
    "guard.editShare": _number(0, 1),
    "guard.twinDeadlineS": _number(1, 86_400),
    "guard.trialS": _number(5, 86_400),
    "guard.approvers": _approvers,
    "service.listen": _listen,
    "service.tokenFile": _path,
    "service.certFile": _path,
    "service.keyFile": _path,
    "service.webhookSecretFile": _path,
    "service.bitrateSeries": _number(0, 100_000, whole=True),
    "loop.debounceMs": _number(0, 60_000, whole=True),
    "loop.maxWaitMs": _number(0, 600_000, whole=True),
    "loop.rescanS": _number(1, 86_400),
    "loop.observeS": _number(1, 86_400),
    "notify.dampS": _number(0, 3600),
    "notify.sinks": sinks,
    "state": _path,
    "logFormat": _one_of(LogFormat),
}
"""Every setting by its path in the file, and how its value is read. `state` and `logFormat` are not of the file."""
