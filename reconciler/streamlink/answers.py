"""What the API answers: read as JSON, and told from what it answered before without being read again."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Final

from reconciler.streamlink.wire import Payload

_NAME: Final = b'"RequestId"'
_REQUEST_ID: Final = re.compile(rb'"RequestId"\s*:\s*"([0-9A-Za-z-]{1,64})"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A call that succeeded."""

    response: Payload
    """What stands under `Response`; empty where the answer is known."""
    request_id: str
    tag: str = ""
    """The same for answers that say the same, and in quotes where it is the server's; "" where it cannot be told."""
    is_known: bool = False
    """Whether it says what the answer of the tag said that the caller has."""


def tag_of(content: bytes) -> tuple[str, str]:
    """
    Return a tag of all that an answer says but the id of its request, and that id.

    Two texts have one tag when they differ in nothing else. Both are "" where not exactly one id is there: inside a
    string its name would be written with escaped quotes, so what a person wrote is never taken for it.
    """
    at = content.find(_NAME)
    found = _REQUEST_ID.match(content, at) if at >= 0 and content.rfind(_NAME) == at else None
    if found is None:
        return "", ""
    whole = memoryview(content)
    digest = hashlib.sha256(whole[: found.start(1)])
    digest.update(whole[found.end(1) :])
    return digest.hexdigest(), found[1].decode("ascii")


def envelope_of(content: bytes) -> dict[str, Any] | None:
    """Return what stands under `Response`; None when the body is none of the API's."""
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError):
        return None
    response = whole.get("Response") if isinstance(whole, dict) else None
    return response if isinstance(response, dict) else None
