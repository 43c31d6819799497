"""
Whether the process is alive, and whether it is ready, decided from what the loop says of itself.

Alive is the loop that goes on: it may wait for a backend or a git server as long as their deadlines allow, but in no
phase for longer than that phase can last. A restart must help where it is not alive, so nothing else counts there.
Ready is the loop that does its work: it has a target, and reads the backend again and again.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from reconciler.ports.status import Phase, Vitals

PASS_BOUND_S: Final = 1500.0
"""Longest a pass can last: it sends nothing after 900 s, and the calls in flight and a last look have deadlines too."""
LOOK_BOUND_S: Final = 600.0
"""Longest a look at the manifests can last: several runs of git, each with a deadline of its own."""
GRACE_S: Final = 60.0
"""For a machine that is busy."""
MISSED: Final = 3
"""Passes that may be missed until the last one is no longer recent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often the loop looks and passes, as its settings say."""

    rescan_s: float
    """Between two looks at the manifests, with the longest wait for quiet after a hint."""
    observe_s: float
    """Between two passes without a reason."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    why: str = ""
    """What is wrong; "" when it is well. Never a secret."""


def alive(vitals: Vitals, rhythm: Rhythm, *, has_ended: bool) -> tuple[Check, ...]:
    """Return what speaks for the loop going on: one check that the loop runs, one that its phase is not stuck."""
    bound_s = _bound_s(vitals, rhythm)
    is_stuck = not has_ended and bound_s is not None and vitals.phase_s > bound_s
    return (
        Check("loop", "the loop has ended, and nothing is kept any more" if has_ended else ""),
        Check(
            "phase",
            f"{vitals.phase} for {vitals.phase_s:.0f} s, which never takes longer than {bound_s:.0f} s"
            if is_stuck
            else "",
        ),
    )


def ready(vitals: Vitals, rhythm: Rhythm, *, now: datetime, has_ended: bool) -> tuple[Check, ...]:
    """Return what speaks for its doing its work."""
    is_ending = has_ended or vitals.phase is Phase.STOPPING
    return (
        Check("loop", "the loop is ending, or has ended" if is_ending else ""),
        Check("target", "" if vitals.revision else f"no valid manifests were read yet{_colon(vitals.trouble)}"),
        Check("backend", f"the last pass could not read the backend: {vitals.unreadable}" if vitals.unreadable else ""),
        Check("pass", _stale(vitals, rhythm, now)),
    )


def _bound_s(vitals: Vitals, rhythm: Rhythm) -> float | None:
    match vitals.phase:
        case Phase.PASSING:
            return PASS_BOUND_S
        case Phase.LOOKING:
            return LOOK_BOUND_S
        case Phase.RESTING:
            return rhythm.rescan_s + GRACE_S
        case Phase.STARTING:
            # It says itself what it waits for: a server that is down is no reason to be ended.
            waits = vitals.trouble or vitals.unreadable or (vitals.seen and not vitals.revision)
            return None if waits else LOOK_BOUND_S + PASS_BOUND_S
        case Phase.STOPPING:
            # Whoever has told it to end decides how long that may take.
            return None


def _stale(vitals: Vitals, rhythm: Rhythm, now: datetime) -> str:
    if vitals.passed_at is None:
        return "no pass has read the backend yet"
    busy_s = vitals.phase_s if vitals.phase in {Phase.PASSING, Phase.LOOKING} else 0.0
    most_s = MISSED * max(rhythm.observe_s, rhythm.rescan_s) + GRACE_S
    quiet_s = (now - vitals.passed_at).total_seconds() - busy_s
    if quiet_s <= most_s:
        return ""
    return f"the last pass that read the backend ended {quiet_s:.0f} s ago; that should be {most_s:.0f} s at most"


def _colon(text: str) -> str:
    return f": {text}" if text else ""
