"""
TC3-HMAC-SHA256: how a request proves whose it is, made by the client and checked by the relay.

Six steps, each a line of the scheme: hash the body, write the request canonically, hash that into a string to sign,
derive a key that is good for one day and one service, sign, and carry it all in `Authorization`. The checker rebuilds
the canonical request from whatever `SignedHeaders` lists, because clients sign different headers: the official SDK
signs two, ours six, so that nobody between can turn one action into another.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

ALGORITHM: Final = "TC3-HMAC-SHA256"
CONTENT_TYPE: Final = "application/json"
"""Exactly this, without a charset: what the SDK sends, and the only answer whose errors it reads."""
MAX_CLOCK_SKEW_S: Final = 300
"""How far a request's timestamp may be from the server's clock."""

SIGNED_HEADERS: Final = ("content-type", "host", "x-tc-action", "x-tc-region", "x-tc-timestamp", "x-tc-version")
"""What our client signs, in the ascending order that the scheme asks for."""
REQUIRED_HEADERS: Final = frozenset({"content-type", "host"})
"""What every client must sign."""
WHOLE_CALL: Final = REQUIRED_HEADERS | {"x-tc-action", "x-tc-region", "x-tc-version"}
"""What says all that a call means, beside its body; the timestamp is part of every signature by the scheme itself."""

_UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"
_TERMINATOR: Final = "tc3_request"
_AUTHORIZATION: Final = re.compile(
    r"TC3-HMAC-SHA256\s+Credential=(?P<id>[^/,\s]+)/(?P<date>\d{4}-\d{2}-\d{2})/(?P<service>[a-z0-9]+)/tc3_request,"
    r"\s*SignedHeaders=(?P<signed>[A-Za-z0-9;-]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)
_TIMESTAMP: Final = re.compile(r"[0-9]{1,11}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What an account's API trusts; only the id may be shown."""

    secret_id: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)
    """Of temporary credentials; "" for lasting ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedParts:
    """What is signed of one request."""

    service: str
    """`mps` or `mdc`; part of the credential's scope."""
    host: str
    """As the Host header says it, with the port when the endpoint has one."""
    action: str
    version: str
    region: str
    timestamp_s: int
    """Seconds of the Unix epoch."""
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signed a request, and for which service."""

    secret_id: str
    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What a request must prove at one endpoint."""

    services: Collection[str] = ("mps", "mdc")
    """Service codes that the endpoint answers to."""
    headers: frozenset[str] = REQUIRED_HEADERS
    """Names of the headers that must be signed, lower-case."""
    body: bool = False
    """Whether the body must be signed too; the scheme lets a client declare that it is not."""


class SignatureRefused(Exception):  # noqa: N818 -- a refusal that the API answers, not one of our failures.
    """A request that does not prove whose it is; the API answers `code` and the message."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code}: {message}")


def signed_headers(parts: SignedParts, credentials: Credentials) -> dict[str, str]:
    """Return every header that the request needs, `Authorization` among them."""
    headers = {
        "Content-Type": CONTENT_TYPE,
        "Host": parts.host,
        "X-TC-Action": parts.action,
        "X-TC-Region": parts.region,
        "X-TC-Timestamp": str(parts.timestamp_s),
        "X-TC-Version": parts.version,
    }
    headers["Authorization"] = authorization(headers, parts, credentials)
    if credentials.token:
        headers["X-TC-Token"] = credentials.token
    return headers


def authorization(
    headers: Mapping[str, str],
    parts: SignedParts,
    credentials: Credentials,
    *,
    signed: tuple[str, ...] = SIGNED_HEADERS,
) -> str:
    """
    Return the `Authorization` header.

    Args:
        headers: the request's headers, any case.
        parts: what is signed.
        credentials: whose request it is.
        signed: names of the headers that the signature covers, lower-case and ascending.

    """
    date = _date_of(parts.timestamp_s)
    canonical = _canonical_request("POST", _lowered(headers), signed, _hex_hash(parts.body))
    signature = _signature(
        _day_key(credentials.secret_key, date, parts.service),
        _string_to_sign(canonical, parts.timestamp_s, date, parts.service),
    )
    return (
        f"{ALGORITHM} Credential={credentials.secret_id}/{date}/{parts.service}/{_TERMINATOR}, "
        f"SignedHeaders={';'.join(signed)}, Signature={signature}"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a request says of who signed it, as far as its headers alone can be judged."""

    secret_id: str
    service: str
    signature: str
    """64 hexadecimal digits, the same for equal requests of one second and for no others."""
    timestamp_s: int
    """Seconds of the Unix epoch."""
    _lowered: Mapping[str, str] = field(repr=False)
    _signed: tuple[str, ...] = field(repr=False)
    _day_key: bytes = field(repr=False)

    def prove(self, body: bytes) -> Signer:
        """
        Return who signed the request, whose body is this.

        Raises:
            SignatureRefused: it is not the request that was signed, or another key signed it.

        """
        date = _date_of(self.timestamp_s)
        canonical = _canonical_request("POST", self._lowered, self._signed, _payload_hash(self._lowered, body))
        expected = _signature(self._day_key, _string_to_sign(canonical, self.timestamp_s, date, self.service))
        if not hmac.compare_digest(expected, self.signature):
            raise SignatureRefused("AuthFailure.SignatureFailure", "The signature is not the one of this request.")
        return Signer(secret_id=self.secret_id, service=self.service)


