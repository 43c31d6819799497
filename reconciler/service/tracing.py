"""Spans as OpenTelemetry traces, sent by OTLP over HTTP; imported only where the environment asks for them."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from reconciler import __version__
from reconciler.ports.telemetry import CallMade, ChangeMade, PassMade, Span, Telemetry

NAME: Final = "reconciler"
FLUSH_S: Final = 5.0
"""How long the last spans have at a stop."""


class Traced:
    """Implements `Telemetry`: spans are sent, and what is counted is handed on."""

    def __init__(self, counters: Telemetry, environment: Mapping[str, str]) -> None:
        """Send by what the `OTEL_` variables say; the SDK reads most of them itself."""
        self._counters = counters
        own_name = {} if "OTEL_SERVICE_NAME" in environment else {"service.name": NAME}
        resource = Resource.create({"service.version": __version__, **own_name})
        # The process stops it, and not the interpreter: that may take as long as we say.
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer(NAME, __version__)

    def call_made(self, made: CallMade) -> None:
        """Hand it on."""
        self._counters.call_made(made)

    def change_made(self, made: ChangeMade) -> None:
        """Hand it on."""
        self._counters.change_made(made)

    def pass_made(self, made: PassMade) -> None:
        """Hand it on."""
        self._counters.pass_made(made)

    @contextmanager
    def span(self, name: str, **attributes: str | float | bool) -> Iterator[Span]:
        """Time what is done within, as a child of the span that it is within; an exception is noted by its class."""
        # Messages of exceptions may quote what no trace may have, so none is recorded.
        with self._tracer.start_as_current_span(
            name, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield _Noting(span)
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(trace.StatusCode.ERROR)
                raise

    def close(self) -> None:
        """Send what was not sent yet, for some seconds at most."""
        # The SDK waits for half a minute and more where nobody answers; what is left is then given up.
        ending = threading.Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        ending.start()
        ending.join(FLUSH_S)


class _Noting:
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def note(self, **attributes: str | float | bool) -> None:
        """Say something about it."""
        self._span.set_attributes(attributes)
