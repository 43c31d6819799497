"""A small tree, and what is planned for it."""

from typing import Final

from reconciler.domain.changes import Change, Plan, Sequence
from reconciler.domain.impact import Capabilities
from reconciler.domain.model import Actual
from reconciler.domain.planning import plan
from reconciler.domain.resolution import Resolved
from tests.builders import US, flow, output

NEWS: Final = flow()
TOWER: Final = output()
RADIO: Final = output("radio")
"""A flow that runs, and two outputs of it."""


def planned(wanted: Resolved, found: Actual) -> Plan:
    """Plan as the owner that the builders mark with."""
    return plan(wanted, found, owner=US, capabilities=Capabilities())


def said(changes: tuple[Change, ...]) -> list[str]:
    """Return the changes as `action address`, the calls of a sequence below it."""
    lines: list[str] = []
    for change in changes:
        lines.append(f"{change.action} {change.key}")
        if isinstance(change, Sequence):
            lines.extend(f"  {call.action} {call.key}" for call in change.calls)
    return lines
