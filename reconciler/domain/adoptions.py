"""What an adoption is asked for, decides upon and comes to."""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from reconciler.domain import secret_places
from reconciler.domain.changes import Blocked, Edit
from reconciler.domain.marks import Owner
from reconciler.domain.model import Flow, FlowState, FoundFlow, FoundOutput, Key, Output
from reconciler.domain.properties import PropertyChange
from reconciler.domain.resolution import LookUp
from reconciler.domain.secrets import Hidden, Secret, SecretRef, SecretValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopting:
    """What is to be adopted, and by whom."""

    owner: Owner
    look_up: LookUp
    """Looks up what manifests refer to: to compare, and to send what the backend masks."""
    chosen: AbstractSet[Key] | None = None
    """A flow stands for its outputs, too; None for everything."""
    sends_secrets: bool = False
    """Whether secrets that the backend masks may be sent to running flows, from the manifests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """One object that is taken over."""

    edit: Edit
    state: FlowState
    """Of its flow."""
    differences: tuple[PropertyChange, ...]
    """What a plan says next: the object differs from its manifest, and adopting does not change that."""
    unresolved: str
    """Why its secrets cannot be looked up, so that a plan fails for it; "" when they can."""
    sends_secrets: bool
    """Whether secrets are sent with the mark, because the backend masks them, and an edit sends the whole object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """Everything that is taken over, in the order to send it, and what is not."""

    adopted: tuple[Adopted, ...] = ()
    refused: tuple[Blocked, ...] = ()
    already: tuple[Key, ...] = ()
    """Those that bear our mark."""
    absent: tuple[Key, ...] = ()
    """Those that nothing on the backend corresponds to; `apply` makes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One object that is free to be taken over."""

    wanted: Flow | Output
    """As its manifest says."""
    flow: FoundFlow
    found: FoundFlow | FoundOutput
    secrets: Mapping[str, SecretValue]
    """As they were found, by path."""
    differences: tuple[PropertyChange, ...]
    as_found: Callable[[secret_places.Put], Flow | Output]
    """Returns the resource of the manifest with all that was found, but for its secrets."""

    @property
    def is_masked(self) -> bool:
        """Return whether the backend has a secret that it does not tell."""
        return any(isinstance(secret, Hidden) for secret in self.secrets.values())


def taken_from(resolved: Flow | Output) -> secret_places.Put:
    """Return what gives found secrets the versions of their manifest, and takes its values for masked ones."""
    known = secret_places.by_path(resolved.spec)

    def put(path: str, found: SecretValue) -> SecretValue:
        said = known.get(path, found)
        if not isinstance(found, Secret):
            return said
        return Secret(found.reveal(), version=said.version if isinstance(said, SecretRef | Secret) else 0)

    return put


def is_unread(change: PropertyChange) -> bool:
    """Return whether two secrets only seem to differ, because one of them is a reference still."""
    return isinstance(change.wanted, SecretRef) and isinstance(change.found, Secret)
