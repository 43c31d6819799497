"""What is counted and timed, for Prometheus, on a registry of its own; `docs/metrics.md` explains each."""

import platform
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, Info, Metric, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from reconciler import __version__
from reconciler.ports.telemetry import CallMade, ChangeMade, PassMade, Span, Untold

MOST_CODES: Final = 64
"""Codes of the API that are told apart: they come from outside, and each is a series for ever."""
OTHER: Final = "other"
_PASS_S: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900)
_CALL_S: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180)
_WAIT_S: Final = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """Implements the counters of `ports.telemetry.Telemetry`; spans are nobody's here."""

    def __init__(self) -> None:
        registry = CollectorRegistry(auto_describe=False)
        self.registry: Final = registry
        ProcessCollector(registry=registry)
        build = Info("reconciler_build", "What runs.", registry=registry)
        build.info({"version": __version__, "python": platform.python_version()})
        self._passes = Counter("reconciler_passes", "Passes that are over.", ("result",), registry=registry)
        self._pass_s = Histogram(
            "reconciler_pass_duration_seconds", "How long passes took.", buckets=_PASS_S, registry=registry
        )
        self._changes = Counter(
            "reconciler_changes",
            "Changes of plans that are over; reason is what holds a blocked one back.",
            ("kind", "action", "result", "reason"),
            registry=registry,
        )
        self._calls = Counter(
            "reconciler_api_calls",
            "Attempts at calls of the API; code is empty for success.",
            ("action", "code"),
            registry=registry,
        )
        self._call_s = Histogram(
            "reconciler_api_call_duration_seconds",
            "How long attempts at calls took, without their wait.",
            ("action",),
            buckets=_CALL_S,
            registry=registry,
        )
        self._wait_s = Histogram(
            "reconciler_api_throttle_wait_seconds",
            "How long attempts at calls waited for their turn.",
            buckets=_WAIT_S,
            registry=registry,
        )
        self._webhooks = Counter(
            "reconciler_webhooks", "Deliveries of webhooks.", ("forge", "result"), registry=registry
        )
        self._codes: set[str] = set()

    def watch(self, collector: Collector) -> None:
        """Have what it collects exposed, too."""
        self.registry.register(collector)

    def collect(self) -> Iterator[Metric]:
        """Yield all of it, without when each series began: that would be as many series again."""
        for metric in self.registry.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return all of it in the form that is accepted, and that form's media type."""
        encode, media_type = choose_encoder(accept)
        return encode(self), media_type

    def call_made(self, made: CallMade) -> None:
        """Count an attempt at a call."""
        self._calls.labels(made.action, self._bounded(made.code)).inc()
        self._call_s.labels(made.action).observe(made.duration_s)
        self._wait_s.observe(made.waited_s)

    def change_made(self, made: ChangeMade) -> None:
        """Count a change."""
        self._changes.labels(made.kind, made.action, made.result, made.reason).inc()

    def pass_made(self, made: PassMade) -> None:
        """Count a pass."""
        self._passes.labels(made.result).inc()
        self._pass_s.observe(made.duration_s)

    def webhook_answered(self, forge: str, result: str) -> None:
        """Count a delivery."""
        self._webhooks.labels(forge, result).inc()

    def span(self, name: str, **attributes: str | float | bool) -> AbstractContextManager[Span]:
        """Time nothing: a trace is made where it is asked for."""
        return Untold().span(name, **attributes)

    def _bounded(self, code: str) -> str:
        if len(self._codes) < MOST_CODES:
            self._codes.add(code)
        return code if code in self._codes else OTHER
