"""
A webhook of one's own, signed as Standard Webhooks says.

Source: https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md; the body is
`schemas/v1/notification.json`.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reconciler.domain.findings import fit
from reconciler.notifying.failures import Remedy, UndeliveredError
from reconciler.notifying.http import Wire, demand_success
from reconciler.notifying.notices import Item, Message, headline
from reconciler.notifying.secret_files import read_secret
from reconciler.notifying.trials import trial
from reconciler.ports.clock import Clock

PREFIX: Final = "whsec_"
LEAST_KEY_BYTES: Final = 24
MOST_KEY_BYTES: Final = 64
MOST_ITEMS: Final = 100
"""Items of a body; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Implements `Sink` by a POST of JSON."""

    name: str
    account: str
    url_file: Path
    key_file: Path | None
    """Keys, one a line: the first is the one in use, others are those before it. None for no signature."""
    wire: Wire
    clock: Clock

    async def send(self, draft: Message) -> None:
        """
        Tell this.

        Raises:
            UndeliveredError: it was not told, or nobody knows.

        """
        url = read_secret(self.url_file).reveal()
        keys = keys_of(self.key_file) if self.key_file is not None else ()
        content = json.dumps(document(draft), separators=(",", ":")).encode("ascii")
        now = self.clock.now()
        headers = {"content-type": "application/json", **signature(draft.id, int(now.timestamp()), content, keys)}
        async with self.wire.open(url, called=f"the text in {self.url_file}") as line:
            demand_success(await line.ask("POST", content=content, headers=headers), now)

    async def test(self) -> str:
        """
        Tell that this is a test; return what was done.

        Raises:
            UndeliveredError: it was not told, or nobody knows.

        """
        await self.send(trial(self.account, self.name, self.clock.now()))
        return "took a test message" if self.key_file is not None else "took a test message, which was not signed"


def document(message: Message) -> dict[str, Any]:
    """Return a message as the body of a webhook."""
    about = message.about
    return {
        "type": "reconciler.notice",
        "timestamp": _time(message.at),
        "data": {
            "severity": message.label,
            "title": fit(message.title),
            "account": about.account,
            "backend": about.backend,
            "source": about.source,
            "revision": about.revision,
            "pass": about.pass_id,
            "items": [_item(item) for item in message.items[:MOST_ITEMS]],
            "more": max(0, len(message.items) - MOST_ITEMS),
        },
    }


def _item(item: Item) -> dict[str, str]:
    return {
        "resource": item.resource,
        "aspect": item.aspect,
        "event": str(item.word),
        "severity": str(item.grade),
        "reason": item.reason,
        "headline": headline(item),
        "message": fit(item.text),
        "since": _time(item.since),
    }


def _time(at: Any) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"


def signature(message_id: str, timestamp_s: int, content: bytes, keys: Sequence[bytes]) -> Mapping[str, str]:
    """Return the headers that name an attempt, and sign it with each key; without keys it is named alone."""
    named = {"webhook-id": message_id, "webhook-timestamp": str(timestamp_s)}
    if not keys:
        return named
    signed = f"{message_id}.{timestamp_s}.".encode("ascii") + content
    digests = (hmac.digest(key, signed, hashlib.sha256) for key in keys)
    return named | {"webhook-signature": " ".join(f"v1,{base64.b64encode(each).decode('ascii')}" for each in digests)}


def keys_of(path: Path) -> tuple[bytes, ...]:
    """
    Return the keys in a file, `whsec_` and base64 a line.

    Raises:
        UndeliveredError: it cannot be read, or a line is no key.

    """
    return tuple(_key(word, path) for word in read_secret(path).reveal().split())


def _key(word: str, path: Path) -> bytes:
    try:
        key = base64.b64decode(word.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not word.startswith(PREFIX) or not LEAST_KEY_BYTES <= len(key) <= MOST_KEY_BYTES:
        raise UndeliveredError(
            f"a line of {path} is no key: {PREFIX} and {LEAST_KEY_BYTES} to {MOST_KEY_BYTES} bytes in base64, such as "
            f"`echo whsec_$(openssl rand -base64 32)` prints",
            remedy=Remedy.SETTING,
        )
    return key
