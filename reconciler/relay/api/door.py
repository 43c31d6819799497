"""
Who is let in: whoever proves, by the signature, to be the account's owner.

On loopback that is done as the official SDK does it: it signs neither the action nor the region, and equal calls of
one second bear one signature. A network may be listened to, so off loopback the signature must cover all that a call
means, and is good for one write (docs/adr/0017).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from reconciler.relay.api.calls import Call
from reconciler.relay.api.refusals import RefusalError
from reconciler.relay.signatures import SignatureSpentError, SpentSignatures, TooManyWritesError
from reconciler.streamlink.codes import Code
from reconciler.streamlink.signing import WHOLE_CALL, Claim, Credentials, Demands, SignatureRefused, claim_of
from reconciler.streamlink.wire import ACTIONS, PRODUCTS, Profile

_PROFILES: Final[Mapping[str, Profile]] = {product.service: profile for profile, product in PRODUCTS.items()}
_MEANINGFUL: Final = ("authorization", "content-type", "host", "x-tc-")
"""Beginnings of the names of headers that say something here."""

AS_THE_SDK: Final = Demands(services=tuple(_PROFILES))
"""The official SDK signs this much and no more."""
AS_THE_SDK_WITH_BODY: Final = replace(AS_THE_SDK, body=True)
"""The same where a network may listen: what the SDK sends is accepted, a body that nobody vouches for is not."""
WHOLE: Final = Demands(services=tuple(_PROFILES), headers=WHOLE_CALL, body=True)
"""Nobody between can turn one call into another."""


class Headers(NamedTuple):
    """Headers that were judged: what they are, and what they claim."""

    said: Mapping[str, str]
    claim: Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Lets in whoever proves to be the account's owner."""

    credentials: Credentials
    now_s: Callable[[], float]
    demands: Demands = AS_THE_SDK
    spent: SpentSignatures | None = None
    """Keeps each signature to one write; None where equal writes may come again."""

    def claim(self, raw: list[tuple[str, str]]) -> Headers:
        """
        Return what the headers claim; no body need be read for those that no body could prove.

        Raises:
            RefusalError: they claim nothing that could be proven.

        """
        headers = _each_once(raw)
        try:
            found = claim_of(headers, secret_key_of=self._key_of, now_s=self.now_s(), demands=self.demands)
        except SignatureRefused as refused:
            raise RefusalError(Code(refused.code), refused.message) from refused
        return Headers(headers, found)

    def prove(self, claim: Claim, body: bytes) -> Profile:
        """
        Return the product that the signer speaks to.

        Raises:
            RefusalError: the signature proves nothing.

        """
        try:
            signer = claim.prove(body)
        except SignatureRefused as refused:
            raise RefusalError(Code(refused.code), refused.message) from refused
        return _PROFILES[signer.service]

    async def let_pass(self, call: Call, claim: Claim) -> None:
        """
        Go on only with a call whose signature is good for it; one that writes has used it up.

        Raises:
            RefusalError: the write was let in before, or it could not be remembered.
            CatalogueFailedError: the disk did not take it.

        """
        if self.spent is None or not ACTIONS[call.action].writes:
            return
        try:
            await self.spent.spend(claim.signature, timestamp_s=claim.timestamp_s, now_s=self.now_s())
        except SignatureSpentError as error:
            raise RefusalError(
                Code.SIGNATURE_EXPIRE,
                "This signature was good for one write, and the relay has seen it. Read what is there now; then sign "
                "anew, with another X-TC-Timestamp.",
            ) from error
        except TooManyWritesError as error:
            raise RefusalError(Code.REQUEST_LIMIT_EXCEEDED, "Too many writes in the last minutes; wait.") from error

    def _key_of(self, secret_id: str) -> str | None:
        return self.credentials.secret_key if secret_id == self.credentials.secret_id else None


def _each_once(raw: list[tuple[str, str]]) -> dict[str, str]:
    """
    Return the headers by lower-case name, for everything after this to read the same ones.

    A header that is there twice would be signed in one form and obeyed in the other.
    """
    headers: dict[str, str] = {}
    for name, value in raw:
        if name in headers and name.startswith(_MEANINGFUL):
            raise RefusalError(Code.INVALID_AUTHORIZATION, f"The header {name} is there twice.")
        headers.setdefault(name, value)
    return headers
