"""Tests of `wiring.guards`."""

import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler import wiring
from reconciler.domain.errors import EnvironmentFailedError
from reconciler.domain.model import FlowKey
from reconciler.domain.policies import Calendar, Policies, WindowKind
from reconciler.domain.safety.limits import Limits
from reconciler.settings.choices import GuardSettings
from tests.unit.wiring.chosen import settings_in


def test_the_guard_is_as_the_settings_say(tmp_path: Path) -> None:
    """What is no setting is the product's promise."""
    chosen = GuardSettings(delete_share=0.1, edit_share=0.2, twin_deadline_s=30)

    limits = wiring.limits(replace(settings_in(tmp_path), guard=chosen))

    assert limits == Limits(delete_share=0.1, edit_share=0.2, twin_deadline_s=30)
    assert wiring.limits(settings_in(tmp_path)) == Limits()


def test_a_signature_is_asked_for_where_approvers_are_named(tmp_path: Path) -> None:
    """And only there; what was signed by wiring is known by wiring."""
    key = tmp_path / "anna"
    subprocess.run(("/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)), check=True, timeout=30)
    anna = f"anna {key.with_suffix('.pub').read_text()}"
    verifier = wiring.verifier(replace(settings_in(tmp_path), guard=GuardSettings(approvers=(anna,))))

    assert not wiring.verifier(settings_in(tmp_path)).is_asked
    assert verifier.is_asked
    assert verifier.signer("a text", wiring.sign("a text", key)) == "anna"


def test_calendars_are_read_on_the_clocks_of_their_zones() -> None:
    """As the machine knows them."""
    frozen = Calendar(name="cup", zone="Europe/Berlin", windows=(), outside=WindowKind.FREEZE)

    timetable = wiring.timetable(Policies(calendars=(frozen,)))

    standing = timetable.ruling(FlowKey("news"), (), datetime(2026, 7, 1, 12, tzinfo=UTC)).standing
    assert standing is not None
    assert "it is 2026-07-01 14:00 there" in timetable.words(standing, datetime(2026, 7, 1, 12, tzinfo=UTC))


@pytest.mark.parametrize("name", ["Europe/Atlantis", "Europe", "../etc/passwd", "/etc/passwd", "", "x" * 300, "a\0b"])
def test_a_zone_that_is_not_there_is_told(name: str) -> None:
    """With where zones come from, whatever stands in the place of its name."""
    with pytest.raises(EnvironmentFailedError, match="does not know the time zone"):
        wiring.zone_of(name)
