"""Tests of `wiring.machine`."""

import pytest

from reconciler import wiring
from reconciler.wiring import machine


@pytest.mark.parametrize(("value", "expected"), [("1", False), ("", None)])
def test_no_color(value: str, *, expected: bool | None) -> None:
    """Any value but an empty one asks for no colour."""
    assert wiring.wants_color(environment={"NO_COLOR": value}) is expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        pytest.param({}, False, id="none"),
        pytest.param({"https_proxy": "http://proxy.example:3128"}, True, id="one"),
        pytest.param({"https_proxy": "http://proxy.example:3128", "no_proxy": ".example"}, False, id="one for others"),
    ],
)
def test_who_asks_a_proxy(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], *, expected: bool) -> None:
    """As the HTTP client does it, by the environment of the process."""
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert machine.is_proxied("api.example") is expected


def test_nobody_supervises_unless_systemd_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its socket telling it is nothing."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)

    wiring.supervisor().alive()

    assert wiring.supervisor().watchdog_s is None
