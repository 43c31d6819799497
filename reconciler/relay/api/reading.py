"""From an HTTP request to a call: size, signature, version, action, region, JSON, shape; in this order."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from reconciler.relay.api.calls import Call
from reconciler.relay.api.objects import canonical, demand_shape
from reconciler.relay.api.refusals import RefusalError
from reconciler.relay.api.table import HANDLERS, OF_ANY_REGION
from reconciler.relay.plane import ControlPlane
from reconciler.streamlink.codes import Code
from reconciler.streamlink.signing import CONTENT_TYPE, Credentials, SignatureRefused, verify
from reconciler.streamlink.wire import ACTIONS, PRODUCTS, Profile

MAX_BODY_BYTES: Final = 10 * 1024 * 1024
"""Source: StreamLink API, limits of POST with v3 signing."""

_PROFILES: Final[Mapping[str, Profile]] = {product.service: profile for profile, product in PRODUCTS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Lets in whoever proves to be the account's owner."""

    credentials: Credentials
    now_s: Callable[[], float]

    def profile_of(self, headers: Mapping[str, str], body: bytes) -> Profile:
        """
        Return the product that the signer speaks to.

        Raises:
            RefusalError: the signature proves nothing.

        """
        try:
            signer = verify(headers, body, secret_key_of=self._key_of, now_s=self.now_s(), services=_PROFILES)
        except SignatureRefused as refused:
            raise RefusalError(Code(refused.code), refused.message) from refused
        return _PROFILES[signer.service]

    def _key_of(self, secret_id: str) -> str | None:
        return self.credentials.secret_key if secret_id == self.credentials.secret_id else None


def read_call(headers: Mapping[str, str], body: bytes, *, door: Door, plane: ControlPlane) -> Call:
    """
    Return the call that a POST makes, and count it.

    Raises:
        RefusalError: it makes none.

    """
    profile = door.profile_of(headers, body)
    action = _action(headers, profile)
    plane.calls[action] += 1
    region = _region(headers, action, plane)
    _demand_json(headers)
    payload = _payload(body)
    shape = ACTIONS[action].request
    demand_shape(shape, payload, profile)
    return Call(action=action, profile=profile, region=region, payload=canonical(shape, payload))


def _action(headers: Mapping[str, str], profile: Profile) -> str:
    action = headers.get("x-tc-action", "")
    version = headers.get("x-tc-version", "")
    if not action or not version:
        raise RefusalError(Code.MISSING_PARAMETER, "The headers X-TC-Action and X-TC-Version are required.")
    if version != PRODUCTS[profile].version:
        product = PRODUCTS[profile]
        raise RefusalError(Code.NO_SUCH_VERSION, f"X-TC-Version of {product.service} is {product.version}.")
    if action not in HANDLERS or profile not in ACTIONS[action].profiles:
        raise RefusalError(Code.INVALID_ACTION, "There is no such action here.")
    return action


def _region(headers: Mapping[str, str], action: str, plane: ControlPlane) -> str:
    region = headers.get("x-tc-region", "")
    if not region:
        raise RefusalError(Code.MISSING_PARAMETER, "The header X-TC-Region is required.")
    served = plane.known_regions if action in OF_ANY_REGION else plane.regions
    if region not in served:
        raise RefusalError(Code.UNSUPPORTED_REGION, f"This relay keeps flows in: {', '.join(plane.regions)}.")
    return region


def _demand_json(headers: Mapping[str, str]) -> None:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != CONTENT_TYPE:
        raise RefusalError(Code.INVALID_REQUEST, f"The Content-Type is not {CONTENT_TYPE}.")


def _payload(body: bytes) -> Any:
    """Return the JSON of a body; what is not plain JSON, or too deep to be any request of ours, is refused."""
    try:
        text = body.decode()
        payload = json.loads(text, parse_constant=_refuse_constant)
        # A lone surrogate is a legal escape, and no text: it could be neither stored nor sent back.
        if "\\u" in text:
            json.dumps(payload, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise RefusalError(Code.INVALID_REQUEST, "The body is no JSON text in UTF-8.") from error
    return payload


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
