"""The service on real sockets: its port, TLS, its bounds, and its end."""

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from reconciler.domain.errors import EnvironmentFailedError, UsageError
from reconciler.domain.model import Key
from reconciler.ports.status import ResourceStatus
from reconciler.serving.server import bind
from tests.certificates import make_authority, make_certificate
from tests.fakes.board import FakeBoard
from tests.unit.service.serving import PATIENCE_S, Stage, secret_file

pytestmark = pytest.mark.anyio


async def test_health_is_answered_over_a_socket() -> None:
    """As long as it goes on, and as soon as it does not."""
    stage = Stage()
    with capture_logs() as logs:
        async with stage.served() as client:
            assert (await client.get("/livez")).json()["status"] == "ok"
            assert (await client.get("/readyz")).json()["status"] == "ok"
            stage.has_ended = True
            dead = await client.get("/livez")
            unready = await client.get("/readyz")

    assert (dead.status_code, unready.status_code) == (503, 503)
    assert dead.json()["checks"][0] == {
        "name": "loop", "ok": False, "why": "the loop has ended, and nothing is kept any more",
    }  # fmt: skip
    assert logs == [{"event": "service.started", "log_level": "info", "url": stage.service.url, "tokens": False}]


async def test_a_port_that_is_taken_is_said() -> None:
    """And nothing is left behind."""
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EnvironmentFailedError, match=f"Port {port} on 127.0.0.1 is in use"):
            async with Stage().with_options(port=port).served():
                pytest.fail("two at once")


async def test_tls_is_spoken_where_a_certificate_is_set(tmp_path: Path) -> None:
    """And half of it is a mistake."""
    authority = make_authority(tmp_path)
    certificate = make_certificate(tmp_path, authority, "IP:127.0.0.1")
    stage = Stage().with_options(certificate_file=certificate.file, key_file=certificate.key)
    trust = ssl.create_default_context(cafile=str(tmp_path / "authority.pem"))
    async with stage.served(verify=trust) as client:
        assert str(client.base_url).startswith("https://")
        assert (await client.get("/livez")).status_code == 200

    with pytest.raises(UsageError, match=r"service\.certFile and service\.keyFile go together"):
        async with stage.with_options(key_file=None).served():
            pytest.fail("half a certificate")
    with pytest.raises(EnvironmentFailedError, match=r"service\.certFile: .*gone\.pem cannot be read"):
        async with stage.with_options(key_file=certificate.key, certificate_file=tmp_path / "gone.pem").served():
            pytest.fail("no certificate")


async def test_what_is_no_http_stalls_nobody() -> None:
    """It is told so, or let go."""
    async with Stage().served() as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        writer.write(b"\x16\x03\x01 no http at all\r\n\r\n")
        async with asyncio.timeout(PATIENCE_S):
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.close()

        assert (await client.get("/livez")).status_code == 200


async def test_a_delivery_that_is_cut_short_is_no_bug(tmp_path: Path) -> None:
    """Its sender is gone; it counts as refused."""
    stage = Stage().with_options(webhook_secret_file=secret_file(tmp_path / "secrets", "s" * 32))
    with capture_logs() as logs:
        async with stage.served() as client:
            _, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
            head = (
                "POST /hooks/github HTTP/1.1\r\nHost: localhost\r\nX-Hub-Signature-256: x\r\nContent-Length: 9\r\n\r\n"
            )
            writer.write(head.encode() + b"short")
            await writer.drain()
            writer.close()
            async with asyncio.timeout(PATIENCE_S):
                while not any(log["event"] == "service.webhook_refused" for log in logs):
                    await client.get("/livez")

    assert [log.get("result") for log in logs] == [None, "refused 400"]


async def test_a_bug_of_ours_is_a_problem_and_a_log_line_without_secrets() -> None:
    """The next request is answered."""
    stage = Stage(board=BrokenBoard())
    with capture_logs() as logs:
        async with stage.served() as client:
            crashed = await client.get("/api/v1/resources")
            well = await client.get("/api/v1/status")

    (crash,) = [log for log in logs if log["event"] == "service.request_crashed"]
    assert (crashed.status_code, well.status_code) == (500, 200)
    assert crashed.headers["content-type"] == "application/problem+json"
    assert crash["kind"] == "LookupError"
    assert "canary" not in crashed.text + str(logs)


class BrokenBoard(FakeBoard):
    """A board with a bug."""

    def resources(self) -> Mapping[Key, ResourceStatus]:
        """Fail."""
        raise LookupError("canary of a secret")


async def test_a_socket_of_the_wrong_family_is_no_excuse() -> None:
    """IPv6 is listened on, too."""
    async with Stage().with_options(host="::1").served() as client:
        assert str(client.base_url).startswith("http://[::1]:")
        assert (await client.get("/livez")).status_code == 200
