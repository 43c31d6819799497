"""Tests of `media.checks`."""

import pytest

from reconciler.media.checks import engine_checks
from reconciler.media.programs import FFMPEG, NGINX, Requirement
from reconciler.ports.checks import Grade, Sign

LACKING = (Requirement(NGINX, "nginx-light"), Requirement(FFMPEG, "ffmpeg"))


def sign_of(*lacking: Requirement, is_needed: bool) -> Sign:
    """Return what is found on a machine that lacks these."""
    (check,) = engine_checks(is_needed=is_needed, lacking=lambda: lacking)
    (sign,) = check.look()
    return sign


def test_a_missing_engine_is_named_with_its_package() -> None:
    """The next step can be pasted into a shell."""
    found = sign_of(*LACKING, is_needed=True)

    assert (found.grade, found.next_step) == (
        Grade.FAIL,
        "apt-get install --no-install-recommends ffmpeg nginx-light",
    )
    assert NGINX in found.said


def test_an_account_needs_no_engine() -> None:
    """What is missing is told all the same."""
    found = sign_of(*LACKING, is_needed=False)

    assert found.grade is Grade.OK
    assert FFMPEG in found.said


@pytest.mark.media
def test_engines_tell_their_versions() -> None:
    """As they call themselves, each in a few words."""
    found = sign_of(is_needed=True)

    assert found.grade is Grade.OK
    assert found.said.startswith("ffmpeg version ")
    assert ", nginx/" in found.said
