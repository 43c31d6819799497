"""Renames: a delete and a create that are likely one thing under another name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.domain import properties
from reconciler.domain.changes import Action, Change, Create, Delete, Plan, Sequence
from reconciler.domain.model import Flow, FlowKey, FoundFlow, FoundOutput, Key, Output, OutputKey
from reconciler.domain.naming import LONGEST
from reconciler.domain.properties import PropertyValue
from reconciler.domain.secrets import Hidden, Secret, SecretRef

LIKENESS: Final = 0.9
"""Share of the properties that must be the same."""
STORM: Final = 3
"""So many renames at once are likelier a tree that was changed by a slip than a wish."""
_NEITHER: Final = frozenset({"liveName", "description"})
"""What a rename changes with the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """Two changes that are likely one."""

    goes: Change
    """The delete."""
    comes: Create
    same: int
    of: int
    """Properties that are the same, of so many."""

    def why(self, change: Change, *, unfit: str = "") -> str:
        """
        Return why one of the two changes is held back, what keeps the thing on air, and what an approval cuts.

        Args:
            change: one of the two.
            unfit: which approvals of the delete do not release it, as `in_vain` returns it.

        """
        alike = f"({self.same} of {self.of} properties are the same)"
        move = f"A Move document keeps it on air: {self._move()}"
        if change is self.comes:
            return (
                f"it looks like {self.goes.key} under another name {alike}. {move}. Where it is another thing, this "
                f"goes on once the delete of {self.goes.key} is approved"
            )
        return (
            f"it looks like it is called {self.comes.key} from now on {alike}, and to delete it and make it anew would "
            f"cut it. {move}. An approval of the delete says that it is another thing, and cuts whoever receives it."
            f"{unfit and f' {unfit}'}"
        )

    def _move(self) -> str:
        """Return the document, in one line of YAML."""
        name = str(self.comes.key).partition("/")[2].replace("/", "_")[:LONGEST]
        return (
            f"{{apiVersion: reconciler/v1, kind: Move, metadata: {{name: {name}}}, "
            f"spec: {{from: {self.goes.key}, to: {self.comes.key}}}}}"
        )


def renames(plan: Plan) -> tuple[Rename, ...]:
    """Return each pair of a delete and a create in one place that are alike; no change is in two of them."""
    comes: dict[str, list[Create]] = {}
    for change in plan.changes:
        if isinstance(change, Create):
            comes.setdefault(_place(change.key), []).append(change)
    found: list[Rename] = []
    for change in plan.changes:
        if change.action is Action.DELETE and (gone := _found(change)) is not None:
            found.extend(_first_like(change, gone, comes.get(_place(change.key), [])))
    return tuple(found)


def _first_like(goes: Change, gone: FoundFlow | FoundOutput, candidates: list[Create]) -> Iterator[Rename]:
    """Yield the rename to the likest candidate, which then is taken."""
    likeness = [(_likeness(gone, each.wanted), -number) for number, each in enumerate(candidates)]
    if not likeness:
        return
    (same, of), number = max(likeness, key=lambda one: (one[0][0] / max(1, one[0][1]), one[1]))
    if same >= LIKENESS * of:
        yield Rename(goes=goes, comes=candidates.pop(-number), same=same, of=of)


def _place(key: Key) -> str:
    """Return where a resource can be renamed within: outputs in their flow, flows anywhere."""
    return key.flow if isinstance(key, OutputKey) else "/"


def _found(change: Change) -> FoundFlow | FoundOutput | None:
    if isinstance(change, Delete):
        return change.found
    calls = change.calls if isinstance(change, Sequence) else ()
    own = [call.found for call in calls if isinstance(call, Delete) and isinstance(call.key, FlowKey)]
    return own[0] if own else None


def _likeness(gone: FoundFlow | FoundOutput, wanted: Flow | Output) -> tuple[int, int]:
    match gone, wanted:
        case FoundFlow(spec=spec), Flow() if spec is not None:
            return _same(properties.of_flow("", spec), properties.of_flow("", wanted.spec))
        case FoundOutput(spec=output_spec), Output() if output_spec is not None:
            return _same(properties.of_output("", output_spec), properties.of_output("", wanted.spec))
        case _:
            return 0, 1


def _same(one: Mapping[str, PropertyValue], other: Mapping[str, PropertyValue]) -> tuple[int, int]:
    paths = (one.keys() | other.keys()) - _NEITHER
    return sum(_alike(one.get(path), other.get(path)) for path in paths), len(paths)


def _alike(one: PropertyValue, other: PropertyValue) -> bool:
    if isinstance(one, Hidden) or isinstance(other, Hidden):
        return isinstance(one, Secret | SecretRef | Hidden) and isinstance(other, Secret | SecretRef | Hidden)
    return one == other
