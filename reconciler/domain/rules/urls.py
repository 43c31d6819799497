"""When two RTMP destinations are the same one."""

from typing import Final, NamedTuple

from reconciler.domain.model import RtmpAddress
from reconciler.domain.secrets import SecretRef

_DEFAULT_PORTS: Final = {"rtmp": ":1935", "rtmps": ":443"}
"""Source: RTMP specification 1.0 for rtmp; rtmps is TLS, on its port."""


class Target(NamedTuple):
    """Where something is pushed, in one spelling, and the reference to its key."""

    url: str
    source: str
    name: str


def target_of(address: RtmpAddress) -> Target:
    """Return what two destinations have in common when they are the same; keys are compared by reference."""
    key = address.stream_key
    source, name = (key.source, key.name) if isinstance(key, SecretRef) else ("", "")
    return Target(_one_spelling(address.url), source, name)


def _one_spelling(url: str) -> str:
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    return f"{scheme}://{host.lower().removesuffix(_DEFAULT_PORTS.get(scheme, ''))}/{path.rstrip('/')}"
