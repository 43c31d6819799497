"""What this machine lacks to carry media."""

import pytest

from reconciler.domain.errors import ExitStatus
from reconciler.media.programs import (
    FFMPEG,
    NGINX,
    RTMP_MODULE,
    SYSTEM_PYTHON,
    MissingEnginesError,
    Requirement,
    missing,
)

BINDINGS = {"python3", "python3-gi", "gir1.2-gstreamer-1.0"}


@pytest.mark.parametrize(
    ("absent", "packages"),
    [
        ({FFMPEG}, {"ffmpeg"}),
        (
            {NGINX, RTMP_MODULE, SYSTEM_PYTHON},
            {"nginx-light", "libnginx-mod-rtmp", "python3", "python3-gi", "gir1.2-gstreamer-1.0"},
        ),
    ],
)
def test_each_missing_program_names_its_package(absent: set[str], packages: set[str]) -> None:
    """What is not there is named with the package that brings it; without an interpreter its bindings lack too."""
    without_python = {*absent, SYSTEM_PYTHON}

    lacking = missing(is_there=lambda path: path not in without_python)

    assert {requirement.package for requirement in lacking} == {*packages, *BINDINGS}


def test_the_error_says_what_to_do() -> None:
    """The message names the program, the package and the command, and the way without engines."""
    error = MissingEnginesError([Requirement(NGINX, "nginx-light"), Requirement(FFMPEG, "ffmpeg")])

    for part in (NGINX, "apt-get install --no-install-recommends ffmpeg nginx-light", "make setup", "--media none"):
        assert part in str(error)
    assert error.exit_status is ExitStatus.ALL_FAILED
    assert not error.retryable
