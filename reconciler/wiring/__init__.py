"""
Wiring: from settings to the chosen implementations; the only place that picks, and that reads the environment.

Each room here picks one thing. What was not chosen is not imported: a function imports what it needs when it is called,
so that a verb which asks for little starts at once.
"""

from reconciler.wiring.backends import existing_backend, relay_on, without_media
from reconciler.wiring.checks import checks
from reconciler.wiring.guards import limits, sign, timetable, verifier, zone_of
from reconciler.wiring.loading import load_faults, load_plan, load_settings, saved_document
from reconciler.wiring.machine import clock, step_summary, supervisor, token, user, wants_color
from reconciler.wiring.notifiers import notifications, sinks
from reconciler.wiring.services import Instruments, Loops, instruments, service
from reconciler.wiring.sessions import Session, session
from reconciler.wiring.sources import (
    Branch,
    branch,
    demand_paths,
    files,
    is_followed,
    manifest_reader,
    paths_here,
    reader,
    source,
    vault,
    verdict_at,
    verdict_now,
    verdict_of,
    writer,
)
from reconciler.wiring.state import is_held, journal, orders, reading_journal
from reconciler.wiring.streamlink import capabilities, owner
from reconciler.wiring.worlds import existing_world

__all__ = [
    "Branch",
    "Instruments",
    "Loops",
    "Session",
    "branch",
    "capabilities",
    "checks",
    "clock",
    "demand_paths",
    "existing_backend",
    "existing_world",
    "files",
    "instruments",
    "is_followed",
    "is_held",
    "journal",
    "limits",
    "load_faults",
    "load_plan",
    "load_settings",
    "manifest_reader",
    "notifications",
    "orders",
    "owner",
    "paths_here",
    "reader",
    "reading_journal",
    "relay_on",
    "saved_document",
    "service",
    "session",
    "sign",
    "sinks",
    "source",
    "step_summary",
    "supervisor",
    "timetable",
    "token",
    "user",
    "vault",
    "verdict_at",
    "verdict_now",
    "verdict_of",
    "verifier",
    "wants_color",
    "without_media",
    "writer",
    "zone_of",
]
