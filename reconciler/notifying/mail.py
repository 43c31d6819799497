"""Mail, by SMTP: one message to all of its recipients, over TLS where a password is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

import structlog

from reconciler.domain.findings import fit
from reconciler.notifying.failures import Remedy, UndeliveredError
from reconciler.notifying.notices import Message, cut, plain
from reconciler.notifying.smtp import TEMPORARY, Delivery, Server, in_thread
from reconciler.notifying.trials import trial
from reconciler.ports.clock import Clock

MOST_WORDS: Final = 500

log: Final = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """Implements `Sink` by SMTP."""

    name: str
    account: str
    server: Server
    sender: str
    recipients: tuple[str, ...]
    clock: Clock
    _had: dict[str, frozenset[str]] = field(default_factory=dict, repr=False)
    """Who has the message of an id already, while others are told later; of the newest message alone."""
    _refused: dict[str, str] = field(default_factory=dict, repr=False)
    """Recipients that the log has been told of."""

    async def send(self, draft: Message) -> None:
        """
        Tell this; a recipient that the server never takes anything for is only told of in the log.

        Raises:
            UndeliveredError: it was not told, or nobody knows.

        """
        refused = await self._hand_in(draft)
        if refused and refused != self._refused:
            log.warning("notify.failed", sink=self.name, why=_words(refused), retry_in_s=None)
        self._refused.clear()
        self._refused.update(refused)

    async def test(self) -> str:
        """
        Tell that this is a test; return what was done.

        Raises:
            UndeliveredError: it was not told, to one of the recipients at least, or nobody knows.

        """
        refused = await self._hand_in(trial(self.account, self.name, self.clock.now()))
        if refused:
            raise UndeliveredError(_words(refused), remedy=Remedy.SETTING)
        return f"took a test message for {', '.join(self.recipients)}"

    async def _hand_in(self, message: Message) -> Mapping[str, str]:
        """Return the recipients that the server takes nothing for, and why."""
        had = self._had.get(message.id, frozenset())
        to = tuple(each for each in self.recipients if each not in had)
        letter = composed(message, sender=self.sender, recipients=self.recipients, now=self.clock.now())
        refused = await in_thread(Delivery(self.server, sender=self.sender, to=to, letter=letter))
        later = {address: f"{code} {why}" for address, (code, why) in refused.items() if code in TEMPORARY}
        never = {address: f"{code} {why}" for address, (code, why) in refused.items() if code not in TEMPORARY}
        self._had.clear()
        if later:
            self._had[message.id] = had | (set(to) - set(refused))
            raise UndeliveredError(_words(later))
        if never and not had and len(never) == len(to):
            raise UndeliveredError(_words(never), remedy=Remedy.SETTING)
        return never


def composed(message: Message, *, sender: str, recipients: Sequence[str], now: datetime) -> bytes:
    """Return a message as a mail, in lines and letters that every server takes."""
    letter = EmailMessage(policy=policy.SMTP)
    letter["From"] = sender
    letter["To"] = ", ".join(recipients)
    # Without line ends, so that no text of others adds a header.
    letter["Subject"] = fit(message.title)
    letter["Date"] = format_datetime(now)
    letter["Message-ID"] = f"<{message.id}@{sender.rpartition('@')[2]}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(plain(message), cte="quoted-printable")
    return letter.as_bytes()


def _words(refused: Mapping[str, str]) -> str:
    told = "; ".join(f"{address}: {why}" for address, why in refused.items())
    return cut(f"the server takes nothing for {told}", MOST_WORDS)
