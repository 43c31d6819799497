"""What a change does to viewers, derived from what the backend can do."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final

from reconciler.domain.model import FlowState, ResourceKind
from reconciler.domain.properties import PropertyChange, PropertyValue
from reconciler.domain.protocols import DEFAULT_MAX_CONCURRENT


class Impact(IntEnum):
    """What viewers notice, from least to most."""

    NONE = 0
    RECONNECT = 1
    """The receivers of one output connect again, or the publisher of an input."""
    INTERRUPT = 2
    """An output or a whole flow goes off air."""
    RECREATE = 3
    """The object is made anew: its addresses change."""

    def __str__(self) -> str:
        """Return the word that people read."""
        return self.name.lower()


class Mutability(StrEnum):
    """How a property of a live object is changed."""

    HOT = "hot"
    RECONNECT = "reconnect"
    STOP_FLOW = "stop-flow"
    RECREATE = "recreate"


IMPACT_OF: Final[Mapping[Mutability, Impact]] = {
    Mutability.HOT: Impact.NONE,
    Mutability.RECONNECT: Impact.RECONNECT,
    Mutability.STOP_FLOW: Impact.INTERRUPT,
    Mutability.RECREATE: Impact.RECREATE,
}

Classes = Mapping[str, Mutability]
"""The class of each property, by its path or a leading part of it; the longest part counts."""

_FLOW: Final[Classes] = MappingProxyType(
    {
        "name": Mutability.HOT,
        "liveName": Mutability.HOT,
        "region": Mutability.RECREATE,
        "maxBandwidth": Mutability.RECREATE,
        "description": Mutability.HOT,
        "protect": Mutability.HOT,
        "input.protocol": Mutability.RECREATE,
        "input.allowlist": Mutability.HOT,
        "input.srt": Mutability.RECONNECT,
        "input.rtmpPull": Mutability.RECONNECT,
        "input.rtp": Mutability.RECONNECT,
        "input.rtsp": Mutability.RECONNECT,
    }
)
"""Of a running flow where all is edited live. Source: StreamLink API; ModifyStreamLinkFlow has FlowName alone."""

_OUTPUT: Final[Classes] = MappingProxyType(
    {
        "name": Mutability.HOT,
        "liveName": Mutability.HOT,
        "region": Mutability.RECREATE,
        "protocol": Mutability.RECREATE,
        "description": Mutability.HOT,
        "protect": Mutability.HOT,
        "allowlist": Mutability.HOT,
        "maxConcurrent": Mutability.HOT,
        "srt.mode": Mutability.RECREATE,
        "srt.latency": Mutability.RECONNECT,
        "srt.streamId": Mutability.RECONNECT,
        "srt.peerIdleTimeout": Mutability.RECONNECT,
        "srt.destination": Mutability.RECONNECT,
        "srt.encryption": Mutability.RECONNECT,
        "rtmpPush.destinations": Mutability.RECONNECT,
        "rtmpPush.chunkSize": Mutability.RECONNECT,
        "rtp.destinations": Mutability.RECONNECT,
        "rtp.idleTimeout": Mutability.RECONNECT,
    }
)
"""Of an output of a running flow, as above. Source: StreamLink API; ModifyStreamLinkOutputInfo has no OutputRegion."""

_ALWAYS_LIVE_2022: Final = frozenset({"allowlist", "input.allowlist"})


class EditRules(StrEnum):
    """Generations of the vendor's documents, which disagree on what is edited while a flow runs; the widest first."""

    LIVE_2023 = "live-2023"
    """Everything is edited live."""
    CONSOLE_2022 = "console-2022"
    """Outputs are made and deleted live; of what is there, only the allowlist is edited."""
    STRICT_2021 = "strict-2021"
    """Nothing is made, edited or deleted while the flow runs."""

    def classes(self, kind: ResourceKind, state: FlowState) -> Classes:
        """Return the class of every property of a kind, while its flow is in this state."""
        live = _FLOW if kind is ResourceKind.FLOW else _OUTPUT
        found = {path: self._of(path, mutability, state) for path, mutability in live.items()}
        # The name of a flow is no part of its input: no generation wants it stopped for a new one.
        return found | {"liveName": Mutability.HOT} if kind is ResourceKind.FLOW else found

    def _of(self, path: str, live: Mutability, state: FlowState) -> Mutability:
        if live is Mutability.RECREATE:
            return live
        if state is FlowState.IDLE:
            return Mutability.HOT
        if self is EditRules.LIVE_2023:
            return live
        if self is EditRules.CONSOLE_2022 and path in _ALWAYS_LIVE_2022:
            return live
        return Mutability.STOP_FLOW

    @property
    def adds_live(self) -> bool:
        """Return whether outputs are made and deleted while their flow runs."""
        return self is not EditRules.STRICT_2021


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a backend can and cannot do, as values that the planner reads."""

    rules: EditRules = EditRules.LIVE_2023
    """What is edited while a flow runs, as far as is known."""
    is_certain: bool = True
    """False where nobody said so: then a live edit is tried, and a refusal teaches stricter rules."""
    calls_per_s: float = 15.0
    """Calls a second and action that the backend is sent at most."""

    def mutability(self, kind: ResourceKind, path: str, state: FlowState) -> Mutability:
        """
        Return how a property is changed while its flow is in this state.

        Raises:
            KeyError: no part of the path has a class; every property must have one.

        """
        return mutability_of(self.rules.classes(kind, state), path)

    def impact(self, kind: ResourceKind, changed: Iterable[PropertyChange], state: FlowState) -> Impact:
        """Return what viewers would notice of these changes while the flow is in this state."""
        classes = self.rules.classes(kind, state)
        felt = (max(IMPACT_OF[mutability_of(classes, one.path)], _cut_off(one, state)) for one in changed)
        return max(felt, default=Impact.NONE)


def mutability_of(classes: Classes, path: str) -> Mutability:
    """
    Return how the property at `path` is changed; the longest leading part that has a class counts.

    Raises:
        KeyError: no part of the path has a class; every property must have one.

    """
    part = path
    while part not in classes:
        cut = max(part.rfind("."), part.rfind("["))
        if cut < 0:
            raise KeyError(path)
        part = part[:cut]
    return classes[part]


def stricter(rules: EditRules, refused: Iterable[str], *, adds_or_removes: bool) -> EditRules:
    """
    Return the rules that explain why a live change was refused.

    Args:
        rules: those that were thought to hold.
        refused: the properties that could not be edited.
        adds_or_removes: whether an output was to be made or deleted.

    """
    if adds_or_removes or rules is not EditRules.LIVE_2023 or set(refused) <= _ALWAYS_LIVE_2022:
        return EditRules.STRICT_2021
    return EditRules.CONSOLE_2022


def _cut_off(change: PropertyChange, state: FlowState) -> Impact:
    """Return what those notice who are let in no more: an edit that nobody else feels cuts them off."""
    if state is FlowState.IDLE:
        return Impact.NONE
    shuts_out = change.path in _ALWAYS_LIVE_2022 and _narrows(change.found, change.wanted)
    # Where the backend does not say how many it serves, it is as many as it serves by itself.
    before = DEFAULT_MAX_CONCURRENT if change.found is None else change.found
    fewer = (
        change.path == "maxConcurrent"
        and isinstance(before, int)
        and isinstance(change.wanted, int)
        and change.wanted < before
    )
    return Impact.RECONNECT if shuts_out or fewer else Impact.NONE


def _narrows(found: PropertyValue, wanted: PropertyValue) -> bool:
    """Return whether somebody who was let in by one allowlist is kept out by the other; an empty one lets all in."""
    before = found if isinstance(found, tuple) else ()
    after = wanted if isinstance(wanted, tuple) else ()
    if not after:
        return False
    if not before:
        return True
    try:
        networks = [ipaddress.ip_network(text, strict=False) for text in after]
        return not all(_is_within(ipaddress.ip_network(text, strict=False), networks) for text in before)
    except ValueError:
        # What was written by hand and cannot be read may have let anybody in.
        return True


_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _is_within(network: _Network, others: Iterable[_Network]) -> bool:
    for other in others:
        if isinstance(network, ipaddress.IPv4Network) and isinstance(other, ipaddress.IPv4Network):
            if network.subnet_of(other):
                return True
        elif (
            isinstance(network, ipaddress.IPv6Network)
            and isinstance(other, ipaddress.IPv6Network)
            and network.subnet_of(other)
        ):
            return True
    return False
