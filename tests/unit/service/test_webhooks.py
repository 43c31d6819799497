"""Deliveries of forges: which wake the loop, and which prove nothing."""

import asyncio
import hashlib
import hmac
import json
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from structlog.testing import capture_logs

from reconciler.service.forges import FORGES, TOLERANCE_S, Delivery
from reconciler.service.webhooks import (
    MOST_BODY_BYTES,
    MOST_HASHED_AT_ONCE_BYTES,
    MOST_HELD_BYTES,
    WAKE_GAP_S,
    WAKES_AT_ONCE,
    Replays,
)
from tests.fakes.board import EPOCH
from tests.unit.service.serving import PATIENCE_S, Stage, secret_file

pytestmark = pytest.mark.anyio

SECRET: Final = "canary-secret-0123456789abcdef-01234567"
NEXT: Final = "canary-newer-0123456789abcdef-012345678"
NOW: Final = round(EPOCH.timestamp())
PUSH: Final = {"ref": "refs/heads/main", "after": "c0ffee"}
Headers = dict[str, str]


def body_of(payload: object) -> bytes:
    """Return a body as forges write it."""
    return json.dumps(payload).encode()


def mac(body: bytes, secret: str = SECRET) -> str:
    """Return the HMAC of a body, as hexadecimal digits."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def github(body: bytes, *, event: str = "push", secret: str = SECRET, delivery: str = "d1") -> Headers:
    """Return the headers of GitHub."""
    signature = f"sha256={mac(body, secret)}"
    return {"X-GitHub-Event": event, "X-GitHub-Delivery": delivery, "X-Hub-Signature-256": signature}


def gitea(body: bytes, *, event: str = "push", secret: str = SECRET, delivery: str = "d1") -> Headers:
    """Return the headers of Gitea and Forgejo."""
    return {"X-Gitea-Event": event, "X-Gitea-Delivery": delivery, "X-Gitea-Signature": mac(body, secret)}


def gitlab(body: bytes, *, event: str = "Push Hook", secret: str = SECRET, delivery: str = "d1") -> Headers:
    """Return the headers of GitLab, which signs nothing."""
    del body
    return {"X-Gitlab-Event": event, "X-Gitlab-Event-UUID": delivery, "X-Gitlab-Token": secret}


def generic(body: bytes, *, secret: str = SECRET, at: int = NOW) -> Headers:
    """Return the header of whoever signs with a time."""
    return {"X-Reconciler-Signature": f"t={at},v1={mac(f'{at}.'.encode() + body, secret)}"}


SIGNED: Final[dict[str, Callable[..., Headers]]] = {
    "github": github,
    "gitlab": gitlab,
    "gitea": gitea,
    "generic": generic,
}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Return a stage that takes webhooks of the branch `main`."""
    file = secret_file(tmp_path / "secrets", SECRET, NEXT)
    return Stage(branch="main").with_options(webhook_secret_file=file)


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of it."""
    async with stage.asked() as asking:
        yield asking


async def deliver(client: httpx.AsyncClient, forge: str, body: bytes, headers: Headers) -> httpx.Response:
    """Deliver something."""
    return await client.post(
        f"/hooks/{forge}", content=body, headers={"Content-Type": "application/json; charset=utf-8", **headers}
    )


async def stormed(stage: Stage, client: httpx.AsyncClient, name: str) -> int:
    """Deliver twenty pushes in one moment; return how often the source was woken so far."""
    for number in range(20):
        body = body_of({**PUSH, "n": f"{name}{number}"})
        await deliver(client, "gitea", body, gitea(body, delivery=f"{name}{number}"))
    return stage.pushes


@pytest.mark.parametrize("forge", SIGNED)
async def test_a_push_wakes_the_loop(stage: Stage, client: httpx.AsyncClient, forge: str) -> None:
    """Signed with any of the secrets that are valid."""
    body = body_of(PUSH)

    answer = await deliver(client, forge, body, SIGNED[forge](body, secret=NEXT))

    assert (answer.status_code, answer.json()["result"], stage.pushes) == (202, "woken", 1)


@pytest.mark.parametrize("forge", SIGNED)
async def test_what_is_not_signed_with_a_secret_wakes_nothing(
    stage: Stage, client: httpx.AsyncClient, forge: str
) -> None:
    """Neither with a wrong one, nor without any, nor for another body; its body is not even read as JSON."""
    for body, headers in (
        (b"{", SIGNED[forge](b"{", secret="wrong-secret-0123456789abcdef-012345678")),
        (b"{", {}),
        (b"{", dict.fromkeys(SIGNED[forge](b"{"), "")),
        (b"{", dict.fromkeys(SIGNED[forge](b"{"), "t=1,v1=2,sha256=3")),
    ):
        answer = await deliver(client, forge, body, headers)

        assert answer.status_code == 401
        assert "service.webhookSecretFile" in answer.json()["detail"]
        assert "canary" not in answer.text
    assert stage.pushes == 0


@pytest.mark.parametrize("forge", ["github", "gitea", "generic"])
async def test_a_signature_is_of_one_body(stage: Stage, client: httpx.AsyncClient, forge: str) -> None:
    """A space more is another one."""
    body = body_of(PUSH)

    answer = await deliver(client, forge, body + b" ", SIGNED[forge](body))

    assert (answer.status_code, stage.pushes) == (401, 0)


@pytest.mark.parametrize("forge", SIGNED)
async def test_a_delivery_is_taken_once(stage: Stage, client: httpx.AsyncClient, forge: str) -> None:
    """The same again is a replay."""
    body = body_of(PUSH)
    first = await deliver(client, forge, body, SIGNED[forge](body))

    again = await deliver(client, forge, body, SIGNED[forge](body))

    assert (first.status_code, again.status_code, stage.pushes) == (202, 409, 1)


async def test_an_overheard_delivery_with_another_id_is_a_replay(stage: Stage, client: httpx.AsyncClient) -> None:
    """GitHub does not sign the id, and whoever replays may choose one."""
    body = body_of(PUSH)
    await deliver(client, "github", body, github(body))

    again = await deliver(client, "github", body, github(body, delivery="d2"))

    assert (again.status_code, stage.pushes) == (409, 1)


async def test_gitlabs_key_counts_before_the_events_id(stage: Stage, client: httpx.AsyncClient) -> None:
    """Several webhooks of one event share the id; the body tells nothing where a token is all that is shown."""
    body = body_of(PUSH)
    for number in range(2):
        answer = await deliver(client, "gitlab", body, {**gitlab(body), "Idempotency-Key": str(number)})
        assert answer.status_code == 202
        await stage.clock.advance(WAKE_GAP_S)

    assert stage.pushes == 2


@pytest.mark.parametrize(
    ("forge", "event", "payload"),
    [
        pytest.param("github", "ping", {"zen": "Keep it logically awesome."}, id="a ping"),
        pytest.param("github", "issues", {"action": "opened"}, id="another event"),
        pytest.param("github", "push", {"ref": "refs/heads/draft"}, id="another branch"),
        pytest.param("github", "push", {"ref": "refs/tags/main"}, id="a tag of its name"),
        pytest.param("gitlab", "Tag Push Hook", {"ref": "refs/tags/v1"}, id="GitLab's tag"),
        pytest.param("gitea", "create", PUSH, id="Gitea's new branch"),
    ],
)
async def test_what_is_no_push_to_the_branch_wakes_nothing(
    stage: Stage, client: httpx.AsyncClient, forge: str, event: str, payload: Any
) -> None:
    """It is taken, so that the forge is content."""
    body = body_of(payload)

    answer = await deliver(client, forge, body, SIGNED[forge](body, event=event))

    told = (200, "ping") if event == "ping" else (202, "ignored")
    assert (answer.status_code, answer.json()["result"], stage.pushes) == (*told, 0)


async def test_without_a_branch_any_branch_counts(stage: Stage) -> None:
    """And no tag."""
    stage.branch = ""
    async with stage.asked() as client:
        for ref in ("refs/tags/v1", "refs/heads/draft"):
            body = body_of({"ref": ref})
            await deliver(client, "github", body, github(body, delivery=ref))

    assert stage.pushes == 1


async def test_the_branch_is_the_one_of_now(stage: Stage) -> None:
    """Settings that are read anew may follow another one."""
    async with stage.asked() as client:
        stage.branch = "draft"
        for ref in ("refs/heads/main", "refs/heads/draft"):
            body = body_of({"ref": ref})
            await deliver(client, "github", body, github(body, delivery=ref))

    assert stage.pushes == 1


async def test_a_generic_sender_need_not_know_of_branches(stage: Stage, client: httpx.AsyncClient) -> None:
    """An empty body is enough."""
    answer = await client.post("/hooks/generic", headers=generic(b""))

    assert (answer.status_code, stage.pushes) == (202, 1)


@pytest.mark.parametrize(
    ("at", "status_code"),
    [(NOW - TOLERANCE_S, 202), (NOW - TOLERANCE_S - 1, 401), (NOW + TOLERANCE_S, 202), (NOW + TOLERANCE_S + 1, 401)],
)
async def test_a_generic_signature_ages(client: httpx.AsyncClient, at: int, status_code: int) -> None:
    """By our clock, to either side."""
    assert (await client.post("/hooks/generic", headers=generic(b"", at=at))).status_code == status_code


@pytest.mark.parametrize(
    "header",
    [
        "",
        "v1=00",
        f"t={NOW}",
        f"t={NOW},t={NOW},v1={mac(f'{NOW}.'.encode())}",
        f"t=+{NOW},v1={mac(f'+{NOW}.'.encode())}",
        f"t={'9' * 5000},v1=00",
        f"t={NOW}," + "v1=00," * 5 + f"v1={mac(f'{NOW}.'.encode())}",
        f"t={NOW},v1=\xe9",
    ],
)
async def test_a_generic_header_of_another_form_proves_nothing(client: httpx.AsyncClient, header: str) -> None:
    """Whatever is in it."""
    headers = [(b"X-Reconciler-Signature", header.encode("latin-1"))]

    assert (await client.post("/hooks/generic", headers=headers)).status_code == 401


async def test_one_of_several_generic_signatures_is_enough(client: httpx.AsyncClient) -> None:
    """Whoever changes the secret signs with both."""
    given = generic(b"")["X-Reconciler-Signature"]
    headers = {"X-Reconciler-Signature": given.replace("v1=", f"v1={'0' * 64},v1=")}

    assert (await client.post("/hooks/generic", headers=headers)).status_code == 202


@pytest.mark.parametrize(
    ("body", "content_type", "status_code"),
    [
        pytest.param(b"{", "application/json", 400, id="no JSON"),
        pytest.param(b"\xff", "application/json", 400, id="no Unicode"),
        pytest.param(b"[" * 200_000, "application/json", 400, id="as deep as a mine"),
        pytest.param(b'["ref"]', "application/json", 400, id="no object"),
        pytest.param(b'{"ref": {}}', "application/json", 400, id="a ref that is no text"),
        pytest.param(b"payload=%7B%7D", "application/x-www-form-urlencoded", 415, id="a form"),
    ],
)
async def test_a_signed_body_that_says_nothing_is_refused(
    stage: Stage, client: httpx.AsyncClient, body: bytes, content_type: str, status_code: int
) -> None:
    """And may come again when it is mended: it was not taken."""
    for _ in range(2):
        answer = await deliver(client, "github", body, {**github(body), "Content-Type": content_type})
        assert answer.status_code == status_code

    assert stage.pushes == 0


async def test_a_large_body_is_not_read(client: httpx.AsyncClient) -> None:
    """Neither one that says so, nor one that does not."""
    part = b"x" * (1024 * 1024)

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(MOST_BODY_BYTES // len(part) + 1):
            yield part

    declared = await client.post("/hooks/github", headers={**github(b""), "Content-Length": str(MOST_BODY_BYTES + 1)})
    streamed = await client.post("/hooks/github", headers=github(b""), content=parts())

    assert (declared.status_code, streamed.status_code) == (413, 413)


async def test_all_bodies_together_have_a_bound(client: httpx.AsyncClient) -> None:
    """Their senders have shown nothing yet; once they are through there is room again."""
    part, through = b"x" * (MOST_BODY_BYTES - 1), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield part
        await through.wait()
        yield b"x"

    sending = [
        asyncio.create_task(client.post("/hooks/github", headers=github(b""), content=slow()))
        for _ in range(MOST_HELD_BYTES // len(part) + 1)
    ]
    async with asyncio.timeout(PATIENCE_S):
        (refused,), others = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
        through.set()
        late = [(await each).status_code for each in others]

    body = body_of(PUSH)
    assert (refused.result().status_code, refused.result().headers["retry-after"]) == (503, "30")
    assert set(late) == {401}
    assert (await deliver(client, "github", body, github(body))).status_code == 202


async def test_a_storm_of_pushes_is_few_wakes(stage: Stage, client: httpx.AsyncClient) -> None:
    """A few at once, the rest together a moment later; the last push is never forgotten."""
    at_once = await stormed(stage, client, "a")
    await stage.clock.advance(WAKE_GAP_S)

    assert (at_once, stage.pushes) == (WAKES_AT_ONCE, WAKES_AT_ONCE + 1)


async def test_storms_in_a_row_are_a_wake_a_gap(stage: Stage, client: httpx.AsyncClient) -> None:
    """What is spent comes back with time alone, and never more than there was."""
    wakes = []
    for number, pause_s in enumerate((2 * WAKE_GAP_S, 3 * WAKE_GAP_S, 1000 * WAKE_GAP_S)):
        await stormed(stage, client, f"a{number}")
        await stage.clock.advance(pause_s)
        wakes.append(stage.pushes)
    await stormed(stage, client, "b")

    assert wakes == [WAKES_AT_ONCE + 1, WAKES_AT_ONCE + 3, WAKES_AT_ONCE + 6]
    assert stage.pushes == wakes[-1] + WAKES_AT_ONCE


async def test_deliveries_are_counted_and_logged(client: httpx.AsyncClient) -> None:
    """Without a word of theirs."""
    with capture_logs() as logs:
        for event in ("push", "push", "ping"):
            body = body_of({**PUSH, "event": event, "secret": "canary"})
            await deliver(client, "github", body, github(body, event=event, delivery=event))
    metrics = (await client.get("/metrics")).text

    assert [(log["event"], log["forge"], log["result"]) for log in logs] == [
        ("service.webhook_answered", "github", "woken"),
        ("service.webhook_refused", "github", "refused 409"),
        ("service.webhook_answered", "github", "ping"),
    ]
    assert 'reconciler_webhooks_total{forge="github",result="woken"} 1.0' in metrics
    assert "canary" not in str(logs) + metrics


async def test_refusals_fill_no_log(stage: Stage, client: httpx.AsyncClient) -> None:
    """Anybody can cause them: they are counted, and told once a minute."""
    with capture_logs() as logs:
        for pause_s in (0.0, 1.0, 58.0, 1.0):
            await stage.clock.advance(pause_s)
            await deliver(client, "github", b"{", {"X-Hub-Signature-256": "x"})

    assert [(log["event"], log["result"], log["count"]) for log in logs] == [
        ("service.webhook_refused", "refused 401", 1),
        ("service.webhook_refused", "refused 401", 3),
    ]
    assert 'reconciler_webhooks_total{forge="github",result="refused 401"} 4.0' in (await client.get("/metrics")).text


@pytest.mark.parametrize(("more", "is_apart"), [(0, False), (1, True)])
async def test_a_large_body_is_hashed_in_a_thread(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, more: int, *, is_apart: bool
) -> None:
    """Its sender has proven nothing yet, and holds nobody up."""
    seen = []

    def proof(_delivery: Delivery, _secrets: object) -> str:
        seen.append(threading.current_thread() is not threading.main_thread())
        return ""

    monkeypatch.setattr("reconciler.service.webhooks.FORGES", {"github": replace(FORGES["github"], proof=proof)})

    body = b"x" * (MOST_HASHED_AT_ONCE_BYTES + more)
    answer = await deliver(client, "github", body, {"X-Hub-Signature-256": "x"})

    assert (answer.status_code, seen) == (401, [is_apart])


async def test_other_forges_and_other_methods_are_refused(client: httpx.AsyncClient) -> None:
    """With what there is."""
    unknown = await client.post("/hooks/sourcehut")

    assert unknown.status_code == 404
    assert "github, gitlab, gitea, generic" in unknown.json()["detail"]
    assert (await client.get("/hooks/github")).status_code == 405


async def test_without_a_secret_there_are_no_webhooks() -> None:
    """Not even a refusal that says more."""
    async with Stage().asked() as client:
        assert (await client.post("/hooks/github", headers=github(b""))).status_code == 404


async def test_off_loopback_a_signature_is_enough(tmp_path: Path, stage: Stage) -> None:
    """Forges show no token."""
    tokens = secret_file(tmp_path / "tokens", "t" * 32)
    async with stage.with_options(host="192.0.2.7", token_file=tokens).asked(host="reconciler.example") as client:
        body = body_of(PUSH)
        assert (await deliver(client, "github", body, github(body))).status_code == 202


def test_what_is_remembered_is_bounded() -> None:
    """The oldest go first."""
    replays = Replays(most=4)

    for number in range(6):
        replays.add("github", (str(number),))

    assert [replays.has("github", (str(number),)) for number in range(6)] == [False, False, True, True, True, True]
    assert not replays.has("gitea", ("5",))
