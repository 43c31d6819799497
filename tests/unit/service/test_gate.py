"""Who is answered: on loopback, off it, and with which token."""

from pathlib import Path
from typing import Final

import pytest
from starlette.types import Message
from structlog.testing import capture_logs

from reconciler.domain.errors import EnvironmentFailedError, UsageError
from reconciler.service.secret_lines import SecretLines
from tests.unit.service.serving import Stage, secret_file

pytestmark = pytest.mark.anyio

TOKEN: Final = "canary-token-0123456789abcdef-0123456789"
NEXT: Final = "canary-next-0123456789abcdef-01234567890"
PATHS: Final = ("/api/v1/status", "/metrics", "/", "/api/v1/openapi.json", "/nowhere")


def bearing(token: str) -> dict[str, str]:
    """Return the header that shows a token."""
    return {"Authorization": f"Bearer {token}"}


def far(tmp_path: Path, *tokens: str) -> Stage:
    """Return a stage that a network can reach."""
    file = secret_file(tmp_path / "tokens", *(tokens or (TOKEN,)))
    return Stage().with_options(host="192.0.2.7", token_file=file)


@pytest.mark.parametrize(
    ("host", "status_code"),
    [
        ("127.0.0.1:8080", 200),
        ("127.0.0.1", 200),
        ("localhost:1", 200),
        ("LOCALHOST", 200),
        ("[::1]:8080", 200),
        ("[::1]", 200),
        ("127.8.9.1", 200),
        ("evil.example", 421),
        ("evil.example:8080", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example:80", 421),
        ("192.0.2.7:8080", 421),
        ("0.0.0.0:8080", 421),
        ("127.0.0.1:80:90", 421),
        ("::1", 421),
        ("", 421),
        ("\xfc.example", 421),
    ],
)
async def test_on_loopback_only_its_own_names_are_answered(host: str, status_code: int) -> None:
    """A page in a browser has another one in its header Host, whatever that name points to."""
    async with Stage().asked() as client:
        for path in ("/api/v1/status", "/livez", "/metrics"):
            answer = await client.get(path, headers=[(b"Host", host.encode("latin-1"))])

            assert answer.status_code == status_code


async def test_off_loopback_a_token_is_asked_for(tmp_path: Path) -> None:
    """By everything but health; one of several is enough, and the scheme's case does not matter."""
    async with far(tmp_path, TOKEN, NEXT).asked(host="reconciler.example") as client:
        for path in PATHS:
            refused = await client.get(path)
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        for headers in (bearing(TOKEN), bearing(NEXT), {"Authorization": f"bearer {TOKEN}"}):
            assert (await client.get("/api/v1/status", headers=headers)).status_code == 200
        for path in ("/livez", "/readyz"):
            assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", "Bearer ", "Bearer", "Bearer \xff\xfe", ""],
)
async def test_a_wrong_token_is_no_token(tmp_path: Path, authorization: str) -> None:
    """Nothing of it is said again."""
    async with far(tmp_path).asked(host="reconciler.example") as client:
        answer = await client.get("/metrics", headers=[(b"Authorization", authorization.encode("latin-1"))])

    assert answer.status_code == 401
    assert "canary" not in answer.text


async def test_health_tells_strangers_no_reasons(tmp_path: Path) -> None:
    """They name servers."""
    stage = far(tmp_path)
    stage.board.say(unreadable="https://backend.example does not answer")
    async with stage.asked(host="reconciler.example") as client:
        strange = await client.get("/readyz?verbose")
        known = await client.get("/readyz?verbose", headers=bearing(TOKEN))
        as_json = (await client.get("/readyz")).json()

    assert strange.status_code == known.status_code == 503
    assert "[-]backend reason withheld\n" in strange.text
    assert "[-]backend the last pass could not read the backend: https://backend.example" in known.text
    assert known.text.endswith("readyz check failed\n")
    assert [check["why"] for check in as_json["checks"] if not check["ok"]] == ["reason withheld"]


async def test_on_loopback_a_token_is_asked_for_where_one_is_set(tmp_path: Path) -> None:
    """Whoever shares the machine with others may want that."""
    stage = Stage().with_options(token_file=secret_file(tmp_path / "tokens", TOKEN))
    async with stage.asked() as client:
        assert (await client.get("/metrics")).status_code == 401
        assert (await client.get("/metrics", headers=bearing(TOKEN))).status_code == 200


async def test_a_token_is_changed_while_it_runs(tmp_path: Path) -> None:
    """The next request knows; a file that is spoilt or gone meanwhile changes nothing, and is told once."""
    stage = far(tmp_path)
    file = tmp_path / "tokens"
    async with stage.asked(host="reconciler.example") as client:

        async def lets_in(token: str) -> bool:
            return (await client.get("/metrics", headers=bearing(token))).status_code == 200

        secret_file(file, "", NEXT)
        assert [await lets_in(TOKEN), await lets_in(NEXT)] == [False, True]
        with capture_logs() as logs:
            file.write_text("short\n")
            assert await lets_in(NEXT)
            file.unlink()
            assert await lets_in(NEXT)
            assert await lets_in(NEXT)
        secret_file(file, TOKEN)
        assert await lets_in(TOKEN)

    assert [log["event"] for log in logs] == ["service.secrets_kept", "service.secrets_kept"]
    assert "canary" not in str(logs)
    assert "short" not in str([log["why"] for log in logs])


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        pytest.param((), "is empty", id="nothing"),
        pytest.param(("", "  "), "is empty", id="nothing but space"),
        pytest.param((TOKEN, "canary"), "line 2 of .* has 6 characters, and 32 are the least", id="short"),
    ],
)
def test_a_file_without_secrets_is_refused(tmp_path: Path, lines: tuple[str, ...], why: str) -> None:
    """With the way out, and without a secret."""
    with pytest.raises(UsageError, match=why) as caught:
        SecretLines(secret_file(tmp_path / "tokens", *lines), "service.tokenFile")

    assert "openssl rand -hex 32" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_secrets_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    """A folder and nothing at all; what is there shows nothing of itself."""
    with pytest.raises(EnvironmentFailedError, match=r"gone cannot be read: No such file"):
        SecretLines(tmp_path / "gone", "service.tokenFile")
    with pytest.raises(UsageError, match="is no file"):
        SecretLines(tmp_path, "service.tokenFile")

    assert "canary" not in repr(SecretLines(secret_file(tmp_path / "tokens", TOKEN), "service.tokenFile"))


def test_without_a_token_nothing_listens_off_loopback() -> None:
    """It says what to set."""
    with pytest.raises(UsageError, match=r"192\.0\.2\.7 can be reached .* Set service\.tokenFile to a file"):
        Stage().with_options(host="192.0.2.7").build().application()


async def test_another_protocol_is_not_answered() -> None:
    """Such as a WebSocket."""
    application = Stage().build().application()

    async def receive() -> Message:
        raise AssertionError("it was read")

    async def send(message: Message) -> None:
        raise AssertionError(message)

    await application({"type": "websocket"}, receive, send)


async def test_answers_are_not_kept_nor_guessed() -> None:
    """By any cache, and by no browser."""
    async with Stage().asked() as client:
        answers = [await client.get(path) for path in PATHS]

    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    assert {answer.headers["x-content-type-options"] for answer in answers} == {"nosniff"}
