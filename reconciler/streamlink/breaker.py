"""The breaker: a service that is down is left alone for a while, and then asked once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from reconciler.domain.errors import BackendError, UnavailableError
from reconciler.ports.clock import Clock
from reconciler.streamlink.codes import Code

FAILURES: Final = 5
"""Failures in a row of one region after which it counts as down: more than one call makes by itself."""
DEFAULT_PAUSE_S: Final = 60.0
"""How long a region that is down is left alone before it is asked again."""
_DOWN: Final = frozenset({Code.INTERNAL_ERROR, Code.SERVICE_UNAVAILABLE})
"""Codes, and families of them, that mean the service itself; what else is transient answers for one object."""

_log = structlog.get_logger("reconciler.streamlink")


@dataclass(slots=True)
class _State:
    """What is known of one region."""

    failures: int = 0
    """In a row, whatever was called."""
    why: str = ""
    """How the last of them ended."""
    since: datetime | None = None
    """Since when the region counts as down; None where it does not."""
    opened_at_s: float = 0.0
    retry_at_s: float = 0.0
    is_probed: bool = False
    """Whether the one call that is let through is under way."""


class Breaker:
    """
    Refuses calls to the regions of one account that are down, without sending them.

    A region is down after `FAILURES` calls in a row without an answer of the API; any answer, a refusal too, ends the
    row. After the pause one call is let through; its answer closes the breaker, its failure opens it for another pause.
    Calls that are under way when it opens are left alone, and an answer to one of them closes it, too. Regions are
    apart: one that is down takes nothing from the others, and an endpoint that is down is found out by each.
    """

    def __init__(self, clock: Clock, *, host: str, pause_s: float) -> None:
        self._clock = clock
        self._host = host
        self._pause_s = pause_s
        self._states: dict[str, _State] = {}

    def demand(self, region: str) -> None:
        """
        Go on only where a call could be sent now, as far as is known.

        Raises:
            UnavailableError: as `watched` raises it.

        """
        state = self._states.get(region)
        if state is not None and self._is_left_alone(state):
            raise self._refusal(region, state)

    @contextmanager
    def watched(self, region: str) -> Iterator[None]:
        """
        Learn from how the call within ends.

        Raises:
            UnavailableError: the region is down and is left alone; nothing was sent. `retry_in_s` says how long.

        """
        state = self._states.setdefault(region, _State())
        is_probe = self._admit(region, state)
        try:
            yield
        except BackendError as error:
            if isinstance(error, UnavailableError) and _is_down(error.code):
                self._failed(region, state, error, is_probe=is_probe)
            else:
                self._answered(region, state)
            raise
        else:
            self._answered(region, state)
        finally:
            if is_probe:
                state.is_probed = False

    def _admit(self, region: str, state: _State) -> bool:
        """Return whether the call is the probe of a region that is down."""
        if self._is_left_alone(state):
            raise self._refusal(region, state)
        state.is_probed = state.since is not None
        return state.is_probed

    def _is_left_alone(self, state: _State) -> bool:
        return state.since is not None and (state.is_probed or self._clock.monotonic_s() < state.retry_at_s)

    def _refusal(self, region: str, state: _State) -> UnavailableError:
        since = f"{state.since:%H:%M:%S}"
        left_s = max(0.0, state.retry_at_s - self._clock.monotonic_s())
        then = f"in {left_s:.0f} s" if left_s else "right now, by a call that is under way"
        return UnavailableError(
            f"Nothing was sent to {self._host} in {region}: it counts as down since {since} UTC, after "
            f"{state.failures} calls in a row without an answer. It is tried again {then}. The last one: {state.why}",
            maybe_applied=False,
            retry_in_s=left_s,
        )

    def _failed(self, region: str, state: _State, error: UnavailableError, *, is_probe: bool) -> None:
        state.failures += 1
        state.why = str(error)
        now_s = self._clock.monotonic_s()
        if is_probe:
            state.retry_at_s = now_s + self._pause_s
        elif state.since is None and state.failures >= FAILURES:
            state.since, state.opened_at_s = self._clock.now(), now_s
            state.retry_at_s = now_s + self._pause_s
            _log.warning(
                "streamlink.breaker_opened",
                host=self._host,
                region=region,
                failures=state.failures,
                why=state.why,
                pause_s=self._pause_s,
            )

    def _answered(self, region: str, state: _State) -> None:
        if state.since is not None:
            open_s = round(self._clock.monotonic_s() - state.opened_at_s, 3)
            _log.info(
                "streamlink.breaker_closed", host=self._host, region=region, failures=state.failures, open_s=open_s
            )
        state.failures, state.why, state.since = 0, "", None


def _is_down(code: str) -> bool:
    """Return whether the service failed as a whole; without a code its transport did, or a front before it."""
    return not code or code == Code.NETWORK_ERROR or code.partition(".")[0] in _DOWN
