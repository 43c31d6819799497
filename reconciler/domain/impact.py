"""What a change does to viewers, derived from what the backend can do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Final


class Impact(IntEnum):
    """What viewers notice, from least to most."""

    NONE = 0
    RECONNECT = 1
    """The receivers of one output connect again."""
    INTERRUPT = 2
    """The flow stops."""
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


FLOW_MUTABILITY: Final[Mapping[str, Mutability]] = {
    "liveName": Mutability.HOT,
    "region": Mutability.RECREATE,
    "maxBandwidth": Mutability.RECREATE,
    "description": Mutability.HOT,
    "input.protocol": Mutability.RECREATE,
    "input.allowlist": Mutability.HOT,
    "input": Mutability.RECONNECT,
}
"""By property or its leading part. Source: StreamLink API; ModifyStreamLinkFlow has FlowName alone."""

OUTPUT_MUTABILITY: Final[Mapping[str, Mutability]] = {
    "liveName": Mutability.HOT,
    "region": Mutability.RECREATE,
    "protocol": Mutability.RECREATE,
    "description": Mutability.HOT,
    "allowlist": Mutability.HOT,
    "maxConcurrent": Mutability.HOT,
    "srt.mode": Mutability.RECREATE,
    "srt": Mutability.RECONNECT,
    "rtmpPush": Mutability.RECONNECT,
    "rtp": Mutability.RECONNECT,
}
"""By property or its leading part. Source: StreamLink API; ModifyStreamLinkOutputInfo has no OutputRegion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a backend can and cannot do, as values that the planner reads."""

    flow: Mapping[str, Mutability] = field(default_factory=lambda: FLOW_MUTABILITY)
    output: Mapping[str, Mutability] = field(default_factory=lambda: OUTPUT_MUTABILITY)
    calls_per_s: float = 15.0
    """Calls a second and action that the backend is sent at most."""


def mutability_of(table: Mapping[str, Mutability], path: str) -> Mutability:
    """
    Return how the property at `path` is changed; the longest leading part in the table counts.

    Raises:
        KeyError: no part of the path is in the table; every property must have a class.
    """
    part = path
    while part not in table:
        cut = max(part.rfind("."), part.rfind("["))
        if cut < 0:
            raise KeyError(path)
        part = part[:cut]
    return table[part]
