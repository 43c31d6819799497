"""Rules between all documents of a tree, and the desired state that they make."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from reconciler.domain.documents import (
    NAME,
    NAME_FORM,
    Document,
    Fault,
    FlowDocument,
    LostDocument,
    OutputDocument,
    Path,
    PolicyDocument,
    shown_name,
)
from reconciler.domain.findings import Finding, Rule
from reconciler.domain.model import Desired, FlowKey, FlowState, OutputKey, Region
from reconciler.domain.policies import Policies
from reconciler.domain.rules import links, policies, redundancy
from reconciler.domain.rules.catalogue import (
    DUPLICATE_LIVE_NAME,
    DUPLICATE_NAME,
    NO_OUTPUTS,
    OTHER_CASE,
    SAME_DESTINATION,
    SAME_PUSH,
    UNKNOWN_FLOW,
)
from reconciler.domain.rules.families import LIVE_NAME, Family, Push, Sending
from reconciler.domain.rules.known import Known
from reconciler.domain.rules.links import CALLED_FLOW, NO_EGRESS, Egress, Feed, Link
from reconciler.domain.rules.nearest import Vocabulary

if TYPE_CHECKING:
    from reconciler.domain.protocols import Protocol
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
    policies: Policies = field(default_factory=Policies)
    """Of the documents without an error; how changes are made, and not what is wanted."""


@dataclass
class _Names:
    """Every name that a document may define."""

    flows: dict[str, FlowDocument] = field(default_factory=dict)
    """By exact name; of namesakes the first."""
    folded: dict[str, FlowDocument] = field(default_factory=dict)
    """The same by name without case."""
    policies: list[PolicyDocument] = field(default_factory=list)
    """Documents that say how changes are made: they define no resource, and name those of others."""
    lost: set[str] = field(default_factory=set)
    """Names of documents whose kind cannot be told."""
    are_all_known: bool = True
    """Whether a name that is not there is certainly not there."""
    are_outputs_known: bool = True
    """Whether a flow that no output names is certainly without outputs."""

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What a name that is not there may be a slip of; asked for when all names are known."""
        return Vocabulary(name for name in self.flows if NAME_FORM.fullmatch(name))


def judge(
    documents: Sequence[Document], family: Judge, *, is_whole: bool = True, egress: Egress = NO_EGRESS
) -> Judgement:
    """
    Return what the documents say together; they are in the order of their paths.

    Args:
        documents: all that were read.
        family: judges a flow and its outputs.
        egress: the networks that a region sends from, where that is known.
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
    findings += _same_targets(families)
    findings += _linked(families, names, egress)
    if any(one.has_groups for one in families) and names.are_outputs_known:
        findings += redundancy.lone_legs(outputs)
    how = policies.judge(names.policies, _known(names, outputs)) if names.policies else policies.NO_POLICIES
    return Judgement(findings=(*findings, *how.findings), desired=_desired(families), policies=how.policies)


def _known(names: _Names, outputs: Sequence[OutputDocument]) -> Known:
    """Return what documents may name."""
    flows = map(FlowKey, names.flows)
    keys = (OutputKey(one.flow, one.name) for one in outputs if one.flow is not None and one.name is not None)
    return Known(
        keys=frozenset(chain(flows, keys)),
        lost=names.lost,
        are_flows_certain=names.are_all_known,
        are_outputs_certain=names.are_outputs_known and all(one.name is not None for one in outputs),
        unknown_flow=lambda name, path: _unknown(name, path, names) if name not in names.flows else (),
    )


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
        elif isinstance(document, PolicyDocument):
            names.policies.append(document)
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
            message=f"there is a flow of this name already{shown_name(name)}",
            hint=f"it is at {earlier.place.at(NAME)}",
        ).at(document.place)


def _strays(name: str, outputs: Iterable[OutputDocument], names: _Names) -> Iterator[Finding]:
    for fault in _unknown(name, _FLOW, names):
        for output in outputs:
            yield fault.at(output.place)


def _unknown(name: str, path: Path, names: _Names) -> Iterator[Fault]:
    """Return the fault of a reference to a flow that there is not under this very name."""
    other = names.folded.get(name.casefold())
    if other is not None:
        message = f"the flow is written {other.name}"
        yield Fault(rule=OTHER_CASE, path=path, message=message, hint="names are compared with their case")
    elif names.are_all_known and name not in names.lost:
        hint = names.vocabulary.did_you_mean(name) or "add it, or give the path that it is in as well"
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
        if names.folded.get(flow.key.name.casefold()) is not one.flow:
            # Its name is the fault, and its outputs are the namesake's.
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


def _same_targets(families: Sequence[Family]) -> Iterator[Finding]:
    """Return what is sent twice to one place, over RTMP with one key, over SRT and RTP at all."""
    pushes: dict[Target, list[Push | Sending]] = {}
    sendings: dict[tuple[Protocol, str, int, str], list[Push | Sending]] = {}
    for one in families:
        for push in one.pushes:
            pushes.setdefault(push.target, []).append(push)
        for sending in one.sendings:
            sendings.setdefault(sending.to, []).append(sending)
    for same in pushes.values():
        yield from _twice(SAME_PUSH, "this key is pushed to this URL already", same)
    for meeting in sendings.values():
        yield from _twice(SAME_DESTINATION, "a stream is sent to this address already", meeting)


def _twice(rule: Rule, message: str, same: Sequence[Push | Sending]) -> Iterator[Finding]:
    if len(same) == 1:
        return
    earlier, *later = sorted(same, key=lambda one: one.document.place.at(one.path))
    for one in later:
        hint = f"it is at {earlier.document.place.at(earlier.path)}"
        yield Fault(rule=rule, path=one.path, message=message, hint=hint).at(one.document.place)


def _linked(families: Sequence[Family], names: _Names, egress: Egress) -> Iterator[Finding]:
    found: list[Link] = []
    for document, output, key in chain.from_iterable(one.links for one in families):
        target = names.flows.get(key.name)
        if target is not None:
            found.append(Link(document=document, output=output, target=target))
        else:
            for fault in _unknown(key.name, CALLED_FLOW, names):
                yield fault.at(document.place)
    yield from links.check(found, egress)
    feeds = [*_calls(found), *_pulls(families)]
    if feeds:
        yield from links.loops(sorted(feeds, key=lambda feed: feed.document.place.at(feed.path)))


def _calls(found: Iterable[Link]) -> Iterator[Feed]:
    for link in found:
        sender, receiver = link.output.key.flow, link.target.name or ""
        yield Feed(document=link.document, path=CALLED_FLOW, sender=sender, receiver=receiver)


def _pulls(families: Sequence[Family]) -> Iterator[Feed]:
    """Yield what one flow pushes to where another one pulls from."""
    pulled = {one.source: one.flow.name or "" for one in families if one.source is not None}
    for push in chain.from_iterable(one.pushes for one in families) if pulled else ():
        receiver, sender = pulled.get(push.target), push.document.flow
        if receiver is not None and sender is not None and receiver != sender:
            yield Feed(document=push.document, path=push.path, sender=sender, receiver=receiver)
