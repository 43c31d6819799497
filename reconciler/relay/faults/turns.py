"""Whose turn it is: which of the calls meet a fault, by counting them."""

from typing import Final

import structlog

from reconciler.relay.api.calls import Call
from reconciler.relay.faults.knobs import Knob

log: Final = structlog.get_logger()


class Turns:
    """Counts the calls that a knob applies to, and tells the log of each that meets it."""

    def __init__(self, knob: Knob) -> None:
        self._knob = knob
        self._seen = 0
        self._met = 0

    def applies_to(self, call: Call) -> bool:
        """Return whether the knob is for this action; counts nothing."""
        return not self._knob.actions or call.action in self._knob.actions

    def come_to(self, call: Call) -> bool:
        """Return whether this call meets the fault now; to be asked once a call."""
        if not self.applies_to(call):
            return False
        self._seen += 1
        if self._seen % self._knob.every or self._met == self._knob.times:
            return False
        self._met += 1
        self.tell(call)
        return True

    def tell(self, call: Call) -> None:
        """Write into the log that this call meets the fault."""
        log.warning("relay.fault_injected", knob=self._knob.name, action=call.action)
