"""When two RTMP destinations are the same one."""

import re
from typing import Final, NamedTuple

from reconciler.domain.model import RtmpAddress
from reconciler.domain.secrets import SecretRef
from reconciler.domain.targets import spelled

KEY_IN_PATH: Final = re.compile(
    r"(?<=/)(?:[a-z0-9]{4}(?:-[a-z0-9]{4}){3,4}|live_[0-9]{6,}_[A-Za-z0-9]{20,}|FB-[0-9]{6,}-[0-9]+-[A-Za-z0-9_-]{6,}|"
    r"sk_[a-z0-9-]+_[A-Za-z0-9]{10,}_[A-Za-z0-9]{10,})(?=[/?]|$)"
)
"""Stream keys as large platforms give them out, where a path holds one. Source: YouTube, Twitch, Facebook, IVS."""


class Target(NamedTuple):
    """Where something is pushed, in one spelling, and the reference to its key."""

    url: str
    source: str
    name: str


def host_of(url: str) -> str:
    """Return the host of a URL, without brackets; "" when it has none."""
    authority = url.partition("://")[2].partition("/")[0].rpartition("@")[2]
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority.partition(":")[0]


def target_of(address: RtmpAddress) -> Target:
    """Return what two destinations have in common when they are the same; keys are compared by reference."""
    key = address.stream_key
    source, name = (key.source, key.name) if isinstance(key, SecretRef) else ("", "")
    return Target(spelled(address.url), source, name)
