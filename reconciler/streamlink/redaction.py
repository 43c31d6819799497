"""What an answer may show of itself: never a secret that the request held, and never much."""

import html
import json
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

MAX_SHOWN: Final = 256
"""Characters of a foreign text in a message: enough for any reason, too few to leak much into logs."""
SECRET_FIELDS: Final = frozenset({"Passphrase", "StreamKey"})
"""Members whose values are secrets wherever they stand."""
_KNOWN_TYPES: Final = frozenset({"application/json", "application/xml", "text/html", "text/plain", "text/xml"})
"""Media types that a message names; any other one is a foreign text itself."""
_URL_FIELDS: Final = frozenset({"Url", "TcUrl"})
_USERINFO: Final = re.compile(r"(?<=://)[^/@\s]+@")
_MASK: Final = "***"


def shown(text: str, *, payload: Any, also: tuple[str, ...] = ()) -> str:
    """
    Return a foreign text as a message may hold it: one line, cut, without secrets.

    Args:
        text: what the service, or something in its place, answered.
        payload: the request, whose secrets the answer may echo.
        also: further secrets, such as the account's key.

    """
    hidden = text
    spellings = {spelling for secret in (*secrets_in(payload), *also) if secret for spelling in _spellings(secret)}
    for spelling in sorted(spellings, key=len, reverse=True):
        hidden = hidden.replace(spelling, _MASK)
    hidden = _USERINFO.sub(f"{_MASK}@", hidden)
    line = " ".join(hidden.split())
    return line if len(line) <= MAX_SHOWN else f"{line[: MAX_SHOWN - 1]}…"


def outline(content: bytes, content_type: str) -> str:
    """
    Return all that a message may say of a body that is none of the API's: how long it is, and of which type.

    It may be a piece of what was read, and nobody knows the secrets in that: not a character of it is shown.

    Args:
        content: the body.
        content_type: what the header of this name says.

    """
    if not content:
        return "an empty body"
    said = content_type.partition(";")[0].strip().lower()
    kind = said if said in _KNOWN_TYPES else "an unknown type"
    return f"a body of {len(content)} bytes of {kind}, not shown because it may hold secrets"


def secrets_in(payload: Any) -> Iterator[str]:
    """Yield every secret of a request, however deep."""
    if isinstance(payload, dict):
        for name, value in payload.items():
            if name in SECRET_FIELDS and isinstance(value, str):
                yield value
            elif name in _URL_FIELDS and isinstance(value, str):
                yield from _secrets_of_url(value)
            else:
                yield from secrets_in(value)
    elif isinstance(payload, list):
        for member in payload:
            yield from secrets_in(member)


def _secrets_of_url(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        yield url
        return
    if parts.query:
        yield parts.query
    if password:
        yield unquote(password)


def _spellings(secret: str) -> tuple[str, ...]:
    """Return the secret as it may stand in a text, a JSON string, a page or a URL."""
    return secret, json.dumps(secret)[1:-1], html.escape(secret), quote(secret, safe="")
