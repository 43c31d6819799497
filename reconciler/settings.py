"""
Settings: what may be chosen, from a flag, the environment or the settings file, in one frozen value.

A flag wins over the environment, the environment over `reconciler.yaml`, and that over the default. This module only
knows how to read them from mappings; `wiring` fetches the mappings. Secrets come from the environment alone.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from reconciler.domain.errors import UsageError
from reconciler.domain.marks import OWNER_PATTERN, Owner
from reconciler.domain.model import Region
from reconciler.domain.secrets import Secret

ENV_PREFIX: Final = "RECONCILER_"
AUTO: Final = "auto"
"""Of the edit rules: nobody says which hold, and a refusal teaches."""
EDIT_RULES: Final = (AUTO, "live-2023", "console-2022", "strict-2021")
APPROVER_PATTERN: Final = re.compile(
    r"[A-Za-z0-9._@+-]+[ \t]+(ssh-|ecdsa-|sk-)[A-Za-z0-9@.-]+[ \t]+AAAA[A-Za-z0-9+/]+=*"
)
"""A line of SSH's allowed signers, without patterns in the name, and without options."""
DEFAULT_STATE: Final = Path(".reconciler")
DEFAULT_FILE: Final = Path("reconciler.yaml")
DEFAULT_MANIFESTS: Final = Path("manifests")


class BackendKind(StrEnum):
    """What holds the actual state."""

    RELAY = "relay"
    STREAMLINK = "streamlink"


class Profile(StrEnum):
    """Which of the two StreamLink services an account is of."""

    MAINLAND = "mainland"
    INTERNATIONAL = "international"


