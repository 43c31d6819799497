"""Where an output sends: what tells whether two may be there at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from reconciler.domain.model import OutputSpec, RtmpPush, Rtp, Srt
from reconciler.domain.protocols import Protocol
from reconciler.domain.secrets import Secret, SecretRef

_DEFAULT_PORTS: Final = {"rtmp": ":1935", "rtmps": ":443"}
"""Source: RTMP specification 1.0 for rtmp; rtmps is TLS, on its port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FarEnd:
    """One far end that takes one stream at a time."""

    protocol: Protocol
    to: str
    """An address, or a URL; in one spelling."""
    key: Secret | SecretRef | None = None
    """What tells streams at one address apart; None where nothing does, or the backend does not say."""
    stream_id: str = ""
    """Over SRT: some listeners take one caller of each."""


def may_coexist(one: OutputSpec, other: OutputSpec) -> bool:
    """
    Return whether two outputs of one flow can be on air at the same time.

    Receivers that call us find each at its own address. Where we send, one far end takes one stream: an SRT listener
    one caller a port, an RTMP server one publisher a key, and two RTP senders to one address are noise to each other.
    """
    return not any(_clash(mine, theirs) for mine in _targets(one) for theirs in _targets(other))


def far_ends(spec: OutputSpec | None) -> frozenset[FarEnd]:
    """
    Return the far ends that an output sends to, as far as they are known: two that are equal are one.

    A key that is masked is not known: many outputs push to one URL of a platform, each with a key of its own.
    """
    targets = () if spec is None else _targets(spec)
    return frozenset(one for one in targets if one.key is not None or one.protocol is not Protocol.RTMP_PUSH)


def spelled(url: str) -> str:
    """Return an RTMP URL in one spelling for all that mean the same."""
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    return f"{scheme}://{host.lower().removesuffix(_DEFAULT_PORTS.get(scheme, ''))}/{path.rstrip('/')}"


def _clash(one: FarEnd, other: FarEnd) -> bool:
    if (one.protocol, one.to) != (other.protocol, other.to):
        return False
    # A key that is masked may be any key.
    return one.key is None or other.key is None or one.key == other.key


def _targets(spec: OutputSpec) -> Iterator[FarEnd]:
    match spec.settings:
        case Srt(peer=peer, stream_id=stream_id) if peer is not None:
            yield FarEnd(protocol=spec.protocol, to=str(peer).lower(), stream_id=stream_id)
        case Rtp(destinations=addresses):
            for address in addresses:
                yield FarEnd(protocol=spec.protocol, to=str(address).lower())
        case RtmpPush(destinations=destinations):
            for each in destinations:
                key = each.stream_key if isinstance(each.stream_key, Secret | SecretRef) else None
                yield FarEnd(protocol=spec.protocol, to=spelled(each.url), key=key)
        case _:
            pass
