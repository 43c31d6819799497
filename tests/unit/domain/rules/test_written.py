"""Rules about single values."""

import pytest

from reconciler.domain.documents import Distance
from reconciler.domain.model import Region
from reconciler.domain.rules import written

PATH = ("spec", "x")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("ap-singapor", "did you mean ap-singapore?"),
        ("moon-base", "check the name; if it is new, all is well"),
    ],
)
def test_an_unknown_region_is_a_warning(name: str, hint: str) -> None:
    """A slip would fail only when the flow is made."""
    (fault,) = written.region(name, PATH)

    assert (fault.rule.id, fault.hint) == ("SL201", hint)


@pytest.mark.parametrize("name", ["local", "eu-frankfurt"])
def test_a_known_region_is_fine(name: str) -> None:
    """The table and the relay's own region are known."""
    assert list(written.region(name, PATH)) == []


def test_a_country_is_assigned() -> None:
    """Codes that nobody has are refused, reserved ones such as XK and EU too."""
    assert [fault.rule.id for code in ("DE", "XK", "EU") for fault in written.country(code, PATH)] == ["SL209"] * 2


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        pytest.param({"env": "STREAM_X"}, [], id="a variable"),
        pytest.param({"env": "HOME"}, [("SL207", "env")], id="a variable that is not for us"),
        pytest.param({"file": "x"}, [], id="a file"),
        pytest.param({"file": "/x"}, [("SL208", "file")], id="a file elsewhere"),
    ],
)
def test_secret(reference: dict[str, str], expected: list[tuple[str, str]]) -> None:
    """References stay within what the settings allow."""
    faults = written.secret(reference, PATH, env_patterns=("STREAM_*",))

    assert [(fault.rule.id, fault.path[-1]) for fault in faults] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rtmp://cdn.example/live", []),
        ("rtmp://cdn.example/a@b", []),
        ("rtmp://user:CANARY@cdn.example/live", ["SL112"]),
        ("rtsp://user@camera.example/1", ["SL112"]),
        ("rtmp://user:CAN/ARY@cdn.example/live", ["SL112"]),
        ("rtmp://[2001:db8::1]:1935/a@b", []),
        ("rtmp://cdn.example:1935/a@b", []),
        ("rtmp://a.rtmp.example/live2/abcd-efgh-1234-mnop", ["SL112"]),
        ("rtmp://live.example/app/live_123456789_abcdefghij0123456789AB", ["SL112"]),
        ("rtmp://live.example/app/studio-one-of-four", []),
    ],
)
def test_a_url_holds_no_password(text: str, expected: list[str]) -> None:
    """Whoever is written before the host is a literal secret, and not quoted."""
    faults = list(written.url(text, PATH))

    assert [fault.rule.id for fault in faults] == expected
    assert not any("CANARY" in fault.message + fault.hint for fault in faults)


@pytest.mark.parametrize(
    ("distance", "expected"),
    [
        pytest.param(None, [], id="a plain number"),
        pytest.param(Distance(country="SG", latency_ms=None), [], id="the advice itself"),
        pytest.param(Distance(country="SG", latency_ms=120), [], id="as advised"),
        pytest.param(Distance(country="JP", latency_ms=199), ["SL206"], id="below"),
        pytest.param(Distance(country="XX", latency_ms=1), [], id="nobody knows where"),
    ],
)
def test_latency(distance: Distance | None, expected: list[str]) -> None:
    """A number below what its country asks for is a warning."""
    assert [fault.rule.id for fault in written.latency(distance, Region("ap-singapore"), PATH)] == expected
