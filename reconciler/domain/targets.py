"""Where an output sends: what tells whether two may be there at once."""

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.domain.model import OutputSpec, RtmpPush, Rtp, Srt
from reconciler.domain.protocols import Protocol
from reconciler.domain.secrets import Secret, SecretRef


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """One far end that takes one stream at a time."""

    protocol: Protocol
    to: str
    key: Secret | SecretRef | None = None
    """What tells streams at one address apart; None where nothing does, or the backend does not say."""


def may_coexist(one: OutputSpec, other: OutputSpec) -> bool:
    """
    Return whether two outputs of one flow can be on air at the same time.

    Receivers that call us find each at its own address. Where we send, one far end takes one stream: an SRT listener
    one caller a port, an RTMP server one publisher a key, and two RTP senders to one address are noise to each other.
    """
    return not any(_clash(mine, theirs) for mine in _targets(one) for theirs in _targets(other))


def _clash(one: _Target, other: _Target) -> bool:
    if (one.protocol, one.to) != (other.protocol, other.to):
        return False
    # A key that is masked may be any key.
    return one.key is None or other.key is None or one.key == other.key


def _targets(spec: OutputSpec) -> Iterator[_Target]:
    match spec.settings:
        case Srt(peer=peer) if peer is not None:
            yield _Target(protocol=spec.protocol, to=str(peer))
        case Rtp(destinations=addresses):
            for address in addresses:
                yield _Target(protocol=spec.protocol, to=str(address))
        case RtmpPush(destinations=destinations):
            for each in destinations:
                key = each.stream_key if isinstance(each.stream_key, Secret | SecretRef) else None
                yield _Target(protocol=spec.protocol, to=each.url, key=key)
        case _:
            pass
