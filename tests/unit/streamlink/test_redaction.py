"""What a message may hold of a foreign text."""

import html
import json
from typing import Any
from urllib.parse import quote

import pytest

from reconciler.streamlink.redaction import MAX_SHOWN, outline, shown

SECRET = 'canary "key"&<1>/2'
PAYLOADS: list[Any] = [
    {"Output": {"SRTSettings": {"Passphrase": SECRET}}},
    {"Output": {"RTMPSettings": {"Destinations": [{"Url": "rtmp://a/b", "StreamKey": SECRET}]}}},
    {"InputGroup": [{"RTSPPullSettings": {"SourceAddresses": [{"Url": f"rtsp://u:{quote(SECRET, safe='')}@a/b"}]}}]},
]


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize(
    "spelt",
    [SECRET, json.dumps(SECRET), html.escape(SECRET), quote(SECRET, safe="")],
    ids=["plain", "json", "html", "url"],
)
def test_an_echoed_secret_is_masked(payload: Any, spelt: str) -> None:
    """However an answer spells what the request held, it is not shown."""
    message = shown(f"invalid value {spelt} in the request", payload=payload)

    assert "canary" not in message
    assert message.startswith("invalid value")


def test_the_account_key_is_masked() -> None:
    """The signing key is a secret too, though no request holds it."""
    assert shown("key canary-key seen", payload={}, also=("canary-key", "")) == "key *** seen"


def test_the_user_part_and_the_query_of_urls_are_masked() -> None:
    """Credentials hide in URLs, whoever's they are."""
    payload = {"Url": "rtmp://cdn.example/live?token=canary"}

    message = shown("cannot reach rtsp://me:canary2@cam/1 nor token=canary", payload=payload)

    assert message == "cannot reach rtsp://***@cam/1 nor ***"


def test_a_url_that_is_none_is_masked_whole() -> None:
    """What cannot be taken apart is not shown at all."""
    assert shown("bad http://[canary here", payload={"Url": "http://[canary"}) == "bad *** here"


def test_a_long_text_is_cut_to_one_line() -> None:
    """A long reason leaves enough to be understood, and no more."""
    message = shown("no room\n  for it" + "x" * 1000, payload={})

    assert (len(message), message[:15], message[-1]) == (MAX_SHOWN, "no room for itx", "…")


@pytest.mark.parametrize(
    ("content", "content_type", "expected"),
    [
        pytest.param(b"", "text/html", "an empty body", id="nothing"),
        pytest.param(b"canary", "Text/HTML; charset=utf-8", "a body of 6 bytes of text/html, ", id="a page"),
        pytest.param(b"canary", "text/canary", "a body of 6 bytes of an unknown type, ", id="a type of its own"),
        pytest.param(b"canary", "", "a body of 6 bytes of an unknown type, ", id="no type"),
    ],
)
def test_a_body_that_is_not_the_apis_is_not_shown(content: bytes, content_type: str, expected: str) -> None:
    """It may be a piece of what was read: its size and type are all that is said."""
    said = outline(content, content_type)

    assert said.startswith(expected)
    assert "canary" not in said
