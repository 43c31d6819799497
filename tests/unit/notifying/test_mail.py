"""Mail, to a real server."""

import asyncio
import contextlib
import ssl
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from reconciler.notifying.failures import Remedy, UndeliveredError
from reconciler.notifying.mail import Mail
from reconciler.notifying.notices import Message
from reconciler.notifying.smtp import Security, Server
from tests.certificates import Certificate, make_authority, make_certificate
from tests.fakes.clock import FakeClock
from tests.fakes.mail_server import PASSWORD, USER, MailServer, mail_server
from tests.unit.cli.formats.samples import HOSTILE
from tests.unit.notifying.bulletins import bulletin, dark, deliver, failed, ledger

pytestmark = [
    pytest.mark.anyio,
    # The server does not see that all of its connection is TLS.
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS"),
]

NIGHT, DAY = "night@example.org", "day@example.org"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return an authority of nobody's but ours."""
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def tls(authority: Certificate, tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """Return what a server on loopback shows of itself."""
    shown = make_certificate(tmp_path_factory.mktemp("server"), authority, "IP:127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.file, shown.key)
    return context


def message_of(*texts: str) -> Message:
    """Return a message with an item of each text."""
    desk = ledger(damp_s=0)
    desk.take(bulletin(0, *(dark(0, f"flow/f{number}", message=text) for number, text in enumerate(texts))))
    message = deliver(desk, 0)
    assert message is not None
    return message


def mail(
    port: int,
    *to: str,
    security: Security = Security.NONE,
    password_file: Path | None = None,
    ca_file: Path | None = None,
    host: str = "127.0.0.1",
) -> Mail:
    """Return a sink that hands mail in at a port."""
    server = Server(
        host=host,
        port=port,
        security=security,
        user=USER if password_file is not None else "",
        password_file=password_file,
        ca_file=ca_file,
    )
    return Mail(
        name="night",
        account="local",
        server=server,
        sender="reconciler@studio.example",
        recipients=to or (NIGHT,),
        clock=FakeClock(),
    )


def password(folder: Path, text: str = PASSWORD) -> Path:
    """Return a file with a password."""
    (folder / "password").write_text(text)
    return folder / "password"


async def failure(sink: Mail, message: Message | None = None) -> UndeliveredError:
    """Return why it was not told."""
    with pytest.raises(UndeliveredError) as caught:
        await sink.send(message or message_of("no signal"))
    return caught.value


async def test_one_mail_to_all() -> None:
    """With a subject, a time, an id that stays the same, and plain text."""
    message = message_of("no signal", "über 3 Mb/s")

    async with mail_server() as server:
        await mail(server.port, NIGHT, DAY).send(message)

    (taken,) = server.taken
    assert server.envelopes == [(NIGHT, DAY)]
    assert taken["subject"] == "[critical] local: flow/f0 is off air, and 1 more"
    assert (taken["from"], taken["to"]) == ("reconciler@studio.example", f"{NIGHT}, {DAY}")
    assert taken["date"] == "Thu, 01 Jan 2026 00:00:00 +0000"
    assert taken["message-id"] == f"<{message.id}@studio.example>"
    assert taken["auto-submitted"] == "auto-generated"
    assert taken.get_content_type() == "text/plain"
    assert taken.get_content().splitlines()[:4] == [
        "2 critical",
        "",
        "CRITICAL  flow/f0 is off air (Dark) since 2026-01-01 00:00:00 UTC: no signal",
        "CRITICAL  flow/f1 is off air (Dark) since 2026-01-01 00:00:00 UTC: über 3 Mb/s",
    ]


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
async def test_over_tls_with_a_login(
    tmp_path: Path, tls: ssl.SSLContext, authority: Certificate, security: Security
) -> None:
    """Only to whom the authority vouches for."""
    async with mail_server(tls=tls, implicit=security is Security.TLS, login=True) as server:
        trusted = mail(server.port, security=security, password_file=password(tmp_path), ca_file=authority.file)
        await trusted.send(message_of("no signal"))
        stranger = await failure(mail(server.port, security=security, password_file=password(tmp_path)))

    assert len(server.taken) == 1
    assert stranger.remedy is Remedy.SETTING
    assert "caFile" in str(stranger)


async def test_a_wrong_password_is_told_without_it(tmp_path: Path, tls: ssl.SSLContext, authority: Certificate) -> None:
    """Nor what the server has to say of it."""
    wrong = password(tmp_path, "canary-of-another")

    async with mail_server(tls=tls, login=True) as server:
        error = await failure(
            mail(server.port, security=Security.STARTTLS, password_file=wrong, ca_file=authority.file)
        )

    assert str(error) == f"127.0.0.1:{server.port} does not take the login (535)"
    assert error.remedy is Remedy.SETTING


async def test_no_password_goes_in_the_clear(tmp_path: Path, authority: Certificate) -> None:
    """Not to a server without TLS, and not to another machine without any."""
    async with mail_server() as server:
        stripped = await failure(
            mail(server.port, security=Security.STARTTLS, password_file=password(tmp_path), ca_file=authority.file)
        )
    clear = await failure(mail(25, host="192.0.2.1", password_file=password(tmp_path)))

    assert "offers no STARTTLS" in str(stripped)
    assert "in the clear" in str(clear)
    assert {stripped.remedy, clear.remedy} == {Remedy.SETTING}


async def test_a_recipient_that_is_never_taken_keeps_nobody_else_from_it() -> None:
    """The log says so once, and a test of the sink fails."""
    async with mail_server() as server:
        sink = mail(server.port, NIGHT, DAY)
        server.refuses = {DAY: ["550 no such user"] * 3}
        with capture_logs() as logs:
            await sink.send(message_of("no signal"))
            await sink.send(message_of("still none"))
        with pytest.raises(UndeliveredError, match="550 no such user"):
            await sink.test()

    assert server.envelopes == [(NIGHT,)] * 3
    (told,) = logs
    assert (told["event"], told["sink"]) == ("notify.failed", "night")
    assert told["why"] == f"the server takes nothing for {DAY}: 550 no such user"


async def test_a_recipient_that_is_taken_later_is_told_later_alone() -> None:
    """Whoever has it does not get it again."""
    message = message_of("no signal")

    async with mail_server() as server:
        sink = mail(server.port, NIGHT, DAY)
        server.refuses = {DAY: ["450 greylisted"]}
        error = await failure(sink, message)
        await sink.send(message)

    assert (error.remedy, error.maybe) == (Remedy.TIME, False)
    assert server.envelopes == [(NIGHT,), (DAY,)]


@pytest.mark.parametrize(
    ("replies", "remedy"),
    [
        pytest.param({"refuses": {NIGHT: ["550 no"]}}, Remedy.SETTING, id="nobody there"),
        pytest.param({"refuses": {NIGHT: ["451 later"]}}, Remedy.TIME, id="nobody now"),
        pytest.param({"data_replies": ["451 later"]}, Remedy.TIME, id="not now"),
        pytest.param({"data_replies": ["554 spam"]}, Remedy.NOTHING, id="not this"),
    ],
)
async def test_what_a_refusal_means(replies: dict[str, object], remedy: Remedy) -> None:
    """And it was surely not told."""
    async with mail_server() as server:
        for name, value in replies.items():
            setattr(server, name, value)
        error = await failure(mail(server.port))

    assert (error.remedy, error.maybe) == (remedy, False)
    assert server.taken == []


async def test_nobody_there() -> None:
    """It was surely not told."""
    async with mail_server() as server:
        port = server.port

    error = await failure(mail(port))

    assert (error.remedy, error.maybe) == (Remedy.TIME, False)
    assert str(error) == f"no connection to 127.0.0.1:{port}: Connection refused"


@pytest.mark.parametrize(
    ("greeting", "remedy"),
    [pytest.param("421 busy", Remedy.TIME, id="busy"), pytest.param("554 go away", Remedy.SETTING, id="unwelcome")],
)
async def test_a_server_that_does_not_greet(greeting: str, remedy: Remedy) -> None:
    """Its reply is told."""

    def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{greeting}\r\n".encode())
        writer.close()

    listening = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with listening:
        error = await failure(mail(listening.sockets[0].getsockname()[1]))

    assert str(error).endswith(f" answered {greeting}")
    assert (error.remedy, error.maybe) == (remedy, False)


async def test_a_server_that_does_not_speak_smtp(tmp_path: Path) -> None:
    """What it asks of a login is no base64: it is told, without its words."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hi\r\n")
        while line := await reader.readline():
            replies = {b"EHLO": b"250-hi\r\n250 AUTH PLAIN\r\n", b"AUTH": b"334 a\r\n"}
            writer.write(replies.get(line[:4].upper(), b"250 OK\r\n"))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        error = await failure(mail(port, password_file=password(tmp_path)))

    assert str(error) == f"127.0.0.1:{port} does not say what SMTP says; is it a mail server?"
    assert (error.remedy, error.maybe) == (Remedy.SETTING, False)


async def test_a_sender_that_is_not_taken() -> None:
    """It is named, for somebody has to change the setting."""
    async with mail_server() as server:
        server.sender_replies = ["553 not yours"]
        error = await failure(mail(server.port))

    assert str(error).endswith("takes nothing from reconciler@studio.example: 553 not yours")
    assert error.remedy is Remedy.SETTING


async def nobody_left() -> list[threading.Thread]:
    """Return the threads that still hand mail in; ten seconds are for a machine that is busy."""
    left = [each for each in threading.enumerate() if each.name == "notify mail"]
    for thread in left:
        await asyncio.to_thread(thread.join, 10)
    return [each for each in left if each.is_alive()]


async def test_a_server_that_hangs_is_let_go() -> None:
    """Whoever waits no longer leaves no thread behind that waits."""
    async with mail_server() as server:
        server.hangs = True
        patient = replace(
            mail(server.port), server=Server(host="127.0.0.1", port=server.port, security=Security.NONE, step_s=3600)
        )
        task = asyncio.create_task(patient.send(message_of("no signal")))
        await server.has_hung.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        # It would wait for an hour.
        assert await nobody_left() == []

    assert task.cancelled()


@pytest.mark.parametrize("security", [Security.NONE, Security.TLS])
async def test_a_server_that_never_gets_to_the_point_is_let_go(security: Security) -> None:
    """Neither its greeting nor its TLS has come to an end; no thread and no connection is left."""
    has_begun, is_gone = asyncio.Event(), asyncio.Event()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220-hello\r\n" if security is Security.NONE else b"\x16\x03\x03")
        has_begun.set()
        # A client that has not read all of it says that it is gone in its own way.
        with contextlib.suppress(ConnectionError):
            await reader.read()
        is_gone.set()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        patient = replace(mail(port), server=Server(host="127.0.0.1", port=port, security=security, step_s=3600))
        task = asyncio.create_task(patient.send(message_of("no signal")))
        await has_begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await nobody_left() == []
        await is_gone.wait()


@pytest.mark.parametrize("line", [b"220-hello\r\n", b"220-" + b"a" * 4000 + b"\r\n"], ids=["lines", "bytes"])
async def test_a_reply_without_end_is_not_read(line: bytes) -> None:
    """A server cannot fill the memory."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while not writer.is_closing():
                writer.write(line * 10)
                await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        error = await failure(mail(port))

    assert str(error).startswith(f"a reply of 127.0.0.1:{port} is longer than 100 lines or 65536 bytes")
    assert (error.remedy, error.maybe) == (Remedy.TIME, False)


@pytest.mark.parametrize("text", HOSTILE)
async def test_the_words_of_others_add_no_header(text: str) -> None:
    """Nor a recipient, nor a second mail."""
    async with mail_server() as server:
        await mail(server.port).send(message_of(text))

    (taken,) = server.taken
    assert taken["bcc"] is None
    assert len(taken.get_all("subject", [])) == 1
    assert server.envelopes == [(NIGHT,)]


async def test_a_subject_of_others_adds_no_header() -> None:
    """A name that holds line ends is text all the same."""
    desk = ledger(damp_s=0)
    desk.take(bulletin(0, failed(0, "flow/a\r\nBcc: all@example.org\r\n\r\nbody")))
    message = deliver(desk, 0)
    assert message is not None

    async with mail_server() as server:
        await mail(server.port).send(message)

    assert server.taken[0]["bcc"] is None
    assert isinstance(server, MailServer)
