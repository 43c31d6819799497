"""Engines that are not there, or do not start: told on their own flow, and on no other."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.media

PROGRAM = Path(__file__).with_name("told.py")
ROOT = Path(__file__).parents[2]
HIDE = 'mount --bind /dev/null "$0" && exec "$@"'


def told_without(hidden: str, state: Path, *ports: int) -> dict[str, str]:
    """Return the last errors of both flows on a machine where this file is not what it should be."""
    command = [sys.executable, str(PROGRAM), str(state), *map(str, ports)]
    hiding = ["unshare", "--mount", "sh", "-c", HIDE, hidden, *command]
    said = subprocess.run(hiding, check=True, capture_output=True, text=True, timeout=60, cwd=ROOT)
    told: dict[str, str] = json.loads(said.stdout)
    return told


@pytest.mark.parametrize(
    ("hidden", "broken", "words"),
    [
        ("/usr/sbin/nginx", "rtmp", "nginx did not start"),
        ("/usr/lib/nginx/modules/ngx_rtmp_module.so", "rtmp", "nginx did not start"),
        ("/usr/bin/python3", "srt", "the engine does not start"),
    ],
)
def test_an_engine_that_cannot_run_is_told_on_its_flow_alone(
    tmp_path: Path, free_port: Callable[[], int], hidden: str, broken: str, words: str
) -> None:
    """The flow says what is wrong with it; the other one has nothing to complain of."""
    told = told_without(hidden, tmp_path, free_port(), free_port())

    assert words in told.pop(broken)
    assert set(told.values()) == {""}
