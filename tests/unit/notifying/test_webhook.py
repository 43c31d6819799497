"""Webhooks: the body keeps its schema, and the signature is Standard Webhooks'."""

import base64
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler.manifests.schemas import schema_of
from reconciler.notifying.failures import Remedy, UndeliveredError
from reconciler.notifying.http import Wire
from reconciler.notifying.webhook import MOST_ITEMS, Webhook, document, signature
from reconciler.ports.notifier import Stage
from tests.fakes.clock import FakeClock
from tests.fakes.http_server import HttpServer, serving
from tests.unit.cli.formats.samples import HOSTILE
from tests.unit.notifying.bulletins import TOWER, bulletin, dark, deliver, failed, ledger, on_air

KEY = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def message_of_many(number: int = 1, *, message: str = "") -> Any:
    """Return a message of so many items."""
    desk = ledger(damp_s=0)
    desk.take(bulletin(0, *(dark(0, f"flow/f{each}", message=message) for each in range(number))))
    return deliver(desk, 0)


def hook(folder: Path, server: HttpServer | None, *, key: str = "") -> Webhook:
    """Return a webhook whose address, and key, are in files."""
    url = "http://127.0.0.1:9" if server is None else f"{server.url}/hook"
    (folder / "url").write_text(f"{url}\n")
    if key:
        (folder / "key").write_text(key)
    return Webhook(
        name="mine",
        account="local",
        url_file=folder / "url",
        key_file=folder / "key" if key else None,
        wire=Wire(),
        clock=FakeClock(),
    )


def checked(body: bytes) -> Any:
    """Return a body that keeps the published schema."""
    found = json.loads(body)
    jsonschema.validate(found, dict(schema_of("notification")))
    return found


@pytest.mark.anyio
async def test_what_is_sent(tmp_path: Path) -> None:
    """The body, the id that stays the same, the time of the attempt, and no signature where there is no key."""
    message = message_of_many(1, message="no signal")

    async with serving() as server:
        await hook(tmp_path, server).send(message)

    (asked,) = server.asked
    assert (asked.method, asked.target) == ("POST", "/hook")
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["webhook-id"] == message.id
    assert asked.headers["webhook-timestamp"] == "1767225600"
    assert "webhook-signature" not in asked.headers
    assert checked(asked.body) == {
        "type": "reconciler.notice",
        "timestamp": "2026-01-01T00:00:00.000000Z",
        "data": {
            "severity": "critical",
            "title": "[critical] local: flow/f0 is off air",
            "account": "local",
            "backend": "the relay",
            "source": "/srv/manifests",
            "revision": "3f1c0de" + "0" * 33,
            "pass": "p1",
            "items": [
                {
                    "resource": "flow/f0",
                    "aspect": "OnAir",
                    "event": "problem",
                    "severity": "critical",
                    "reason": "Dark",
                    "headline": "is off air",
                    "message": "no signal",
                    "since": "2026-01-01T00:00:00.000000Z",
                }
            ],
            "more": 0,
        },
    }


def test_the_example_of_others_is_signed_as_they_do() -> None:
    """Source: https://docs.svix.com/receiving/verifying-payloads/how-manual, from which the standard came."""
    key = base64.b64decode("plJ3nmyCDGBKInavdOK15jsl")
    body = b'{"event_type":"ping","data":{"success":true}}'

    headers = signature("msg_loFOjxBNrRLzqYUf", 1731705121, body, [key])

    assert headers["webhook-signature"] == "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="


@pytest.mark.anyio
async def test_while_keys_change_both_sign(tmp_path: Path) -> None:
    """Whoever checks with the old one and whoever checks with the new one are both content."""
    other = "whsec_" + base64.b64encode(b"x" * 24).decode()

    async with serving() as server:
        await hook(tmp_path, server, key=f"{KEY}\n{other}\n").send(message_of_many())
        await hook(tmp_path, server, key=KEY).send(message_of_many())

    both, one = (asked.headers["webhook-signature"].split(" ") for asked in server.asked)
    assert len(both) == 2
    assert one == both[:1]


@pytest.mark.anyio
@pytest.mark.parametrize("key", ["whsec_c2hvcnQ=", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", "whsec_nö", "whsec_!!!!"])
async def test_what_is_no_key(tmp_path: Path, key: str) -> None:
    """It is not quoted, and nothing is sent."""
    with pytest.raises(UndeliveredError) as caught:
        await hook(tmp_path, None, key=key).send(message_of_many())

    assert caught.value.remedy is Remedy.SETTING
    assert key.removeprefix("whsec_") not in str(caught.value)


def test_a_body_has_bounds() -> None:
    """What is left out is counted."""
    body = checked(json.dumps(document(message_of_many(MOST_ITEMS + 5, message="x" * 5000))).encode())

    assert len(body["data"]["items"]) == MOST_ITEMS
    assert body["data"]["more"] == 5
    assert all(len(item["message"]) <= 300 for item in body["data"]["items"])


@pytest.mark.parametrize("text", HOSTILE)
def test_the_words_of_others_are_text(text: str) -> None:
    """Whatever they are, the body keeps its schema and holds no character that steers."""
    body = checked(json.dumps(document(message_of_many(1, message=text))).encode())

    assert body["data"]["items"][0]["message"].isprintable()


def test_every_sort_of_message_keeps_the_schema() -> None:
    """Also what is over, what flaps, and what is news."""
    desk = ledger(damp_s=0)
    bodies = []
    for number in range(6):
        bad = bulletin(number, dark(number), failed(number, "flow/a"), stage=Stage.APPLIED, done=1)
        desk.take(bad if number % 2 == 0 else bulletin(number, on_air(number), stage=Stage.REFUSED, findings=("x",)))
        message = deliver(desk, number)
        assert message is not None
        bodies.append(checked(json.dumps(document(message)).encode()))

    events = {(item["resource"], item["event"]) for body in bodies for item in body["data"]["items"]}
    assert events >= {(TOWER, "problem"), (TOWER, "resolved"), (TOWER, "flapping"), ("manifests", "news")}


@pytest.mark.anyio
async def test_a_test_says_that_it_is_one(tmp_path: Path) -> None:
    """And whether it was signed."""
    async with serving() as server:
        unsigned = await hook(tmp_path, server).test()
        signed = await hook(tmp_path, server, key=KEY).test()

    assert checked(server.asked[0].body)["data"]["title"] == (
        "[info] local: notifications are set up: this is a test, and nothing is wrong"
    )
    assert (unsigned, signed) == ("took a test message, which was not signed", "took a test message")
