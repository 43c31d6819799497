"""Tests of `cli.formats.values`, as a plan shows them."""

from dataclasses import replace

import pytest

from reconciler.cli import render
from reconciler.domain.changes import Create, Plan
from reconciler.domain.model import RtspSource
from reconciler.domain.properties import PropertyValue
from reconciler.domain.protocols import Protocol
from reconciler.domain.secrets import HIDDEN, Secret
from tests.builders import flow, output
from tests.unit.cli.plans import AT, CANARY, edit, plain


@pytest.mark.parametrize(
    ("found", "wanted", "shown"),
    [
        pytest.param(Secret(CANARY), Secret(f"new-{CANARY}"), "*** -> *** (a new value)", id="a secret"),
        pytest.param(HIDDEN, Secret(CANARY), "*** -> *** (a new value)", id="a hidden secret"),
        pytest.param(None, Secret(CANARY), "absent -> ***", id="a secret that is added"),
        pytest.param("", "x", '"" -> x', id="an empty text"),
        pytest.param(("203.0.113.0/28",), (), "[203.0.113.0/28] -> []", id="a list"),
        pytest.param(f"rtsp://u:{CANARY}@h/x", "rtsp://h/x", "rtsp://***@h/x -> rtsp://h/x", id="user info"),
        pytest.param("rtmp://h/x", f"rtmp://h/x?k={CANARY}", "rtmp://h/x -> rtmp://h/x?***", id="a query"),
        pytest.param("\x1b[31mred", "a\nb", "\\x1b[31mred -> a\\x0ab", id="control characters"),
    ],
)
def test_values(found: PropertyValue, wanted: PropertyValue, shown: str) -> None:
    """Values are readable, secrets are not, and nothing that others wrote steers the terminal."""
    assert plain(Plan(changes=(edit("p", found, wanted),)))[1] == f"    p  {shown}"


def test_no_secret_of_any_property_is_shown() -> None:
    """A create with secrets in every place shows none of them."""
    wanted = output(passphrase=CANARY)
    source = flow()
    rtsp = replace(
        source,
        spec=replace(
            source.spec,
            input=replace(
                source.spec.input, protocol=Protocol.RTSP, settings=RtspSource(url=f"rtsp://u:{CANARY}@h/x?k={CANARY}")
            ),
        ),
    )
    plan = Plan(
        changes=(Create(key=wanted.key, at=AT, wanted=wanted), Create(key=rtsp.key, at=AT, wanted=rtsp)),
    )

    assert CANARY not in "\n".join(render.plan_text(plan))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtmp://h/app?key=hunter2", "rtmp://h/app?***"),
        ("rtmp://h/app#hunter2", "rtmp://h/app#***"),
        ("rtmp://h/app;key=hunter2", "rtmp://h/app;***"),
        ("rtmp://user:pa/hunter2@h/app", "rtmp://***@h/app"),
        ("rtmp://a.example/live2/abcd-efgh-1234-mnop", "rtmp://a.example/live2/***"),
        ("rtmp://a.example/app/live_123456789_abcdefghij0123456789AB", "rtmp://a.example/app/***"),
        ("rtmp://a.example/live/studio-one", "rtmp://a.example/live/studio-one"),
    ],
)
def test_a_url_is_shown_without_what_may_be_a_secret(url: str, shown: str) -> None:
    """A change of what is not shown is told all the same."""
    other = url.replace("hunter2", "hunter3").replace("mnop", "mnpo")

    _, line, _ = plain(Plan(changes=(edit("rtsp.url", url, other),)))

    assert "hunter2" not in line
    assert line.split("  ")[-1].startswith(f"{shown} -> {shown}")
    assert ("(a new value)" in line) is (url != other)
