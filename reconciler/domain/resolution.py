"""Resolution: the references to secrets in a desired state, replaced by their values, each resource on its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

from reconciler.domain.changes import Failed
from reconciler.domain.errors import SecretUnavailableError
from reconciler.domain.model import Desired, Encryption, Flow, FlowSpec, Output, OutputSpec
from reconciler.domain.protocols import PASSPHRASE_LENGTHS
from reconciler.domain.secrets import Secret, SecretRef

LookUp = Callable[[SecretRef], Secret]
"""Return the value of a reference, or raise SecretUnavailableError."""

_Resource = TypeVar("_Resource", Flow, Output)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What is desired, with the secrets' values; and what could not be resolved."""

    desired: Desired
    failed: tuple[Failed, ...]
    """Resources that are left out of `desired` because of a secret; what is live of them stays as it is."""


def resolve(desired: Desired, look_up: LookUp) -> Resolved:
    """Return the desired state with every secret looked up; a resource that lacks one fails alone."""
    failed: list[Failed] = []
    return Resolved(
        desired=Desired(
            flows=tuple(_resolved(desired.flows, look_up, failed)),
            outputs=tuple(_resolved(desired.outputs, look_up, failed)),
        ),
        failed=tuple(failed),
    )


def secret_versions(spec: FlowSpec | OutputSpec) -> int:
    """Return the sum of the versions of a resource's secrets, as its mark says it."""
    return sum(secret.version for secret in _secrets(spec))


def _resolved(resources: tuple[_Resource, ...], look_up: LookUp, failed: list[Failed]) -> Iterator[_Resource]:
    for resource in resources:
        try:
            yield replace(resource, spec=_replaced(resource.spec, look_up))
        except SecretUnavailableError as error:
            failed.append(Failed(key=resource.key, why=str(error)))


def _replaced(value: Any, look_up: LookUp) -> Any:
    """Return the value with every reference in it replaced, however deep."""
    if isinstance(value, SecretRef):
        found = look_up(value)
        return Secret(found.reveal(), version=value.version)
    if isinstance(value, tuple):
        return tuple(_replaced(item, look_up) for item in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    parts = {part.name: _replaced(getattr(value, part.name), look_up) for part in fields(value)}
    if isinstance(value, Encryption) and isinstance(value.passphrase, SecretRef):
        _check_passphrase(value.passphrase, parts["passphrase"])
    return replace(value, **parts)


def _check_passphrase(ref: SecretRef, passphrase: Secret) -> None:
    text = passphrase.reveal()
    if len(text) not in PASSPHRASE_LENGTHS or not text.isascii() or not text.isprintable():
        why = (
            f"an SRT passphrase is {PASSPHRASE_LENGTHS.start} to {PASSPHRASE_LENGTHS.stop - 1} printable ASCII "
            "characters, and this one is not"
        )
        raise SecretUnavailableError(ref, why)


def _secrets(value: Any) -> Iterator[Secret | SecretRef]:
    if isinstance(value, Secret | SecretRef):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _secrets(item)
    elif is_dataclass(value) and not isinstance(value, type):
        for part in fields(value):
            yield from _secrets(getattr(value, part.name))
