"""Broadcasts under a calendar, and the trees that edit them."""

from datetime import datetime, timedelta
from typing import Final

from reconciler.domain.model import FlowState
from reconciler.domain.policies import Calendar, OneOff, Policies, WindowKind
from reconciler.engine.plan import Target
from tests.builders import flow, found_flow, found_output, output
from tests.unit.engine.worlds import Worldlet, a_world, say

MIDNIGHT: Final = datetime.fromisoformat("2026-01-01")
"""When these worlds begin, in UTC."""


def calendar(
    kind: WindowKind = WindowKind.FREEZE, *, begins_s: float = -3600, ends_s: float = 3600, overruns: bool = False
) -> Calendar:
    """Return a calendar with one window around the moment at which these worlds begin."""
    window = OneOff(
        kind=kind,
        begins=MIDNIGHT + timedelta(seconds=begins_s),
        ends=MIDNIGHT + timedelta(seconds=ends_s),
        overruns=overruns,
    )
    return Calendar(name="cup_final", zone="UTC", windows=(window,))


def a_broadcast() -> Worldlet:
    """Return a world with a running flow and an idle one, an output in each."""
    small = a_world()
    small.backend.hold(
        found_flow(flow(), found_output(output())),
        found_flow(flow("quiet", state=FlowState.IDLE), found_output(output("mast", of="quiet"))),
    )
    return small


def tree(small: Worldlet, *calendars: Calendar, latency_ms: int = 500) -> Target:
    """Return a tree that edits the output of the running flow, under these calendars."""
    return say(
        small,
        flow(),
        output(latency_ms=latency_ms),
        flow("quiet", state=FlowState.IDLE),
        output("mast", of="quiet"),
        policies=Policies(calendars=calendars),
    )
