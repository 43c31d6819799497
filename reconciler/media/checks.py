"""A check of the programs that carry media."""

import subprocess
from collections.abc import Callable
from typing import Final

from reconciler.media.processes import environment
from reconciler.media.programs import FFMPEG, NGINX, Requirement, missing
from reconciler.ports.checks import BlockingCheck, Sign, fail, ok

_VERSIONS: Final = ((FFMPEG, "-version"), (NGINX, "-v"))
_TIMEOUT_S: Final = 10.0


def engine_checks(
    *, is_needed: bool, lacking: Callable[[], tuple[Requirement, ...]] = missing
) -> tuple[BlockingCheck, ...]:
    """Return the check of the engines; only a relay that `run` or `relay` starts on this machine needs them."""

    def look() -> tuple[Sign, ...]:
        absent = lacking()
        if not absent:
            return (ok("engines", ", ".join(map(_version, _VERSIONS)) + ", GStreamer and its parts"),)
        names = ", ".join(each.name for each in absent)
        if not is_needed:
            return (ok("engines", f"not all are here ({names}), and this backend needs none"),)
        packages = " ".join(sorted({each.package for each in absent}))
        said = f"this machine lacks {names}, so the relay cannot carry media"
        return (fail("engines", said, f"apt-get install --no-install-recommends {packages}"),)

    return (BlockingCheck(about="engines", look=look),)


def _version(program: tuple[str, str]) -> str:
    """Return a program's name and version, as it tells them itself; of one that does not answer, its path."""
    try:
        done = subprocess.run(  # noqa: S603 -- fixed programs with fixed arguments
            program, capture_output=True, check=True, env=environment(), text=True, timeout=_TIMEOUT_S
        )
    except (OSError, subprocess.SubprocessError):
        return program[0]
    # nginx tells it on stderr, and both say who made them after it.
    words = (done.stdout or done.stderr).replace("nginx version: ", "").split()
    return " ".join(words[:3]) if words[1:2] == ["version"] else words[0]
