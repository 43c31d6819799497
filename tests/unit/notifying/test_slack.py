"""Slack: within its limits, and nobody is called by the words of others."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.notifying.http import Wire
from reconciler.notifying.notices import MOST_LINES, Message
from reconciler.notifying.slack import MOST_BLOCKS, MOST_HEADER, MOST_SECTION, Slack, document
from reconciler.ports.notifier import Stage
from tests.fakes.clock import FakeClock
from tests.fakes.http_server import serving
from tests.unit.notifying.bulletins import bulletin, dark, deliver, ledger

ESCAPED = re.compile(r"&(amp|lt|gt);")


def message_of(*texts: str) -> Message:
    """Return a message with an item of each text."""
    desk = ledger()
    desk.take(bulletin(0, *(dark(0, f"flow/f{number}", message=text) for number, text in enumerate(texts))))
    message = deliver(desk, 0)
    assert message is not None
    return message


def texts_of(body: dict[str, Any]) -> list[str]:
    """Return the markup of a body."""
    sections = [block["text"] for block in body["blocks"] if block["type"] == "section"]
    contexts = [text for block in body["blocks"] if block["type"] == "context" for text in block["elements"]]
    assert all(text["verbatim"] for text in sections + contexts)
    return [body["text"], *(text["text"] for text in sections + contexts)]


def test_what_a_message_looks_like() -> None:
    """A header, how much there is, a line each, and where it comes from."""
    body = document(message_of("no signal"))

    assert body["text"] == "[critical] local: flow/f0 is off air"
    assert body["blocks"][0]["text"]["text"] == body["text"]
    assert texts_of(body)[1:] == [
        "1 critical",
        ":red_circle: `flow/f0` is off air (Dark) since 2026-01-01 00:00:00 UTC: no signal",
        "Account: local",
        "Backend: the relay",
        "Manifests: /srv/manifests",
        f"Revision: 3f1c0de{'0' * 33}",
        "Pass: p1",
    ]


@settings(max_examples=30)
@given(st.lists(st.text() | st.sampled_from(["<!channel>", "<@U1>", "&lt;", "<" * 400]), min_size=1, max_size=60))
def test_the_limits_are_kept_and_nothing_is_markup(texts: list[str]) -> None:
    """Whatever is said: no angle bracket, no bare ampersand, and no more than Slack takes."""
    body = document(message_of(*texts))

    assert len(body["blocks"]) <= MOST_BLOCKS
    assert len(body["blocks"][0]["text"]["text"]) <= MOST_HEADER
    for text in texts_of(body):
        assert len(text) <= MOST_SECTION
        assert not set(text) & set("<>")
        assert "&" not in ESCAPED.sub("", text)
    assert len(json.dumps(body, ensure_ascii=False)) < 13_000 + 100 * MOST_BLOCKS


def test_what_is_left_out_is_counted() -> None:
    """A thousand outputs that go dark at once are one message that can be read."""
    few, wide = message_of(*["dark"] * 1000), message_of(*["<" * 300] * MOST_LINES)

    assert f"and {1000 - MOST_LINES} more; `reconciler status` has them all" in texts_of(document(few))
    assert any(re.fullmatch(r"and \d+ more; .*", text) for text in texts_of(document(wide)))


def test_what_does_not_fit_a_section_is_cut_between_characters() -> None:
    """Not in the middle of an escape, which would be shown as half of one."""
    for before in range(5):
        desk = ledger(damp_s=0)
        desk.take(bulletin(0, stage=Stage.REFUSED, findings=("x" * before + "<" * 900,)))
        message = deliver(desk, 0)
        assert message is not None

        cut = [text for text in texts_of(document(message)) if len(text) > MOST_SECTION - 5]

        assert len(cut) == 1
        assert cut[0].endswith("&lt;…")


@pytest.mark.anyio
async def test_it_is_sent_to_the_address_in_the_file(tmp_path: Path) -> None:
    """As JSON."""
    async with serving() as server:
        (tmp_path / "url").write_text(f"{server.url}/services/T0/B0/x\n")
        slack = Slack(name="ops", account="local", url_file=tmp_path / "url", wire=Wire(), clock=FakeClock())
        await slack.send(message_of("no signal"))
        assert await slack.test() == "took a test message"

    sent, test = server.asked
    assert (sent.method, sent.target) == ("POST", "/services/T0/B0/x")
    assert json.loads(sent.body) == document(message_of("no signal"))
    assert "nothing is wrong" in json.loads(test.body)["text"]
