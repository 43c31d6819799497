"""Tests of `wiring.services`."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx
import pytest

from reconciler import wiring
from reconciler.domain.errors import EnvironmentFailedError, UsageError
from reconciler.ports.journal import Note
from reconciler.ports.telemetry import Untold
from reconciler.service.health import Rhythm
from reconciler.service.metrics import Metrics
from reconciler.service.tracing import Traced
from reconciler.settings import Settings
from reconciler.settings.choices import Listen, ServiceSettings
from reconciler.wiring.services import traces_wanted
from tests.fakes.board import FakeBoard
from tests.unit.wiring.chosen import settings_in

pytestmark = pytest.mark.anyio

RHYTHM: Final = Rhythm(rescan_s=10, observe_s=60)
ENDPOINT: Final = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}


def listening(folder: Path) -> Settings:
    """Return settings with a service on a free port."""
    return replace(settings_in(folder), service=ServiceSettings(listen=Listen("127.0.0.1", 0)))


async def test_where_nothing_listens_nothing_is_counted(tmp_path: Path) -> None:
    """And nothing is started."""
    settings = settings_in(tmp_path)
    loops = wiring.Loops(board=FakeBoard(), on_push=lambda: None, rhythm=lambda: RHYTHM)

    async with wiring.instruments(settings, environment={}) as lent:
        async with wiring.service(settings, lent, loops) as service:
            assert service is None
        assert isinstance(lent.telemetry, Untold)


async def test_a_service_reads_the_journal_of_the_state_directory(tmp_path: Path) -> None:
    """Also while others write it, and before it is there."""
    settings = listening(tmp_path)
    settings.state.mkdir()
    loops = wiring.Loops(board=FakeBoard(), has_ended=lambda: True, on_push=lambda: None, rhythm=lambda: RHYTHM)
    async with wiring.instruments(settings, environment={}) as lent, wiring.service(settings, lent, loops) as service:
        assert service is not None
        assert lent.telemetry is lent.metrics
        async with httpx.AsyncClient(base_url=service.url, timeout=30, trust_env=False) as client:
            before = (await client.get("/api/v1/events")).json()
            journal = wiring.journal(settings)
            journal.note(Note(kind="tree.accepted"))
            after = (await client.get("/api/v1/events")).json()
            health = await client.get("/livez")
            journal.close()

    assert before == {"items": []}
    assert [event["kind"] for event in after["items"]] == ["tree.accepted"]
    assert health.status_code == 503


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "x"}, False),
        (ENDPOINT, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, True),
    ],
)
def test_traces_are_wanted_where_the_environment_says_so(environment: dict[str, str], wanted: object) -> None:
    """As the specification words it."""
    assert traces_wanted(environment) is wanted


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER=zipkin is not spoken"),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc asks for another"),
    ],
)
def test_what_is_not_spoken_is_refused(environment: dict[str, str], why: str) -> None:
    """Nobody waits for traces that never come."""
    with pytest.raises(UsageError, match=why):
        traces_wanted(environment)


async def test_traces_go_with_metrics_or_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service counts on."""
    monkeypatch.setenv(*next(iter(ENDPOINT.items())))
    async with wiring.instruments(listening(tmp_path), environment=ENDPOINT) as both:
        assert isinstance(both.telemetry, Traced)
        assert isinstance(both.metrics, Metrics)
    async with wiring.instruments(settings_in(tmp_path), environment=ENDPOINT) as alone:
        assert isinstance(alone.telemetry, Traced)
        assert alone.metrics is None


async def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With how it is installed."""
    monkeypatch.delitem(sys.modules, "reconciler.service.tracing", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)

    with pytest.raises(EnvironmentFailedError, match=r"install reconciler\[otel\], or set OTEL_TRACES_EXPORTER=none"):
        async with wiring.instruments(settings_in(tmp_path), environment=ENDPOINT):
            pytest.fail("nothing to trace with")
