"""The guard, and what it goes by: limits, approvers' signatures, and calendars on the clocks of their zones."""

from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.domain.errors import EnvironmentFailedError
from reconciler.settings import Settings
from reconciler.wiring import state, streamlink

if TYPE_CHECKING:
    from reconciler.domain.policies import Policies
    from reconciler.domain.safety.limits import Limits
    from reconciler.domain.timetable import Timetable
    from reconciler.engine.guard import Guard
    from reconciler.ports.backend import Backend
    from reconciler.ports.clock import Clock
    from reconciler.ports.journal import Journal
    from reconciler.ports.signatures import Verifier


def guard(settings: Settings, backend: "Backend", clock: "Clock", journal: "Journal", *, apply: str) -> "Guard":
    """Return who says what may be sent to the backend; `apply` is how people call that verb, for a shell."""
    from reconciler.engine.guard import Guard
    from reconciler.engine.guard.facts import Keeper

    keeper = Keeper(
        backend=backend,
        clock=clock,
        journal=journal,
        verifier=verifier(settings),
        owner=streamlink.owner(settings),
        zone_of=zone_of,
        orders=state.orders(settings),
        limits=limits(settings),
        apply=apply,
    )
    return Guard(keeper)


def limits(settings: Settings) -> "Limits":
    """Return the numbers that safety keeps."""
    from reconciler.domain.safety.limits import Limits

    chosen = settings.guard
    return Limits(
        delete_share=chosen.delete_share,
        edit_share=chosen.edit_share,
        twin_deadline_s=chosen.twin_deadline_s,
        trial_s=chosen.trial_s,
    )


def sign(text: str, key: Path) -> str:
    """
    Return a text's signature by an SSH key.

    Raises:
        EnvironmentFailedError: OpenSSH is not there, or cannot use the key.

    """
    from reconciler.sources.signatures import sign as signed

    return signed(text, key)


def verifier(settings: Settings) -> "Verifier":
    """Return who tells whether an approver signed."""
    from reconciler.sources.signatures import SshVerifier

    return SshVerifier(settings.guard.approvers)


def timetable(policies: "Policies") -> "Timetable":
    """
    Return what the calendars of a tree say at a moment.

    Raises:
        EnvironmentFailedError: this machine does not know a zone.

    """
    from reconciler.domain.timetable import Timetable

    return Timetable(policies.calendars, zone_of)


def zone_of(name: str) -> tzinfo:
    """
    Return the wall clock of an IANA time zone.

    Raises:
        EnvironmentFailedError: this machine does not know the zone.

    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise EnvironmentFailedError(
            f"This machine does not know the time zone {name!r}, so what its calendar holds back cannot be told. Is it "
            "an IANA name, such as Europe/Berlin? Time zones come with the system's package tzdata, or Python's."
        ) from error
