"""SMTP, by the standard library in a thread of its own, which can be cut short and never holds the process up."""

import asyncio
import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Final

from reconciler.domain.findings import fit
from reconciler.notifying.failures import Remedy, UndeliveredError
from reconciler.notifying.http import is_here, trusting
from reconciler.notifying.notices import cut
from reconciler.notifying.secret_files import read_secret

STEP_S: Final = 15.0
_READY: Final = 220
TEMPORARY: Final = range(400, 500)
"""Replies that say: later. Source: RFC 5321, 4.2.1."""
MOST_REPLY: Final = 200
MOST_REPLY_BYTES: Final = 65_536
"""Of one reply, whatever of it is told; the standard library reads until it ends."""
MOST_REPLY_LINES: Final = 100
"""Of one reply; servers say hello in about ten."""

Refused = Mapping[str, tuple[int, str]]
"""Recipients that the server does not take a mail for, with its replies."""


class Security(StrEnum):
    """How a connection is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where mail is handed in."""

    host: str
    port: int
    security: Security
    user: str = ""
    """"" for no login."""
    password_file: Path | None = None
    ca_file: Path | None = None
    step_s: float = STEP_S
    """For each answer of the server."""

    @property
    def place(self) -> str:
        """Return it for people."""
        return f"{self.host}:{self.port}"


class _EndlessReplyError(Exception):
    """A reply is longer than any that means something."""


class _Replies:
    """What a server says, line by line, as a file that `smtplib` reads from; one reply after the other is bounded."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._bytes = self._lines = 0

    def begin(self) -> None:
        """Count anew: here begins a reply."""
        self._bytes = self._lines = 0

    def readline(self, limit: int) -> bytes:
        """Return the next line, as far as the limit."""
        line = self._file.readline(limit)
        self._bytes += len(line)
        self._lines += 1
        if self._bytes > MOST_REPLY_BYTES or self._lines > MOST_REPLY_LINES:
            raise _EndlessReplyError
        return line

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class _Session(smtplib.SMTP):
    """The standard library's, but its socket is known before a word is said, and its replies end."""

    def __init__(self, server: Server, *, tls: ssl.SSLContext | None, take: Callable[[socket.socket], None]) -> None:
        """
        Connect nothing yet.

        Args:
            server: where mail is handed in.
            tls: what TLS from the first byte is spoken with; None for none.
            take: is given the socket as soon as it is connected; what it raises ends the session.

        """
        super().__init__(local_hostname=socket.gethostname(), timeout=server.step_s)
        # What a certificate has to be of; the library notes it only where it connects in its constructor.
        self._host = server.host
        self._tls = tls
        self._take = take

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock = socket.create_connection((host, port), timeout)
        try:
            self._take(sock)
        except BaseException:
            sock.close()
            raise
        return sock if self._tls is None else self._tls.wrap_socket(sock, server_hostname=host)

    def getreply(self) -> tuple[int, bytes]:
        """Return the next reply."""
        if self.file is None and self.sock is not None:
            self.file = _Replies(self.sock.makefile("rb"))
        if self.file is not None:
            self.file.begin()
        return super().getreply()


