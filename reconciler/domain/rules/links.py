"""Rules about outputs that call another flow's input."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from reconciler.domain import regions
from reconciler.domain.documents import Fault, FlowDocument, OutputDocument, Path
from reconciler.domain.findings import Finding
from reconciler.domain.model import Encryption, FlowSpec, Output, Region, Srt
from reconciler.domain.protocols import SrtMode
from reconciler.domain.rules import written
from reconciler.domain.rules.catalogue import LINK_MISMATCH, LINK_TARGET, LOOP, SHUT_OUT
from reconciler.domain.rules.networks import holds, network_of
from reconciler.domain.secrets import SecretRef, SecretValue

SRT: Path = ("spec", "srt")
CALLED_FLOW: Path = (*SRT, "destination", "flow")
_LATENCY: Path = (*SRT, "latency")
_ENCRYPTION: Path = (*SRT, "encryption")

Egress = Mapping[Region, Sequence[str]]
"""The CIDRs that a region's outputs send from, for the regions of which that is known."""
NO_EGRESS: Final[Egress] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An output that calls a flow that there is."""

    document: OutputDocument
    output: Output
    target: FlowDocument


def check(links: Iterable[Link], egress: Egress) -> Iterator[Finding]:
    """
    Return what is wrong with the links, each on its own.

    Args:
        links: to flows that there are.
        egress: the networks that a region sends from, where that is known.
    """
    for link in links:
        for fault in _faults(link, egress):
            yield fault.at(link.document.place)


def _faults(link: Link, egress: Egress) -> Iterator[Fault]:
    ours = link.output.spec.settings
    if link.target.draft is None or not isinstance(ours, Srt):
        return
    target = link.target.draft.flow.spec
    theirs = target.input.settings
    if not isinstance(theirs, Srt) or theirs.mode is not SrtMode.LISTENER:
        yield Fault(
            rule=LINK_TARGET,
            path=CALLED_FLOW,
            message=f"the input of flow {link.target.name} is no SRT listener, so it cannot be called",
        )
        return
    yield from _encryption(ours.encryption, theirs.encryption, str(link.target.name))
    yield from _latency(link, ours, theirs, target)
    yield from _shut_out(link, target, egress.get(link.output.spec.region, ()))


def _encryption(ours: Encryption | None, theirs: Encryption | None, name: str) -> Iterator[Fault]:
    if ours is None and theirs is None:
        return
    if ours is None:
        yield _mismatch(SRT, f"the input of flow {name} is encrypted, and this output is not")
        return
    if theirs is None:
        yield _mismatch(_ENCRYPTION, f"the input of flow {name} is not encrypted, and this output is")
        return
    if ours.key_length != theirs.key_length:
        path = (*_ENCRYPTION, "keyLength")
        yield _mismatch(path, f"the input of flow {name} has a key length of {theirs.key_length}")
    if _reference(ours.passphrase) != _reference(theirs.passphrase):
        path = (*_ENCRYPTION, "passphrase")
        yield _mismatch(path, f"the input of flow {name} has another reference to its passphrase")


def _latency(link: Link, ours: Srt, theirs: Srt, target: FlowSpec) -> Iterator[Fault]:
    distance = link.document.draft.distance if link.document.draft is not None else None
    if distance is not None and distance.country not in regions.COUNTRIES:
        # What latency was meant cannot be told, and the country is reported already.
        return
    if ours.latency_ms != theirs.latency_ms:
        yield _mismatch(
            _LATENCY,
            f"the input of flow {link.target.name} has a latency of {theirs.latency_ms} ms, "
            f"this output {ours.latency_ms} ms",
        )
        return
    country = regions.country_of(target.region)
    if country is not None and distance is None:
        yield from written.too_short(ours.latency_ms, link.output.spec.region, country, path=_LATENCY)


def _shut_out(link: Link, target: FlowSpec, sent_from: Sequence[str]) -> Iterator[Fault]:
    """Return a warning when the called flow's allowlist does not hold what our region sends from."""
    let_in = [found for entry in target.input.allowlist or () if (found := network_of(entry)) is not None]
    sources = [found for entry in sent_from if (found := network_of(entry)) is not None]
    outside = [source for source in sources if not any(holds(network, source) for network in let_in)]
    if let_in and outside:
        region = link.output.spec.region
        yield Fault(
            rule=SHUT_OUT,
            path=CALLED_FLOW,
            message=f"the allowlist of flow {link.target.name} does not hold {', '.join(map(str, outside))}, "
            f"which {region} sends from",
            hint="add it there",
        )


def _mismatch(path: Path, message: str) -> Fault:
    return Fault(rule=LINK_MISMATCH, path=path, message=message, hint="both ends must say the same")


def _reference(secret: SecretValue) -> tuple[str, str]:
    return (secret.source, secret.name) if isinstance(secret, SecretRef) else ("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One flow's stream goes into another flow."""

    document: OutputDocument
    path: Path
    sender: str
    receiver: str


def loops(feeds: Sequence[Feed]) -> Iterator[Finding]:
    """Return one finding for each circle, at the first of its feeds in the order that they are given in."""
    goes_to: dict[str, list[str]] = {}
    for feed in feeds:
        goes_to.setdefault(feed.sender, []).append(feed.receiver)
    reported: set[str] = set()
    for feed in feeds:
        way = _way(feed.receiver, feed.sender, goes_to)
        if way is None or not reported.isdisjoint(way):
            continue
        reported.update(way)
        yield Fault(
            rule=LOOP,
            path=feed.path,
            message=f"the stream would go round for ever: {' -> '.join((feed.sender, *way))}",
            hint="remove one of the links",
        ).at(feed.document.place)


def _way(start: str, goal: str, calls: Mapping[str, list[str]]) -> tuple[str, ...] | None:
    """Return the flows from `start` to `goal`, both included, along the shortest way; None when there is none."""
    came_from: dict[str, str | None] = {start: None}
    queue = [start]
    for here in queue:
        if here == goal:
            return _traced(goal, came_from)
        for there in calls.get(here, ()):
            if there not in came_from:
                came_from[there] = here
                queue.append(there)
    return None


def _traced(goal: str, came_from: Mapping[str, str | None]) -> tuple[str, ...]:
    way: list[str] = []
    here: str | None = goal
    while here is not None:
        way.append(here)
        here = came_from[here]
    return tuple(reversed(way))
