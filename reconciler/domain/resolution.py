"""Desired state with the values of its secrets in place of their references."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from operator import is_
from types import MappingProxyType

from reconciler.domain.changes import Failed
from reconciler.domain.errors import SecretUnavailableError
from reconciler.domain.model import (
    Desired,
    Flow,
    FlowSpec,
    InputSettings,
    Key,
    Output,
    OutputSettings,
    OutputSpec,
    RtmpAddress,
    RtmpPullSource,
    RtmpPush,
    RtspSource,
    Srt,
)
from reconciler.domain.protocols import PASSPHRASE_LENGTHS
from reconciler.domain.secrets import Secret, SecretRef, SecretValue

LookUp = Callable[[SecretRef], Secret]
"""Returns a secret's value or raises `SecretUnavailableError`, as a vault's `resolve` does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Desired state that can be sent: no reference to a secret is left in it."""

    desired: Desired
    """Without the resources whose secrets cannot be used."""
    failed: tuple[Failed, ...] = ()
    """Those resources, each with why."""
    moved: Mapping[Key, Key] = field(default_factory=lambda: MappingProxyType({}))
    """What each resource is called now, by what it was called before, as `moves.moved_names` says it."""


def resolve(desired: Desired, look_up: LookUp) -> Resolved:
    """Return the desired state with every secret's value; a resource whose secret cannot be used fails alone."""
    flows: list[Flow] = []
    outputs: list[Output] = []
    failed: list[Failed] = []
    for flow in desired.flows:
        try:
            flows.append(_flow(flow, look_up))
        except SecretUnavailableError as error:
            failed.append(Failed(key=flow.key, why=str(error)))
    for output in desired.outputs:
        try:
            outputs.append(_output(output, look_up))
        except SecretUnavailableError as error:
            failed.append(Failed(key=output.key, why=str(error)))
    found = Desired(flows=tuple(flows), outputs=tuple(outputs))
    # What was derived from the very same values holds.
    are_same = all(map(is_, (*flows, *outputs), (*desired.flows, *desired.outputs))) and not failed
    return Resolved(desired=desired if are_same else found, failed=tuple(failed))


def secret_versions(spec: FlowSpec | OutputSpec) -> int:
    """Return the sum of the versions of the spec's secrets, as the mark records it."""
    return sum(secret.version for secret in secrets_of(spec) if isinstance(secret, SecretRef | Secret))


def secrets_of(spec: FlowSpec | OutputSpec) -> tuple[SecretValue, ...]:
    """Return every secret of the spec, in the order of its properties."""
    return tuple(_secrets(spec.input.settings if isinstance(spec, FlowSpec) else spec.settings))


def _secrets(settings: InputSettings | OutputSettings) -> Iterator[SecretValue]:
    match settings:
        case Srt(encryption=encryption) if encryption is not None:
            yield encryption.passphrase
        case RtmpPush(destinations=destinations):
            yield from (destination.stream_key for destination in destinations)
        case RtmpPullSource(source=source):
            yield source.stream_key
        case RtspSource(credentials=credentials) if credentials is not None:
            yield credentials.password
        case _:
            pass


def _flow(flow: Flow, look_up: LookUp) -> Flow:
    settings = flow.spec.input.settings
    match settings:
        case Srt():
            found: InputSettings = _srt(settings, look_up)
        case RtmpPullSource(source=source):
            found = replace(settings, source=_rtmp(source, look_up))
        case RtspSource(credentials=credentials) if credentials is not None:
            password = _value(credentials.password, look_up)
            found = replace(settings, credentials=replace(credentials, password=password))
        case _:
            return flow
    if found is settings:
        return flow
    return replace(flow, spec=replace(flow.spec, input=replace(flow.spec.input, settings=found)))


def _output(output: Output, look_up: LookUp) -> Output:
    settings = output.spec.settings
    match settings:
        case Srt():
            found: OutputSettings = _srt(settings, look_up)
        case RtmpPush(destinations=destinations):
            found = replace(settings, destinations=tuple(_rtmp(destination, look_up) for destination in destinations))
        case _:
            return output
    if found is settings:
        return output
    return replace(output, spec=replace(output.spec, settings=found))


def _srt(srt: Srt, look_up: LookUp) -> Srt:
    if srt.encryption is None:
        return srt
    reference = srt.encryption.passphrase
    value = _value(reference, look_up)
    if isinstance(value, Secret) and isinstance(reference, SecretRef):
        _check_passphrase(reference, value)
    return replace(srt, encryption=replace(srt.encryption, passphrase=value))


def _check_passphrase(ref: SecretRef, passphrase: Secret) -> None:
    text = passphrase.reveal()
    if len(text) not in PASSPHRASE_LENGTHS or not (text.isascii() and text.isprintable()):
        # Neither the value nor its length is told.
        raise SecretUnavailableError(
            ref,
            f"an SRT passphrase has {PASSPHRASE_LENGTHS.start} to {PASSPHRASE_LENGTHS.stop - 1} ASCII characters, "
            f"and this value does not keep that.",
        )


def _rtmp(address: RtmpAddress, look_up: LookUp) -> RtmpAddress:
    return replace(address, stream_key=_value(address.stream_key, look_up))


def _value(secret: SecretValue, look_up: LookUp) -> SecretValue:
    return look_up(secret) if isinstance(secret, SecretRef) else secret
