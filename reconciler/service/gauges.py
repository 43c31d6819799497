"""What is true at the moment of a scrape, read from the board then and there: nothing of it is kept."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric

from reconciler.domain.model import OutputKey
from reconciler.ports.status import Board, ResourceStatus, Vitals
from reconciler.service.views import kind_of


@dataclass(frozen=True, slots=True)
class Gauge:
    """One number of the vitals."""

    name: str
    help: str
    value: Callable[[Vitals], float | None]
    """None where there is nothing to say: then the series is absent."""


def _since(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


GAUGES: Final = (
    Gauge("reconciler_queue_age_seconds", "For how long the oldest change waits to be sent.", lambda v: v.queue_age_s),
    Gauge("reconciler_consecutive_failures", "Passes in a row that failed in some way.", lambda v: v.failures),
    Gauge("reconciler_halted", "1 while all writes are stopped.", lambda v: v.halt is not None),
    Gauge("reconciler_observing", "1 where nothing is ever sent (run --observe).", lambda v: v.observes),
    Gauge("reconciler_source_behind", "1 while the newest manifests are not the target.", lambda v: bool(v.trouble)),
    Gauge("reconciler_backend_readable", "0 while the last pass could not read it.", lambda v: not v.unreadable),
    Gauge(
        "reconciler_last_pass_timestamp_seconds",
        "When the last pass ended that could read the backend.",
        lambda v: _since(v.passed_at),
    ),
    Gauge("reconciler_last_event_timestamp_seconds", "When the source last hinted.", lambda v: _since(v.hinted_at)),
    Gauge(
        "reconciler_watcher_proof_timestamp_seconds",
        "When the watcher of the source last proved that it is alive.",
        lambda v: _since(v.proven_at),
    ),
    Gauge("reconciler_start_timestamp_seconds", "When the loop was started.", lambda v: v.started_at.timestamp()),
)

RESOURCES: Final = "reconciler_resources"
PAUSED: Final = "reconciler_paused_resources"
PINNED: Final = "reconciler_pinned_resources"
THROUGHPUT: Final = "reconciler_output_throughput_bytes_per_second"
LEFT_OUT: Final = "reconciler_outputs_left_out"
READY: Final = "reconciler_ready"


class BoardGauges:
    """A collector of Prometheus' client."""

    def __init__(self, board: Board, *, bitrate_series: int, is_ready: Callable[[], bool]) -> None:
        """`bitrate_series` is how many outputs have a series of their own at most, those with the most first."""
        self._board = board
        self._bitrate_series = bitrate_series
        self._is_ready = is_ready

    def collect(self) -> Iterator[Metric]:
        """Yield what is true now."""
        vitals = self._board.vitals()
        for gauge in GAUGES:
            yield _family(gauge.name, gauge.help, (), _one(gauge.value(vitals)))
        yield _family(READY, "1 while /readyz says so.", (), _one(self._is_ready()))
        statuses = self._board.resources().values()
        yield _family(
            RESOURCES,
            "Resources by what is true of them and why.",
            ("kind", "aspect", "standing", "reason"),
            Counter(
                (kind_of(status).value, each.aspect.value, each.standing.value, each.reason.value)
                for status in statuses
                for each in status.conditions.values()
            ),
        )
        yield _family(PAUSED, "Resources that are paused.", ("kind",), _counted(statuses, lambda s: s.pause))
        yield _family(PINNED, "Resources that are pinned.", ("kind",), _counted(statuses, lambda s: s.pin))
        yield from self._bitrates(statuses)

    def _bitrates(self, statuses: Iterable[ResourceStatus]) -> Iterator[Metric]:
        known = [
            (status.bitrate_bps, (status.key.flow, status.key.name))
            for status in statuses
            if isinstance(status.key, OutputKey) and status.bitrate_bps is not None
        ]
        kept = heapq.nlargest(self._bitrate_series, known)
        samples: dict[tuple[str, ...], float] = {labels: bitrate_bps / 8 for bitrate_bps, labels in kept}
        yield _family(THROUGHPUT, "What an output sends, as it was last seen.", ("flow", "output"), samples)
        yield _family(
            LEFT_OUT,
            "Outputs with a known throughput that have no series, those with the least.",
            (),
            {(): len(known) - len(kept)},
        )


def _family(
    name: str, said: str, labels: tuple[str, ...], samples: Mapping[tuple[str, ...], float]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, said, labels=labels)
    for values, value in sorted(samples.items()):
        family.add_metric(values, value)
    return family


def _one(value: float | None) -> dict[tuple[str, ...], float]:
    return {} if value is None else {(): float(value)}


def _counted(
    statuses: Iterable[ResourceStatus], order: Callable[[ResourceStatus], object]
) -> dict[tuple[str, ...], float]:
    return {
        (kind,): float(count)
        for kind, count in Counter(kind_of(status).value for status in statuses if order(status) is not None).items()
    }
