"""
Wiring: from settings to the chosen implementations; the only place that picks, and that reads the environment.

Each room here picks one thing. What was not chosen is not imported: a function imports what it needs when it is called,
so that a verb which asks for little starts at once.
"""

from reconciler.wiring.backends import existing_backend, relay_on, without_media
from reconciler.wiring.guards import limits, sign, timetable, verifier, zone_of
from reconciler.wiring.loading import load_faults, load_plan, load_settings, saved_document
from reconciler.wiring.machine import clock, step_summary, token, wants_color
from reconciler.wiring.notifiers import notifications, sinks
from reconciler.wiring.sessions import Session, session
from reconciler.wiring.sources import (
    Branch,
    branch,
    demand_paths,
    files,
    manifest_reader,
    reader,
    source,
    vault,
    verdict_at,
    verdict_now,
    writer,
)
from reconciler.wiring.state import is_held, journal, reading_journal
from reconciler.wiring.streamlink import capabilities, owner
from reconciler.wiring.worlds import existing_world

__all__ = [
    "Branch",
    "Session",
    "branch",
    "capabilities",
    "clock",
    "demand_paths",
    "existing_backend",
    "existing_world",
    "files",
    "is_held",
    "journal",
    "limits",
    "load_faults",
    "load_plan",
    "load_settings",
    "manifest_reader",
    "notifications",
    "owner",
    "reader",
    "reading_journal",
    "relay_on",
    "saved_document",
    "session",
    "sign",
    "sinks",
    "source",
    "step_summary",
    "timetable",
    "token",
    "vault",
    "verdict_at",
    "verdict_now",
    "verifier",
    "wants_color",
    "without_media",
    "writer",
    "zone_of",
]
