"""How each forge signs what it delivers, and how it names what that is; nothing of a body is read here."""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from starlette.datastructures import Headers

TOLERANCE_S: Final = 300
"""Between the time in a generic signature and our clock, to either side."""
MOST_SIGNATURES: Final = 4
"""In one generic header: whoever changes the secret may sign with both."""
_MOST_DIGITS: Final = 12
_KEPT_CHARACTERS: Final = 128

PUSH: Final = "push"
PING: Final = "ping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What arrived, and when."""

    headers: Headers
    body: bytes
    now_s: float
    """Unix time."""


Secrets = Sequence[bytes]
Proof = Callable[[Delivery, Secrets], str]
"""Returns a word that only this delivery has where one of the secrets signed it, "" else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forge:
    """One kind of sender."""

    signature: str
    """The header that proves it."""
    proof: Proof
    ids: tuple[str, ...] = ()
    """Headers that name a delivery, the best first."""
    event: str = ""
    """The header that says what happened; "" where everything is a push."""
    signs: bool = True
    """Whether it signs what it sends; a mere token proves nothing of a body."""
    kinds: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What the words of that header mean; what is none of them is nothing to us."""

    def kind(self, headers: Headers) -> str:
        """Return `push`, `ping`, or "" for anything else."""
        return self.kinds.get(headers.get(self.event, ""), "") if self.event else PUSH

    def names(self, delivery: Delivery, proof: str) -> tuple[str, ...]:
        """
        Return what a delivery is known by: any of them twice is a replay.

        Ids are not signed, so a signature of the body counts, too: whoever has overheard one could send another id.
        """
        given = next(filter(None, (delivery.headers.get(name, "") for name in self.ids)), "")
        names = (given, proof) if self.signs else (given or proof,)
        return tuple(name[:_KEPT_CHARACTERS] for name in names if name)


def _hmac_of_body(header: str, prefix: str) -> Proof:
    def proof(delivery: Delivery, secrets: Secrets) -> str:
        given = delivery.headers.get(header, "")
        expected = (prefix + _sign(secret, delivery.body) for secret in secrets)
        return given if _is_signed(given, expected) else ""

    return proof


def _token(header: str) -> Proof:
    def proof(delivery: Delivery, secrets: Secrets) -> str:
        given = delivery.headers.get(header, "").encode("latin-1")
        if not sum(hmac.compare_digest(secret, given) for secret in secrets):
            return ""
        # The token is the same each time and must not be kept: the delivery is told by its body.
        return hashlib.sha256(delivery.body).hexdigest()

    return proof


def _timed(delivery: Delivery, secrets: Secrets) -> str:
    """Prove `t=UNIX,v1=HEX`, an HMAC of `UNIX.BODY`."""
    parts = [part.strip().partition("=")[::2] for part in delivery.headers.get("x-reconciler-signature", "").split(",")]
    times = [value for name, value in parts if name == "t"]
    signatures = [value for name, value in parts if name == "v1"]
    if len(times) != 1 or not 1 <= len(signatures) <= MOST_SIGNATURES:
        return ""
    (time,) = times
    if not (time.isascii() and time.isdigit() and len(time) <= _MOST_DIGITS):
        return ""
    if abs(delivery.now_s - int(time)) > TOLERANCE_S:
        return ""
    signed = time.encode() + b"." + delivery.body
    expected = [_sign(secret, signed) for secret in secrets]
    good = [signature for signature in signatures if _is_signed(signature, expected)]
    return good[0] if good else ""


def _sign(secret: bytes, content: bytes) -> str:
    return hmac.new(secret, content, hashlib.sha256).hexdigest()


def _is_signed(given: str, expected: Iterable[str]) -> bool:
    said = given.encode("latin-1")
    # All are compared, so that the time tells nothing.
    return sum(hmac.compare_digest(said, signature.encode()) for signature in expected) > 0


FORGES: Final[Mapping[str, Forge]] = {
    "github": Forge(
        signature="x-hub-signature-256",
        proof=_hmac_of_body("x-hub-signature-256", "sha256="),
        ids=("x-github-delivery",),
        event="x-github-event",
        kinds={"push": PUSH, "ping": PING},
    ),
    "gitlab": Forge(
        signature="x-gitlab-token",
        proof=_token("x-gitlab-token"),
        signs=False,
        # The key is new for each delivery; the event's id is shared by the webhooks of one event.
        ids=("idempotency-key", "x-gitlab-event-uuid"),
        event="x-gitlab-event",
        kinds={"Push Hook": PUSH},
    ),
    "gitea": Forge(
        signature="x-gitea-signature",
        proof=_hmac_of_body("x-gitea-signature", ""),
        ids=("x-gitea-delivery",),
        event="x-gitea-event",
        kinds={"push": PUSH},
    ),
    "generic": Forge(signature="x-reconciler-signature", proof=_timed),
}
