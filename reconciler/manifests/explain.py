"""Why a document does not fit its schema: every fault once, at the place where it is mended."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from reconciler.domain.documents import Fault, Path, pointer
from reconciler.domain.rules.catalogue import WRONG_FORM
from reconciler.manifests.schemas import breaches_of
from reconciler.manifests.wording import faults_of


def explain(value: object, schema: str, *, unreliable: Iterable[Path] = ()) -> tuple[Fault, ...]:
    """
    Return what is wrong with a value that its schema refuses.

    Args:
        value: of the JSON model.
        schema: its name.
        unreliable: paths of values that another fault has spoilt already; nothing more is said of them.
    """
    spoilt = tuple(unreliable)
    found: dict[tuple[str, bool], Fault] = {}
    for fault in _faults(value, schema):
        # An unknown key is also one that its protocol does not have; a value too short may also miss its pattern.
        if not any(_affects(path, fault) for path in spoilt):
            found.setdefault((_identity(fault), fault.on_key), fault)
    if not found and not spoilt:
        return (Fault(rule=WRONG_FORM, path=(), message="the document does not fit its schema"),)
    return tuple(found.values())


def _faults(value: object, schema: str) -> Iterator[Fault]:
    breaches = islice(breaches_of(schema, value), _MAX_BREACHES)
    for breach in sorted(breaches, key=lambda breach: _RANK.get(breach.keyword, len(_RANK))):
        yield from faults_of(breach)


_MAX_BREACHES: Final = 500
"""Breaches of one document that are looked at; whoever has more mends those first."""
_RANK: Final = {"additionalProperties": 0, "type": 1, "minLength": 2, "maxLength": 3}
"""What counts where several keywords complain about one thing."""


def _identity(fault: Fault) -> str:
    """Return what two faults have in common when they are one: a mapping may lack several keys, each its own fault."""
    is_about_the_mapping = fault.message.endswith("is missing")
    return f"{pointer(fault.path)} {fault.message if is_about_the_mapping else ''}"


def _affects(spoilt: Path, fault: Fault) -> bool:
    return fault.path[: len(spoilt)] == spoilt
