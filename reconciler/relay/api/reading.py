"""From an HTTP request to a call: headers, size, signature, version, action, region, JSON, shape; in this order."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from reconciler.relay.api.calls import Call
from reconciler.relay.api.objects import canonical, demand_shape
from reconciler.relay.api.refusals import RefusalError
from reconciler.relay.api.table import HANDLERS, OF_ANY_REGION
from reconciler.relay.plane import ControlPlane
from reconciler.streamlink.codes import Code
from reconciler.streamlink.signing import CONTENT_TYPE
from reconciler.streamlink.wire import ACTIONS, PRODUCTS, Profile


def read_call(headers: Mapping[str, str], body: bytes, *, profile: Profile, plane: ControlPlane) -> Call:
    """
    Return the call that a POST makes, and count it; who signed it is proven already.

    Raises:
        RefusalError: it makes none.

    """
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
