"""All faults of a relay, around its handlers."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import structlog

from reconciler.relay.api.calls import Call, Handler, Json
from reconciler.relay.faults import answers, calls, lists
from reconciler.relay.faults.calls import Fault, Time
from reconciler.relay.faults.knobs import KINDS, Knob
from reconciler.relay.plane import ControlPlane

log: Final = structlog.get_logger()


class Faults:
    """Which knobs are on. A test turns them while the relay serves; calls that are under way keep those they met."""

    def __init__(
        self,
        *knobs: Knob,
        monotonic_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._time = Time(monotonic_s=monotonic_s, sleep=sleep)
        self.turn(*knobs)

    def turn(self, *knobs: Knob) -> None:
        """Have these knobs on and no others; whatever was counted begins anew."""
        self.knobs = tuple(sorted(knobs, key=lambda knob: KINDS.index(type(knob))))
        """Those that are on, from the wire inwards."""
        self._faults = tuple(self._fault_of(knob) for knob in self.knobs)
        if knobs:
            log.warning("relay.faults_turned_on", knobs=self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """Return what the knobs that are on are called, each once."""
        return tuple(dict.fromkeys(knob.name for knob in self.knobs))

    def around(self, carry_out: Handler) -> Handler:
        """Return what carries out calls, with the faults in its way."""

        async def handle(plane: ControlPlane, call: Call) -> Json:
            handler = carry_out
            for fault in reversed(self._faults):
                handler = partial(fault, inner=handler)
            return await handler(plane, call)

        return handle

    def _fault_of(self, knob: Knob) -> Fault:
        fault = calls.fault_of(knob, self._time) or answers.fault_of(knob, self._time) or lists.fault_of(knob)
        if fault is None:
            msg = f"no fault for {knob}"
            raise TypeError(msg)
        return fault
