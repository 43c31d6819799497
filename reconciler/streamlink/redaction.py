"""What an answer may show of itself: never a secret that the request held, and never much."""

import html
import json
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

MAX_SHOWN: Final = 256
"""Characters of a foreign text in a message: enough to recognise a proxy's page, too few to leak much into logs."""
SECRET_FIELDS: Final = frozenset({"Passphrase", "StreamKey"})
"""Members whose values are secrets wherever they stand."""
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
