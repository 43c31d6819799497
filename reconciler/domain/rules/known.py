"""Which resources the documents of a tree define, for those that name one."""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property

from reconciler.domain.documents import Fault, Path
from reconciler.domain.model import FlowKey, Key
from reconciler.domain.rules.nearest import Vocabulary

UnknownFlow = Callable[[str, Path], Iterable[Fault]]
"""Returns the fault of a reference to a flow that there is not; nothing when there is, or may be."""


@dataclass(kw_only=True)
class Known:
    """Every resource that a document may define; a broken document defines its own all the same."""

    keys: AbstractSet[Key]
    lost: AbstractSet[str]
    """Names of documents whose kind cannot be told."""
    are_flows_certain: bool
    """Whether a flow that is not there is certainly not there."""
    are_outputs_certain: bool
    unknown_flow: UnknownFlow

    def lacks(self, key: Key) -> bool:
        """Return whether no document defines this resource, for certain."""
        if key in self.keys:
            return False
        if isinstance(key, FlowKey):
            return self.are_flows_certain and key.name not in self.lost
        return self.are_outputs_certain

    def did_you_mean(self, key: Key) -> str:
        """Return what an address may be a slip of, as a hint; "" when nothing is close."""
        return self._vocabulary.did_you_mean(str(key))

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(map(str, self.keys))
