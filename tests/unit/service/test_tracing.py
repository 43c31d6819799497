"""Spans, as a collector receives them over HTTP."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from reconciler.ports.telemetry import CallMade, ChangeMade, PassMade, Telemetry
from reconciler.service.metrics import Metrics
from reconciler.service.tracing import Traced

CANARY: Final = "canary of a secret"


class Collector(ThreadingHTTPServer):
    """Keeps what is exported to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Receiving)
        self.received: list[ExportTraceServiceRequest] = []
        self.raw = b""

    @property
    def url(self) -> str:
        """Where spans are sent."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def spans(self) -> dict[str, Span]:
        """Return what arrived, by name."""
        return {
            span.name: span
            for request in self.received
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }


class _Receiving(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        collector = self.server
        assert isinstance(collector, Collector)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["Content-Type"] == "application/x-protobuf"
        collector.raw += body
        collector.received.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *said: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Return a collector that is listening."""
    with Collector() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def traced(collector: Collector, monkeypatch: pytest.MonkeyPatch, counters: Telemetry | None = None) -> Traced:
    """Return what sends spans to the collector."""
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Traced(counters or Metrics(), environment)


def test_spans_arrive_with_what_was_said_of_them(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each a child of the one that it is within; the process has a name."""
    telemetry = traced(collector, monkeypatch)

    with telemetry.span("reconcile.pass", revision="one") as span:
        with telemetry.span("streamlink.call", action="DescribeStreamLinkFlow"):
            pass
        span.note(changes=3, failed=False)
    telemetry.close()

    outer, inner = collector.spans["reconcile.pass"], collector.spans["streamlink.call"]
    said = {each.key: each.value for each in outer.attributes}
    process = {each.key: each.value for each in collector.received[0].resource_spans[0].resource.attributes}
    assert inner.parent_span_id == outer.span_id
    assert inner.trace_id == outer.trace_id
    assert outer.parent_span_id == b""
    assert said["revision"].string_value == "one"
    assert said["changes"].int_value == 3
    assert process["service.name"].string_value == "reconciler"


def test_an_exception_is_told_by_its_class_alone(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its message may quote anything; and it goes on."""
    telemetry = traced(collector, monkeypatch)

    with pytest.raises(LookupError), telemetry.span("reconcile.pass"):
        raise LookupError(CANARY)
    telemetry.close()

    span = collector.spans["reconcile.pass"]
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert {each.key: each.value.string_value for each in span.attributes}["error.type"] == "LookupError"
    assert CANARY.encode() not in collector.raw


def test_what_is_counted_is_handed_on(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """Metrics and traces go together."""
    metrics = Metrics()
    telemetry = traced(collector, monkeypatch, metrics)

    telemetry.pass_made(PassMade(result="done", duration_s=1))
    telemetry.change_made(ChangeMade(kind="flow", action="edit", result="done"))
    telemetry.call_made(CallMade(action="a", code="", waited_s=0, duration_s=0))
    telemetry.close()

    text = metrics.exposition("")[0].decode()
    assert 'reconciler_passes_total{result="done"} 1.0' in text
    assert 'reconciler_api_calls_total{action="a",code=""} 1.0' in text
    assert 'reconciler_changes_total{action="edit",kind="flow",reason="",result="done"} 1.0' in text