def verify(
    headers: Mapping[str, str],
    body: bytes,
    *,
    secret_key_of: Callable[[str], str | None],
    now_s: float,
    demands: Demands = Demands(),
) -> Signer:
    """
    Return who signed the request.

    Args:
        headers: the request's headers, any case.
        body: the body as it came.
        secret_key_of: the key of a secret id; None when nobody has that id.
        now_s: the time, seconds of the Unix epoch.
        demands: what must be proven.

    Raises:
        SignatureRefused: it is not proven; the code says why.

    """
    return claim_of(headers, secret_key_of=secret_key_of, now_s=now_s, demands=demands).prove(body)


def claim_of(
    headers: Mapping[str, str],
    *,
    secret_key_of: Callable[[str], str | None],
    now_s: float,
    demands: Demands = Demands(),
) -> Claim:
    """
    Return what the headers say of who signed; nothing is proven before the body is, but strangers need not send one.

    Raises:
        SignatureRefused: no body could make it a proof; the code says why.

    """
    lowered = _lowered(headers)
    said = _said(lowered, demands)
    timestamp_s = _timestamp(lowered, said["date"], now_s)
    if lowered.get("x-tc-token"):
        raise SignatureRefused("AuthFailure.TokenFailure", "Temporary credentials are not issued here.")
    secret_key = secret_key_of(said["id"])
    if secret_key is None:
        raise SignatureRefused("AuthFailure.SecretIdNotFound", "The SecretId is not known here.")
    return Claim(
        secret_id=said["id"],
        service=said["service"],
        signature=said["signature"],
        timestamp_s=timestamp_s,
        _lowered=lowered,
        _signed=tuple(said["signed"].lower().split(";")),
        _day_key=_day_key(secret_key, said["date"], said["service"]),
    )


def _said(lowered: Mapping[str, str], demands: Demands) -> re.Match[str]:
    said = _AUTHORIZATION.fullmatch(lowered.get("authorization", "").strip())
    if said is None:
        raise SignatureRefused(
            "AuthFailure.InvalidAuthorization", f"The Authorization header is missing or not of the form {ALGORITHM}."
        )
    if said["service"] not in demands.services:
        raise SignatureRefused("AuthFailure.InvalidAuthorization", "The credential scope names another service.")
    signed = frozenset(said["signed"].lower().split(";"))
    if signed - lowered.keys() or not signed >= demands.headers:
        raise SignatureRefused(
            "AuthFailure.InvalidAuthorization",
            f"SignedHeaders must list {', '.join(sorted(demands.headers))} here, and only headers that are sent.",
        )
    if demands.body and lowered.get("x-tc-content-sha256") == _UNSIGNED_PAYLOAD:
        raise SignatureRefused(
            "AuthFailure.InvalidAuthorization",
            "X-TC-Content-SHA256 says that the body is not signed; here it must be. Sign its SHA-256, and leave the "
            "header out.",
        )
    return said


def _timestamp(lowered: Mapping[str, str], date: str, now_s: float) -> int:
    text = lowered.get("x-tc-timestamp", "")
    if _TIMESTAMP.fullmatch(text) is None:
        raise SignatureRefused("AuthFailure.InvalidAuthorization", "X-TC-Timestamp is missing or not a number.")
    timestamp_s = int(text)
    if abs(now_s - timestamp_s) > MAX_CLOCK_SKEW_S:
        raise SignatureRefused(
            "AuthFailure.SignatureExpire", f"X-TC-Timestamp is more than {MAX_CLOCK_SKEW_S} s off this server's clock."
        )
    if date != _date_of(timestamp_s):
        raise SignatureRefused("AuthFailure.SignatureFailure", "The scope's date is not the date of X-TC-Timestamp.")
    return timestamp_s


def _payload_hash(lowered: Mapping[str, str], body: bytes) -> str:
    unsigned = lowered.get("x-tc-content-sha256") == _UNSIGNED_PAYLOAD
    return _hex_hash(_UNSIGNED_PAYLOAD.encode() if unsigned else body)


def _canonical_request(method: str, lowered: Mapping[str, str], signed: tuple[str, ...], payload_hash: str) -> str:
    canonical_headers = "".join(f"{name}:{lowered[name].strip().lower()}\n" for name in sorted(signed))
    return "\n".join((method, "/", "", canonical_headers, ";".join(signed), payload_hash))


def _string_to_sign(canonical_request: str, timestamp_s: int, date: str, service: str) -> str:
    scope = f"{date}/{service}/{_TERMINATOR}"
    return "\n".join((ALGORITHM, str(timestamp_s), scope, _hex_hash(canonical_request.encode())))


@lru_cache(maxsize=16)
def _day_key(secret_key: str, date: str, service: str) -> bytes:
    """Return the key of one day and service; derived once, for it costs more than the rest of signing together."""
    dated = _hmac(b"TC3" + secret_key.encode(), date)
    return _hmac(_hmac(dated, service), _TERMINATOR)


def _signature(day_key: bytes, string_to_sign: str) -> str:
    return _hmac(day_key, string_to_sign).hex()


def _hmac(key: bytes, message: str) -> bytes:
    return hmac.digest(key, message.encode(), "sha256")


def _hex_hash(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest()


def _date_of(timestamp_s: int) -> str:
    return datetime.fromtimestamp(timestamp_s, tz=UTC).strftime("%Y-%m-%d")


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
