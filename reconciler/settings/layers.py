"""The places where settings come from, merged: which of them wins, and what none of them may say."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from reconciler.domain.errors import UsageError
from reconciler.domain.secrets import Secret
from reconciler.settings.choices import (
    DEFAULT_MANIFESTS,
    Account,
    BackendSettings,
    GuardSettings,
    LoopSettings,
    NotifySettings,
    SecretsSettings,
    ServiceSettings,
    Settings,
    SourceSettings,
)
from reconciler.settings.values import SETTINGS

ENV_PREFIX: Final = "RECONCILER_"
DEFAULT_STATE: Final = Path(".reconciler")
DEFAULT_FILE: Final = Path("reconciler.yaml")

_READ_ELSEWHERE: Final = frozenset({"RECONCILER_CONFIG"})


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
    _refuse_two_sources(layers)
    source = _source(values)
    state = values.get("state", DEFAULT_STATE)
    backend = BackendSettings(**_group("backend", values), account=_account(layers.environment))
    return Settings(
        backend=backend,
        secrets=_secrets(layers.environment, state, values),
        loop=LoopSettings(**_group("loop", values)),
        guard=GuardSettings(**_group("guard", values)),
        service=ServiceSettings(**_group("service", values)),
        notify=NotifySettings(**_group("notify", values)),
        state=state,
        paths=() if source.git else values.get("source.paths", (DEFAULT_MANIFESTS,)),
        source=source,
        log_format=values.get("logFormat"),
    )


def variable_of(path: str) -> str:
    """Return the environment variable of a setting: `backend.editRules` is `RECONCILER_BACKEND_EDIT_RULES`."""
    return ENV_PREFIX + _snake(path).replace(".", "_").upper()


def _snake(path: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", path).lower()


def _merged(layers: Layers) -> dict[str, Any]:
    """Return the values by path, each from the strongest layer that has one."""
    _refuse_unknown(layers.environment)
    values: dict[str, Any] = {}
    for path, parse in SETTINGS.items():
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
    known = {variable_of(path) for path in SETTINGS} | _READ_ELSEWHERE
    for name in sorted(environment):
        if name.startswith(ENV_PREFIX) and name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
            hint = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(sorted(known))}"
            raise UsageError(f"The environment variable {name} is no setting{hint}")


def _group(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    prefix = f"{name}."
    return {_snake(path.removeprefix(prefix)): value for path, value in values.items() if path.startswith(prefix)}


def _source(values: Mapping[str, Any]) -> SourceSettings:
    chosen = _group("source", values)
    chosen.pop("paths", None)
    return SourceSettings(**chosen)


def _refuse_two_sources(layers: Layers) -> None:
    in_file = layers.file.get("source", {})
    if "git" in in_file and "paths" in in_file:
        raise UsageError(
            f"{layers.file_name}: source.git takes manifests from a server, and source.paths from this machine; give "
            "one of them"
        )


def _secrets(environment: Mapping[str, str], state: Path, values: Mapping[str, Any]) -> SecretsSettings:
    # As sops itself reads it.
    key_file = environment.get("SOPS_AGE_KEY_FILE", "")
    named = {"age_key_file": Path(key_file)} if key_file else {}
    return SecretsSettings(**{"dir": state / "secrets", **named, **_group("secrets", values)})


def _account(environment: Mapping[str, str]) -> Account | None:
    secret_id = environment.get("TENCENTCLOUD_SECRET_ID", "")
    secret_key = environment.get("TENCENTCLOUD_SECRET_KEY", "")
    token = environment.get("TENCENTCLOUD_TOKEN", "")
    if not secret_id:
        return None
    if not secret_key:
        raise UsageError("TENCENTCLOUD_SECRET_ID is set and TENCENTCLOUD_SECRET_KEY is not; a key has both")
    return Account(secret_id=secret_id, secret_key=Secret(secret_key), token=Secret(token) if token else None)
