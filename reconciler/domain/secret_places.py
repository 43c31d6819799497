"""Where secrets stand in a spec, and the same spec with others in their places."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from reconciler.domain.model import (
    FlowSpec,
    InputSettings,
    OutputSettings,
    OutputSpec,
    RtmpAddress,
    RtmpPullSource,
    RtmpPush,
    RtspSource,
    Srt,
)
from reconciler.domain.secrets import SecretValue

Put = Callable[[str, SecretValue], SecretValue]
"""Takes the path of a secret, as `properties` says it below `input` or `spec`, and the secret; returns another one."""

_Settings = TypeVar("_Settings", bound=InputSettings | OutputSettings)


def in_flow(spec: FlowSpec, put: Put) -> FlowSpec:
    """Return the spec of a flow with what `put` returns for each of its secrets."""
    settings = _in_settings(spec.input.settings, put)
    return replace(spec, input=replace(spec.input, settings=settings))


def in_output(spec: OutputSpec, put: Put) -> OutputSpec:
    """Return the spec of an output with what `put` returns for each of its secrets."""
    return replace(spec, settings=_in_settings(spec.settings, put))


def by_path(spec: FlowSpec | OutputSpec) -> dict[str, SecretValue]:
    """Return every secret of a spec under its path."""
    found: dict[str, SecretValue] = {}

    def look(path: str, secret: SecretValue) -> SecretValue:
        found[path] = secret
        return secret

    _in_settings(spec.input.settings if isinstance(spec, FlowSpec) else spec.settings, look)
    return found


def _in_settings(settings: _Settings, put: Put) -> _Settings:
    match settings:
        case Srt(encryption=encryption) if encryption is not None:
            passphrase = put("srt.encryption.passphrase", encryption.passphrase)
            return replace(settings, encryption=replace(encryption, passphrase=passphrase))
        case RtmpPush(destinations=destinations):
            pushed = (_rtmp(f"rtmpPush.destinations[{place}]", one, put) for place, one in enumerate(destinations))
            return replace(settings, destinations=tuple(pushed))
        case RtmpPullSource(source=source):
            return replace(settings, source=_rtmp("rtmpPull", source, put))
        case RtspSource(credentials=credentials) if credentials is not None:
            password = put("rtsp.credentials.password", credentials.password)
            return replace(settings, credentials=replace(credentials, password=password))
        case _:
            return settings


def _rtmp(path: str, address: RtmpAddress, put: Put) -> RtmpAddress:
    return replace(address, stream_key=put(f"{path}.streamKey", address.stream_key))
