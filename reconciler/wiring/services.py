"""The service of a `run`: what it counts with, whether it traces, and whether it listens."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from reconciler.domain.errors import EnvironmentFailedError, UsageError
from reconciler.settings import Settings
from reconciler.wiring import machine, state

if TYPE_CHECKING:
    from reconciler.ports.status import Board
    from reconciler.ports.telemetry import Telemetry
    from reconciler.service.health import Rhythm
    from reconciler.service.metrics import Metrics
    from reconciler.service.server import Service

_EXPORTER: Final = "OTEL_TRACES_EXPORTER"
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL: Final = "http/protobuf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruments:
    """What the work is counted and timed with."""

    telemetry: "Telemetry"
    """For those who do the work."""
    metrics: "Metrics | None"
    """What the service shows of it; None where nothing listens."""


@contextlib.asynccontextmanager
async def instruments(
    settings: Settings, *, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Instruments]:
    """
    Lend what the work is counted and timed with; the last spans are sent at the end.

    Raises:
        UsageError: the environment asks for traces in a form that is not spoken.
        EnvironmentFailedError: it asks for traces, and what makes them is not installed.

    """
    from reconciler.ports.telemetry import Untold

    environment = machine.variables() if environment is None else environment
    metrics = _metrics() if settings.service.listen is not None else None
    counters: Telemetry = metrics or Untold()
    if not traces_wanted(environment):
        yield Instruments(telemetry=counters, metrics=metrics)
        return
    try:
        from reconciler.service.tracing import Traced
    except ModuleNotFoundError as error:
        raise EnvironmentFailedError(
            f"The environment asks for traces (OTEL_…), and {error.name} is not installed: install reconciler[otel], "
            f"or set {_EXPORTER}=none."
        ) from error
    traced = Traced(counters, environment)
    try:
        yield Instruments(telemetry=traced, metrics=metrics)
    finally:
        await asyncio.to_thread(traced.close)


def _metrics() -> "Metrics":
    from reconciler.service.metrics import Metrics

    return Metrics()


def traces_wanted(environment: Mapping[str, str]) -> bool:
    """
    Return whether the environment asks for traces, as OpenTelemetry's specification words it.

    Raises:
        UsageError: it asks for an exporter or a protocol that is not spoken.

    """
    exporter = environment.get(_EXPORTER, "")
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or exporter == "none":
        return False
    if not exporter and not any(map(environment.get, _ENDPOINTS)):
        return False
    if exporter not in {"", "otlp"}:
        raise UsageError(f"{_EXPORTER}={exporter} is not spoken: otlp is, and none is for no traces.")
    protocol = next(filter(None, map(environment.get, _PROTOCOLS)), _PROTOCOL)
    if protocol != _PROTOCOL:
        raise UsageError(f"Traces are sent by {_PROTOCOL}, and {_PROTOCOLS[1]}={protocol} asks for another protocol.")
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Loops:
    """What the service has to do with the loop."""

    board: "Board"
    on_push: Callable[[], None]
    """Called in the event loop when a webhook says that somebody has pushed: a hint."""
    has_ended: Callable[[], bool] = lambda: False
    """Whether its task is over, in whatever way, where the service may live longer than that."""
    branch: Callable[[], str] = lambda: ""
    """Returns that of the repository that manifests are read from now; "" where there is none: every push counts."""
    rhythm: "Callable[[], Rhythm]"
    """Returns how often the loop looks and passes now."""


def is_alive(board: "Board", rhythm: "Rhythm", *, has_ended: bool) -> bool:
    """Return whether nothing hangs, by the decision that `/livez` answers with."""
    from reconciler.service.health import alive

    return not any(check.why for check in alive(board.vitals(), rhythm, has_ended=has_ended))


def rhythm(settings: Settings, observe_s: float) -> "Rhythm":
    """Return how often a loop looks and passes, by its settings; `observe_s` is between two passes without a reason."""
    from reconciler.service.health import Rhythm

    return Rhythm(rescan_s=settings.loop.rescan_s + settings.loop.max_wait_ms / 1000, observe_s=observe_s)


@contextlib.asynccontextmanager
async def service(settings: Settings, lent: Instruments, loops: Loops) -> AsyncIterator["Service | None"]:
    """
    Have the service listen; None where nothing is to.

    Raises:
        UsageError: a network could listen and no token is asked for, or a file does not hold what it should.
        EnvironmentFailedError: the port is taken, or a file cannot be read.

    """
    chosen = settings.service
    if chosen.listen is None or lent.metrics is None:
        yield None
        return
    from reconciler.service.options import ServiceOptions, Sights
    from reconciler.service.server import Service

    options = ServiceOptions(
        host=chosen.listen.host,
        port=chosen.listen.port,
        token_file=chosen.token_file,
        certificate_file=chosen.cert_file,
        key_file=chosen.key_file,
        webhook_secret_file=chosen.webhook_secret_file,
        state=settings.state,
        bitrate_series=chosen.bitrate_series,
    )
    sights = Sights(
        board=loops.board,
        open_history=partial(state.reading_journal, settings),
        clock=machine.clock(),
        rhythm=loops.rhythm,
        branch=loops.branch,
        has_ended=loops.has_ended,
        on_push=loops.on_push,
    )
    async with Service(options, sights, lent.metrics) as served:
        yield served
