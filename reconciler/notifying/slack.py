"""
Slack, by an incoming webhook.

Sources: https://api.slack.com/messaging/webhooks, /reference/surfaces/formatting (escaping),
/reference/block-kit/blocks (at most 50 blocks, 3,000 characters of a section, 150 of a header).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reconciler.domain.findings import fit
from reconciler.notifying.http import Wire, demand_success
from reconciler.notifying.notices import Item, Message, Word, cut, footer, line, shown
from reconciler.notifying.secret_files import read_secret
from reconciler.notifying.trials import trial
from reconciler.ports.clock import Clock

MOST_BLOCKS: Final = 50
MOST_HEADER: Final = 150
MOST_SECTION: Final = 3000
MOST_IN_ALL: Final = 10_000
"""Characters of all blocks; above some 13,000 Slack refuses a message, and does not say where the limit is."""
_SIGNS: Final = {"critical": ":red_circle:", "warning": ":large_orange_circle:", "info": ":large_blue_circle:"}
_RESOLVED: Final = ":white_check_mark:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slack:
    """Implements `Sink` by an incoming webhook, whose address is a secret."""

    name: str
    account: str
    url_file: Path
    wire: Wire
    clock: Clock

    async def send(self, draft: Message) -> None:
        """
        Tell this.

        Raises:
            UndeliveredError: it was not told, or nobody knows.

        """
        url = read_secret(self.url_file).reveal()
        content = json.dumps(document(draft)).encode("ascii")
        headers = {"content-type": "application/json"}
        async with self.wire.open(url, called=f"the text in {self.url_file}") as wire:
            demand_success(await wire.ask("POST", content=content, headers=headers), self.clock.now())

    async def test(self) -> str:
        """
        Tell that this is a test; return what was done.

        Raises:
            UndeliveredError: it was not told, or nobody knows.

        """
        await self.send(trial(self.account, self.name, self.clock.now()))
        return "took a test message"


def document(message: Message) -> dict[str, Any]:
    """Return a message in blocks, and in one line for notifications; nothing in it links, mentions or is markup."""
    title = fit(message.title)
    header = {"type": "header", "text": {"type": "plain_text", "text": cut(title, MOST_HEADER), "emoji": False}}
    small = {"type": "context", "elements": [_text(escaped(part)) for part in footer(message)]}
    blocks = [header, _section(escaped(message.counts)), *_items(message), *([small] if small["elements"] else [])]
    return {"text": escaped(title), "blocks": blocks[:MOST_BLOCKS]}


def _items(message: Message) -> Iterator[dict[str, Any]]:
    listed, more = shown(message)
    room = MOST_IN_ALL
    for number, item in enumerate(listed):
        text = _line(item)
        room -= len(text)
        if room < 0:
            more += len(listed) - number
            break
        yield _section(text)
    if more:
        yield _section(f"and {more} more; `reconciler status` has them all")


def _line(item: Item) -> str:
    sign = _RESOLVED if item.word is Word.RESOLVED else _SIGNS[str(item.grade)]
    # A backtick would end the code that the address is in; it never has one unless somebody tries.
    return f"{sign} `{escaped(item.resource.replace('`', ' '))}` {escaped(line(item))}"


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _text(text)}


def _text(text: str) -> dict[str, Any]:
    # Verbatim: no name becomes a mention, and no word a link.
    return {"type": "mrkdwn", "text": _whole(text), "verbatim": True}


def _whole(text: str) -> str:
    """Return text that fits a section, without half an escape at its end."""
    if len(text) <= MOST_SECTION:
        return text
    kept = text[: MOST_SECTION - 1]
    return f"{kept[: kept.rfind('&')] if '&' in kept[-5:] else kept}…"


def escaped(text: str) -> str:
    """Return text in which `<!channel>` calls nobody: the three characters that Slack has a meaning for."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
