"""When a restart would help, and when the work is done: decided from the vitals alone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from reconciler.ports.status import Phase
from reconciler.service.health import GRACE_S, LOOK_BOUND_S, PASS_BOUND_S, Rhythm, alive, ready
from tests.fakes.board import EPOCH, WELL

RHYTHM: Final = Rhythm(rescan_s=10, observe_s=60)
LATER: Final = EPOCH + timedelta(seconds=30)


def wrong(checks: Any) -> dict[str, str]:
    """Return what is wrong, by the names of the checks."""
    return {check.name: check.why for check in checks if check.why}


@pytest.mark.parametrize(
    "vitals",
    [
        pytest.param({"phase": Phase.RESTING, "phase_s": 10 + GRACE_S}, id="it rests until its next look"),
        pytest.param({"phase": Phase.LOOKING, "phase_s": LOOK_BOUND_S}, id="a git server is slow"),
        pytest.param({"phase": Phase.PASSING, "phase_s": PASS_BOUND_S}, id="a backend is slow"),
        pytest.param({"phase": Phase.STOPPING, "phase_s": 1e6}, id="it ends, however long that takes"),
        pytest.param({"phase": Phase.STARTING, "phase_s": 1.0, "revision": "", "seen": ""}, id="it starts"),
        pytest.param(
            {"phase": Phase.STARTING, "phase_s": 1e6, "revision": "", "seen": "", "trouble": "git is down"},
            id="it waits for a git server from the start",
        ),
        pytest.param(
            {"phase": Phase.STARTING, "phase_s": 1e6, "unreadable": "no answer"},
            id="it waits for a backend from the start",
        ),
        pytest.param(
            {"phase": Phase.STARTING, "phase_s": 1e6, "revision": ""}, id="it waits for manifests to be mended"
        ),
        pytest.param({"unreadable": "no answer", "failures": 99, "trouble": "x"}, id="all others are down"),
    ],
)
def test_whatever_waits_within_its_deadlines_is_alive(vitals: dict[str, Any]) -> None:
    """Whatever is wrong with others."""
    assert wrong(alive(replace(WELL, **vitals), RHYTHM, has_ended=False)) == {}


@pytest.mark.parametrize(
    "vitals",
    [
        pytest.param({"phase": Phase.RESTING, "phase_s": 11 + GRACE_S}, id="it has not woken"),
        pytest.param({"phase": Phase.LOOKING, "phase_s": LOOK_BOUND_S + 1}, id="a look hangs"),
        pytest.param({"phase": Phase.PASSING, "phase_s": PASS_BOUND_S + 1}, id="a pass hangs"),
        pytest.param({"phase": Phase.STARTING, "phase_s": 1e6, "revision": "", "seen": ""}, id="it never starts"),
    ],
)
def test_a_phase_that_is_stuck_is_dead(vitals: dict[str, Any]) -> None:
    """A restart would help."""
    assert list(wrong(alive(replace(WELL, **vitals), RHYTHM, has_ended=False))) == ["phase"]


def test_it_is_said_which_phase_is_stuck() -> None:
    """With the numbers."""
    vitals = replace(WELL, phase=Phase.PASSING, phase_s=1600.4)

    assert wrong(alive(vitals, RHYTHM, has_ended=False)) == {
        "phase": "passing for 1600 s, which never takes longer than 1500 s"
    }


def test_a_loop_that_has_ended_is_dead() -> None:
    """However well its last vitals are; a phase of it means nothing any more."""
    vitals = replace(WELL, phase=Phase.PASSING, phase_s=1e6)

    assert list(wrong(alive(vitals, RHYTHM, has_ended=True))) == ["loop"]


@pytest.mark.parametrize(
    ("vitals", "unready"),
    [
        pytest.param({}, [], id="well"),
        pytest.param({"trouble": "a commit is not signed"}, [], id="the last good manifests are kept"),
        pytest.param({"failures": 3}, [], id="something failed"),
        pytest.param({"revision": ""}, ["target"], id="no manifests"),
        pytest.param({"unreadable": "no answer"}, ["backend"], id="no backend"),
        pytest.param({"passed_at": None}, ["pass"], id="no pass"),
        pytest.param({"passed_at": EPOCH - timedelta(seconds=210)}, [], id="a pass as old as it may be"),
        pytest.param({"passed_at": EPOCH - timedelta(seconds=211)}, ["pass"], id="an old pass"),
        pytest.param(
            {"passed_at": EPOCH - timedelta(seconds=800), "phase": Phase.PASSING, "phase_s": 800.0},
            [],
            id="the next pass takes its time",
        ),
        pytest.param({"phase": Phase.STOPPING}, ["loop"], id="it stops"),
        pytest.param(
            {"revision": "", "unreadable": "x", "passed_at": None}, ["target", "backend", "pass"], id="all reasons"
        ),
    ],
)
def test_ready_is_who_does_its_work(vitals: dict[str, Any], unready: list[str]) -> None:
    """Each reason against it is named."""
    checks = ready(replace(WELL, **vitals), RHYTHM, now=LATER, has_ended=False)

    assert list(wrong(checks)) == unready


def test_reasons_are_in_words() -> None:
    """With what is known of them."""
    vitals = replace(WELL, revision="", trouble="git is down", unreadable="no answer", passed_at=EPOCH)

    checks = ready(vitals, RHYTHM, now=EPOCH + timedelta(seconds=500), has_ended=True)

    assert wrong(checks) == {
        "loop": "the loop is ending, or has ended",
        "target": "no valid manifests were read yet: git is down",
        "backend": "the last pass could not read the backend: no answer",
        "pass": "the last pass that read the backend ended 500 s ago; that should be 240 s at most",
    }
