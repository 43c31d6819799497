"""What was in step when it was planned last: the same values need not be compared again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import is_

from reconciler.domain.links import link_of
from reconciler.domain.model import Flow, FlowKey, FoundFlow, Output
from reconciler.domain.resolution import secret_versions

_Looked = tuple[Flow, tuple[Output, ...], FoundFlow]


@dataclass(slots=True)
class InStep:
    """
    Flows that needed nothing, nor did any of their outputs. Plans are the same with it as without it.

    A flow is forgotten when it is looked up with other values, or when no manifest names it any more.
    """

    _terms: object = None
    _known: dict[FlowKey, _Looked] = field(default_factory=dict, repr=False)
    """What was found has URLs with keys in them."""

    def under(self, terms: object, keys: Iterable[FlowKey]) -> None:
        """Begin a planning: forget what was planned under other terms, and flows that nobody names any more."""
        if terms != self._terms:
            self._terms, self._known = terms, {}
        for gone in self._known.keys() - keys:
            del self._known[gone]

    def holds(self, flow: Flow, outputs: Sequence[Output], found: FoundFlow) -> bool:
        """Return whether these very values are known to be in step."""
        known = self._known.pop(flow.key, None)
        # What was found is not compared in depth: who reads a flow again that has not changed gives the same value.
        if known is None or known[2] is not found or not _are_same((flow, *outputs), (known[0], *known[1])):
            return False
        self._known[flow.key] = known
        return True

    def learn(self, flow: Flow, outputs: Sequence[Output], found: FoundFlow) -> None:
        """Remember that a flow is in step; not where an output calls another flow, whose address may change."""
        if all(link_of(output) is None for output in outputs):
            self._known[flow.key] = flow, tuple(outputs), found


def _are_same(wanted: Sequence[Flow | Output], known: Sequence[Flow | Output]) -> bool:
    # Nearly always it is the very same.
    return len(wanted) == len(known) and (all(map(is_, wanted, known)) or all(map(_is_same, wanted, known)))


def _is_same(wanted: Flow | Output, known: Flow | Output) -> bool:
    """Return whether the same is wanted; where a secret has another version, no value need differ that anybody sees."""
    if wanted is known:
        return True
    return wanted == known and secret_versions(wanted.spec) == secret_versions(known.spec)