class Delivery:
    """One mail that is handed in; `run` in a thread of its own, `abort` from any."""

    def __init__(self, server: Server, *, sender: str, to: Sequence[str], letter: bytes) -> None:
        self._server = server
        self._sender = sender
        self._to = tuple(to)
        self._letter = letter
        self._guard = threading.Lock()
        self._smtp: _Session | None = None
        self._cord: socket.socket | None = None
        """Another handle of the connection: it cuts it, whatever TLS is made of the first."""
        self._is_aborted = False
        self._is_sent = False
        """Whether the server may have the mail."""

    def run(self) -> Refused:
        """
        Hand the mail in; return whom the server does not take it for.

        Raises:
            UndeliveredError: it was not handed in, or nobody knows.

        """
        try:
            smtp = self._connected()
            self._is_sent = True
            refused = smtp.sendmail(self._sender, self._to, self._letter)
            # It has been taken: how the parting goes is no matter.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                smtp.quit()
        except smtplib.SMTPRecipientsRefused as error:
            refused = error.recipients
        except (smtplib.SMTPException, OSError) as error:
            raise self._failure(error) from None
        except ValueError:
            # What it says of a login is to be base64, for one; the original error may hold words of it.
            why = f"{self._server.place} does not say what SMTP says; is it a mail server?"
            raise UndeliveredError(why, remedy=Remedy.SETTING, maybe=self._is_sent) from None
        except _EndlessReplyError:
            most = f"{MOST_REPLY_LINES} lines or {MOST_REPLY_BYTES} bytes"
            why = f"a reply of {self._server.place} is longer than {most}; is it a mail server?"
            raise UndeliveredError(why, maybe=self._is_sent) from None
        finally:
            self._let_go()
        return {address: (code, _reply(text)) for address, (code, text) in refused.items()}

    def abort(self) -> None:
        """Have `run` end soon: at once where it is connected, whatever it waits for, else when it would be."""
        with self._guard:
            self._is_aborted = True
            if self._cord is not None:
                with contextlib.suppress(OSError):
                    self._cord.shutdown(socket.SHUT_RDWR)

    def _hold(self, sock: socket.socket) -> None:
        with self._guard:
            if self._is_aborted:
                raise TimeoutError
            self._cord = sock.dup()

    def _let_go(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
        with self._guard:
            if self._cord is not None:
                self._cord.close()
                self._cord = None

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        demand_safe(server)
        tls = _context(server) if server.security is Security.TLS else None
        smtp = self._smtp = _Session(server, tls=tls, take=self._hold)
        code, said = smtp.connect(server.host, server.port)
        if code != _READY:
            raise smtplib.SMTPConnectError(code, said)
        if server.security is Security.STARTTLS:
            smtp.starttls(context=_context(server))
        if server.user and server.password_file is not None:
            smtp.login(server.user, read_secret(server.password_file).reveal())
        return smtp

    def _failure(self, error: smtplib.SMTPException | OSError) -> UndeliveredError:
        place = self._server.place
        match error:
            case smtplib.SMTPResponseException():
                return _refusal(error, place, sender=self._sender)
            case smtplib.SMTPNotSupportedError():
                why = f"{place} offers no {'STARTTLS' if 'STARTTLS' in str(error) else 'login that we know'}"
                return UndeliveredError(why, remedy=Remedy.SETTING)
            case ssl.SSLCertVerificationError():
                why = f"the certificate of {place} is not trusted here; `caFile` names an authority of your own"
                return UndeliveredError(why, remedy=Remedy.SETTING)
            case TimeoutError():
                return UndeliveredError(f"{place} did not answer in time", maybe=self._is_sent)
            case _:
                why = error.strerror or "it broke"
                return UndeliveredError(f"no connection to {place}: {why}", maybe=self._is_sent)


def _refusal(error: smtplib.SMTPResponseException, place: str, *, sender: str) -> UndeliveredError:
    code, said = error.smtp_code, _reply(error.smtp_error)
    is_later = code in TEMPORARY
    match error:
        case smtplib.SMTPAuthenticationError():
            # What is said of a login may quote it.
            why, remedy = f"{place} does not take the login ({code})", Remedy.SETTING
        case smtplib.SMTPSenderRefused():
            why, remedy = f"{place} takes nothing from {sender}: {code} {said}", Remedy.SETTING
        case smtplib.SMTPDataError():
            why, remedy = f"{place} does not take this mail: {code} {said}", Remedy.NOTHING
        case _:
            why, remedy = f"{place} answered {code} {said}", Remedy.SETTING
    return UndeliveredError(why, remedy=Remedy.TIME if is_later else remedy)


def demand_safe(server: Server) -> None:
    """
    Go on only where no password is sent in the clear.

    Raises:
        UndeliveredError: one would be.

    """
    if server.user and server.security is Security.NONE and not is_here(server.host):
        raise UndeliveredError(
            f"the password would go to {server.place} in the clear; set `security` to starttls or tls",
            remedy=Remedy.SETTING,
        )


def _context(server: Server) -> ssl.SSLContext:
    return ssl.create_default_context() if server.ca_file is None else trusting(server.ca_file)


def _reply(text: bytes | str) -> str:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return cut(fit(" ".join(said.split())), MOST_REPLY)


async def in_thread(delivery: Delivery) -> Refused:
    """
    Return what came of a delivery; whoever waits no longer cuts it short.

    The thread is one that the end of the process does not wait for.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Refused] = loop.create_future()

    def work() -> None:
        outcome: Refused | UndeliveredError | None = None
        try:
            outcome = delivery.run()
        except UndeliveredError as error:
            outcome = error
        finally:
            # The loop may be gone when a thread that was cut short comes to its end.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_settle, done, outcome)

    threading.Thread(target=work, name="notify mail", daemon=True).start()
    try:
        return await done
    finally:
        delivery.abort()


def _settle(done: "asyncio.Future[Refused]", outcome: Refused | UndeliveredError | None) -> None:
    if done.done():
        return
    if isinstance(outcome, UndeliveredError):
        done.set_exception(outcome)
    elif outcome is None:
        done.set_exception(RuntimeError("the thread of a mail has crashed"))
    else:
        done.set_result(outcome)
