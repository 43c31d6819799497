"""Programs that run in a network of their own, with addresses that nobody else has."""

import json
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).parent
_PREPARE = 'ip link set lo up && for n in 1 2 3 4; do ip -6 addr add fd00::$n/128 dev lo nodad; done && exec "$@"'


def told_in_a_network_of_its_own(program: str, state: Path) -> dict[str, str]:
    """Return what a program of this folder says of a flow that it carries where fd00::1 to fd00::4 are."""
    command = ["unshare", "--net", "sh", "-c", _PREPARE, "sh", sys.executable, str(_HERE / program), str(state)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=90, cwd=_HERE.parents[1])
    told: dict[str, str] = json.loads(said.stdout)
    return told
