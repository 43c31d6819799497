"""Rules about outputs that stand in for each other."""

from collections.abc import Iterator, Sequence

from reconciler.domain.documents import Fault, OutputDocument, Path
from reconciler.domain.findings import Finding
from reconciler.domain.rules.catalogue import LONE_LEG
from reconciler.domain.rules.nearest import did_you_mean

_GROUP: Path = ("metadata", "redundancyGroup")


def lone_legs(outputs: Sequence[OutputDocument]) -> Iterator[Finding]:
    """Return the outputs that are alone in their group; nothing while a document's group cannot be told."""
    groups: dict[str, list[OutputDocument]] = {}
    for document in outputs:
        if document.draft is None:
            return
        if document.draft.care.redundancy_group:
            groups.setdefault(document.draft.care.redundancy_group, []).append(document)
    for group, legs in groups.items():
        if len(legs) == 1:
            message = f"no other output is of the group {group}, so that nothing stands in for this one"
            hint = did_you_mean(group, groups.keys() - {group}) or "give the other output the same word, or remove it"
            yield Fault(rule=LONE_LEG, path=_GROUP, message=message, hint=hint).at(legs[0].place)
