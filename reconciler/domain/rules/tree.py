"""Rules between all documents of a tree, and the desired state that they make."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from reconciler.domain.documents import (
    NAME,
    Document,
    Fault,
    FlowDocument,
    LostDocument,
    OutputDocument,
    Path,
)
from reconciler.domain.findings import Finding
from reconciler.domain.model import Desired, FlowState, Region
from reconciler.domain.rules import links
from reconciler.domain.rules.catalogue import (
    DUPLICATE_LIVE_NAME,
    DUPLICATE_NAME,
    NO_OUTPUTS,
    OTHER_CASE,
    SAME_PUSH,
    UNKNOWN_FLOW,
)
from reconciler.domain.rules.families import LIVE_NAME, Family, Push
from reconciler.domain.rules.links import CALLED_FLOW, Link
from reconciler.domain.rules.nearest import did_you_mean

if TYPE_CHECKING:
    from reconciler.domain.rules.urls import Target

_FLOW: Path = ("spec", "flow")

Judge = Callable[[FlowDocument, Sequence[OutputDocument]], Family]
"""Returns a family, as `families.family` does; one that remembers may stand in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What all documents say together."""

    findings: tuple[Finding, ...]
    desired: Desired
    """Of the documents that are not broken; whole only when there is no error anywhere."""


@dataclass(slots=True)
class _Names:
    """Every name that a document may define."""

    flows: dict[str, FlowDocument] = field(default_factory=dict)
    """By exact name; of namesakes the first."""
    folded: dict[str, FlowDocument] = field(default_factory=dict)
    """The same by name without case."""
    lost: set[str] = field(default_factory=set)
    """Names of documents whose kind cannot be told."""
    are_all_known: bool = True
    """Whether a name that is not there is certainly not there."""
    are_outputs_known: bool = True
    """Whether a flow that no output names is certainly without outputs."""


def judge(documents: Sequence[Document], family: Judge, *, is_whole: bool = True) -> Judgement:
    """
    Return what the documents say together; they are in the order of their paths.

    Args:
        documents: all that were read.
        family: judges a flow and its outputs.
        is_whole: False when there may be documents of which nothing is known; what they may define is not missed.
    """
    names, outputs, findings = _gathered(documents, is_whole=is_whole)
    children: dict[str, list[OutputDocument]] = {}
    for output in outputs:
        if output.flow is not None:
            children.setdefault(output.flow, []).append(output)
    families = [family(names.flows[name], children.pop(name, ())) for name in sorted(names.flows)]
    # What is left over belongs to no flow.
    for name, strays in children.items():
        findings += _strays(name, strays, names)
    findings += chain.from_iterable(one.findings for one in families)
    findings += _without_outputs(families, children, names)
    findings += _same_live_names(families)
    findings += _same_pushes(families)
    findings += _linked(families, names)
    return Judgement(findings=tuple(findings), desired=_desired(families))


def _desired(families: Sequence[Family]) -> Desired:
    return Desired(
        flows=tuple(one.desired_flow for one in families if one.desired_flow is not None),
        outputs=tuple(chain.from_iterable(one.desired_outputs for one in families)),
    )


def _gathered(documents: Sequence[Document], *, is_whole: bool) -> tuple[_Names, list[OutputDocument], list[Finding]]:
    names = _Names(are_all_known=is_whole, are_outputs_known=is_whole)
    outputs: list[OutputDocument] = []
    findings: list[Finding] = []
    for document in documents:
        if isinstance(document, OutputDocument):
            outputs.append(document)
            if document.flow is None:
                names.are_outputs_known = False
        elif isinstance(document, LostDocument):
            _remember_lost(document, names)
        elif document.name is None:
            names.are_all_known = False
        else:
            findings += _remember_flow(document, document.name, names)
    return names, outputs, findings


def _remember_lost(document: LostDocument, names: _Names) -> None:
    names.are_outputs_known = False
    if document.name is None:
        names.are_all_known = False
    else:
        names.lost.add(document.name)


def _remember_flow(document: FlowDocument, name: str, names: _Names) -> Iterator[Finding]:
    earlier = names.folded.setdefault(name.casefold(), document)
    names.flows.setdefault(name, document)
    if earlier is not document:
        yield Fault(
            rule=DUPLICATE_NAME,
            path=NAME,
            message=f"there is a flow of this name already: {name}",
            hint=f"it is at {earlier.place.at(NAME)}",
        ).at(document.place)


def _strays(name: str, outputs: Iterable[OutputDocument], names: _Names) -> Iterator[Finding]:
    for output in outputs:
        for fault in _unknown(name, _FLOW, names):
            yield fault.at(output.place)


def _unknown(name: str, path: Path, names: _Names) -> Iterator[Fault]:
    """Return the fault of a reference to a flow that there is not under this very name."""
    other = names.folded.get(name.casefold())
    if other is not None:
        message = f"the flow is written {other.name}"
        yield Fault(rule=OTHER_CASE, path=path, message=message, hint=f"did you mean {other.name}?")
    elif names.are_all_known and name not in names.lost:
        hint = did_you_mean(name, names.flows) or "add it, or give the path that it is in as well"
        yield Fault(rule=UNKNOWN_FLOW, path=path, message=f"there is no flow {_shown(name)}", hint=hint)


def _shown(name: str) -> str:
    return name if name.isprintable() and len(name) <= len("x" * 64) else "of this name"


def _without_outputs(families: Sequence[Family], strays: Mapping[str, object], names: _Names) -> Iterator[Finding]:
    if not names.are_outputs_known:
        return
    meant = {name.casefold() for name in strays}
    for one in families:
        flow = one.desired_flow
        if flow is None or one.outputs or flow.spec.state is not FlowState.RUNNING:
            continue
        if flow.key.name.casefold() not in meant:
            message = f"the flow {flow.key.name} is to be running and has no outputs"
            hint = "add one, or set state: idle"
            yield Fault(rule=NO_OUTPUTS, path=NAME, message=message, hint=hint).at(one.flow.place)


def _same_live_names(families: Sequence[Family]) -> Iterator[Finding]:
    seen: dict[tuple[Region, str], list[Family]] = {}
    for one in families:
        if one.desired_flow is not None:
            seen.setdefault((one.desired_flow.spec.region, one.desired_flow.live_name), []).append(one)
    for (region, live_name), namesakes in seen.items():
        if len(namesakes) == 1:
            continue
        earlier, *later = sorted(namesakes, key=lambda one: one.flow.place.at(LIVE_NAME))
        for one in later:
            if not _are_namesakes(earlier, one):
                yield Fault(
                    rule=DUPLICATE_LIVE_NAME,
                    path=LIVE_NAME,
                    message=f"another flow in {region} is {live_name} on the backend",
                    hint=f"it is at {earlier.flow.place.at(LIVE_NAME)}",
                ).at(one.flow.place)


def _are_namesakes(one: Family, other: Family) -> bool:
    return (one.flow.name or "").casefold() == (other.flow.name or "").casefold()


def _same_pushes(families: Sequence[Family]) -> Iterator[Finding]:
    seen: dict[Target, list[Push]] = {}
    for one in families:
        for push in one.pushes:
            seen.setdefault(push.target, []).append(push)
    for pushes in seen.values():
        if len(pushes) == 1:
            continue
        earlier, *later = sorted(pushes, key=lambda push: push.document.place.at(push.path))
        for push in later:
            yield Fault(
                rule=SAME_PUSH,
                path=push.path,
                message="this key is pushed to this URL already",
                hint=f"it is at {earlier.document.place.at(earlier.path)}",
            ).at(push.document.place)


def _linked(families: Sequence[Family], names: _Names) -> Iterator[Finding]:
    found: list[Link] = []
    for document, output, key in chain.from_iterable(one.links for one in families):
        target = names.flows.get(key.name)
        if target is not None:
            found.append(Link(document=document, output=output, target=target))
        else:
            for fault in _unknown(key.name, CALLED_FLOW, names):
                yield fault.at(document.place)
    if found:
        yield from links.check(sorted(found, key=lambda link: link.document.place.at(CALLED_FLOW)))