class LogFormat(StrEnum):
    """How events are written to stderr."""

    JSON = "json"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The keys of a StreamLink account, as the vendor's own tools read them from the environment."""

    secret_id: str
    """`TENCENTCLOUD_SECRET_ID`."""
    secret_key: Secret
    """`TENCENTCLOUD_SECRET_KEY`."""
    token: Secret | None = None
    """`TENCENTCLOUD_TOKEN`, of temporary keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendSettings:
    """Which account, and how it is spoken to."""

    kind: BackendKind | None = None
    """None when nobody chose: then it is the relay of the state directory."""
    profile: Profile | None = None
    """None when nobody chose: mainland for a cloud account; the relay answers to both."""
    endpoint: str = ""
    """`host[:port]` or a URL; "" for the profile's own, or the relay of the state directory."""
    ca_file: Path | None = None
    """Authorities whose certificates count, PEM; None for everybody's."""
    insecure_http: bool = False
    """Whether an endpoint of another machine may be plain http."""
    owner: Owner | None = None
    """None when nobody chose: `local` on the relay, an error for a cloud account."""
    regions: tuple[Region, ...] = ()
    """What a pass reads; empty for every region that the backend serves."""
    egress: Mapping[Region, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """The CIDRs that a region's outputs send from, where people know them; rules about links look at it."""
    edit_rules: str = AUTO
    """Which edits of a running flow the account allows."""
    rate_per_s: float | None = None
    """Calls a second and action at most; None when nobody chose: 15 for a cloud account, none for the relay."""
    account: Account | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretsSettings:
    """Where secrets are looked up."""

    dir: Path
    env: tuple[str, ...] = ("STREAM_*",)
    """Patterns of the environment variables that manifests may name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSettings:
    """When `run` looks and passes."""

    debounce_ms: int = 100
    """Quiet that must follow a file event, 0..60000."""
    max_wait_ms: int = 2000
    """Longest wait for that quiet, 0..600000."""
    rescan_s: float = 10.0
    """Between two looks at the manifests without an event."""
    observe_s: float | None = None
    """Between two passes without a reason; None when nobody chose: 60, and 5 on the relay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """What must not happen without being asked."""

    delete_share: float = 0.25
    """Of the objects that bear our mark, so many may be deleted by one difference: 0..1."""
    edit_share: float = 0.5
    """So many may be edited: 0..1."""
    twin_deadline_s: float = 120.0
    """How long what replaces an output may take until it delivers like the old one, 1..86400."""
    approvers: tuple[str, ...] = ()
    """Whose signature an approval needs, each `NAME KEY-TYPE KEY` as in SSH's allowed signers; empty for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be chosen, chosen."""

    backend: BackendSettings
    secrets: SecretsSettings
    loop: LoopSettings
    guard: GuardSettings
    state: Path
    paths: tuple[Path, ...] = (DEFAULT_MANIFESTS,)
    """Where the manifests are, when the command line does not say."""
    log_format: LogFormat | None = None
    """None: text on a terminal, else JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """The places where settings come from, the strongest first."""

    flags: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """By path, such as `backend.owner`; absent where not given."""
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    file: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """The settings file as nested mappings, already checked against its schema."""
    file_name: str = str(DEFAULT_FILE)


def settings_from(layers: Layers) -> Settings:
    """
    Return the settings that the layers say.

    Raises:
        UsageError: a value is not allowed, or the environment sets something that does not exist.

    """
    values = _merged(layers)
    state = values.get("state", DEFAULT_STATE)
    backend = BackendSettings(**_group("backend", values), account=_account(layers.environment))
    return Settings(
        backend=backend,
        secrets=SecretsSettings(**{"dir": state / "secrets", **_group("secrets", values)}),
        loop=LoopSettings(**_group("loop", values)),
        guard=GuardSettings(**_group("guard", values)),
        state=state,
        paths=values.get("source.paths", (DEFAULT_MANIFESTS,)),
        log_format=values.get("logFormat"),
    )


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


_SETTINGS: Final[Mapping[str, Callable[[Any], Any]]] = {
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
    "secrets.dir": _path,
    "secrets.env": _listed,
    "guard.deleteShare": _number(0, 1),
    "guard.editShare": _number(0, 1),
    "guard.twinDeadlineS": _number(1, 86_400),
    "guard.approvers": _approvers,
    "loop.debounceMs": _number(0, 60_000, whole=True),
    "loop.maxWaitMs": _number(0, 600_000, whole=True),
    "loop.rescanS": _number(1, 86_400),
    "loop.observeS": _number(1, 86_400),
    "state": _path,
    "logFormat": _one_of(LogFormat),
}
"""Every setting by its path in the file, and how its value is read. `state` and `logFormat` are not of the file."""

_READ_ELSEWHERE: Final = frozenset({"RECONCILER_CONFIG"})


def variable_of(path: str) -> str:
    """Return the environment variable of a setting: `backend.editRules` is `RECONCILER_BACKEND_EDIT_RULES`."""
    return ENV_PREFIX + _snake(path).replace(".", "_").upper()


def _snake(path: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", path).lower()


def _merged(layers: Layers) -> dict[str, Any]:
    """Return the values by path, each from the strongest layer that has one."""
    _refuse_unknown(layers.environment)
    values: dict[str, Any] = {}
    for path, parse in _SETTINGS.items():
        for where, value in _candidates(path, layers):
            if value is None:
                continue
            try:
                values[path] = parse(value)
            except ValueError as error:
                raise UsageError(f"{where}: {error}") from error
            break
    return values


def _candidates(path: str, layers: Layers) -> tuple[tuple[str, Any], ...]:
    variable = variable_of(path)
    group, _, key = path.rpartition(".")
    in_file = layers.file.get(group, {}).get(key) if group else None
    return (
        (f"The option for {path}", layers.flags.get(path)),
        (f"The environment variable {variable}", layers.environment.get(variable) or None),
        (f"{layers.file_name}, {path}", in_file),
    )


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = {variable_of(path) for path in _SETTINGS} | _READ_ELSEWHERE
    for name in sorted(environment):
        if name.startswith(ENV_PREFIX) and name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
            hint = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(sorted(known))}"
            raise UsageError(f"The environment variable {name} is no setting{hint}")


def _group(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    prefix = f"{name}."
    return {_snake(path.removeprefix(prefix)): value for path, value in values.items() if path.startswith(prefix)}


def _account(environment: Mapping[str, str]) -> Account | None:
    secret_id = environment.get("TENCENTCLOUD_SECRET_ID", "")
    secret_key = environment.get("TENCENTCLOUD_SECRET_KEY", "")
    token = environment.get("TENCENTCLOUD_TOKEN", "")
    if not secret_id:
        return None
    if not secret_key:
        raise UsageError("TENCENTCLOUD_SECRET_ID is set and TENCENTCLOUD_SECRET_KEY is not; a key has both")
    return Account(secret_id=secret_id, secret_key=Secret(secret_key), token=Secret(token) if token else None)
