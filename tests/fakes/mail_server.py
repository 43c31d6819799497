"""A real mail server on loopback, aiosmtpd, that behaves as a test says, and keeps what it took."""

import asyncio
import email
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from types import SimpleNamespace
from typing import Any, Final

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER: Final = "reconciler"
PASSWORD: Final = "canary-of-a-password"


@dataclass(slots=True, kw_only=True)
class MailServer:
    """What it does, and what it took."""

    port: int = 0
    refuses: dict[str, list[str]] = field(default_factory=dict)
    """Replies to a recipient, one a try; after them it is taken."""
    sender_replies: list[str] = field(default_factory=list)
    """Replies to the senders of mails, one each; after them they are taken."""
    data_replies: list[str] = field(default_factory=list)
    """Replies to the content of mails, one each; after them it is taken."""
    hangs: bool = False
    """Whether it never answers to a mail."""
    has_hung: asyncio.Event = field(default_factory=asyncio.Event)
    taken: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, ...]] = field(default_factory=list)
    """Recipients of each mail that was taken."""

    async def take_sender(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a sender, or not."""
        del server, session, options
        if self.sender_replies:
            return self.sender_replies.pop(0)
        envelope.mail_from = address
        return "250 OK"

    async def take_recipient(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient, or not."""
        del server, session, options
        if self.refuses.get(address):
            return self.refuses[address].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def take_mail(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take a mail, or not."""
        del server, session
        if self.hangs:
            self.has_hung.set()
            await asyncio.Event().wait()
        if self.data_replies:
            return self.data_replies.pop(0)
        assert isinstance(envelope.content, bytes)
        parsed = email.message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        self.taken.append(parsed)
        self.envelopes.append(tuple(envelope.rcpt_tos))
        return "250 OK"


def _authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, said: Any) -> AuthResult:
    is_right = said == LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, handled=False)


@asynccontextmanager
async def mail_server(
    *, tls: ssl.SSLContext | None = None, implicit: bool = False, login: bool = False
) -> AsyncIterator[MailServer]:
    """
    Lend a mail server.

    Args:
        tls: its certificate; None for none.
        implicit: whether it speaks TLS from the first byte, in place of STARTTLS.
        login: whether it takes mail only from who has logged in.

    """
    kept = MailServer()
    asked = SimpleNamespace(handle_MAIL=kept.take_sender, handle_RCPT=kept.take_recipient, handle_DATA=kept.take_mail)
    starttls = tls if not implicit else None

    def protocol() -> SMTP:
        return SMTP(
            asked,
            hostname="mail.example",
            tls_context=starttls,
            require_starttls=starttls is not None,
            auth_required=login,
            auth_require_tls=starttls is not None,
            authenticator=_authenticate,
        )

    factory: Callable[[], SMTP] = protocol
    listening = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0, ssl=tls if implicit else None)
    kept.port = listening.sockets[0].getsockname()[1]
    try:
        yield kept
    finally:
        listening.close()
