"""A relay on an address of a network, as other machines meet it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.certificates import make_authority, make_certificate

HERE: Final = Path(__file__).parent
PREPARE: Final = 'ip link set lo up && ip addr add 192.0.2.10/32 dev lo && exec "$@"'


def test_a_relay_on_a_network(tmp_path: Path) -> None:
    """In a network of its own: who is believed, and what an overheard request is good for, over a restart too."""
    make_certificate(tmp_path, make_authority(tmp_path), "IP:192.0.2.10")
    program = [sys.executable, str(HERE / "off_loopback.py"), str(tmp_path)]
    command = ["unshare", "--net", "sh", "-c", PREPARE, "sh", *program]

    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120, cwd=HERE.parents[1])

    assert json.loads(said.stdout) == {
        "status of the found relay": 0,
        "status with its authority": 0,
        "status without": 7,
        "official SDK": "AuthFailure.InvalidAuthorization",
        "the same write again": "AuthFailure.SignatureExpire",
        "a read": "",
        "the read sent as a delete": "AuthFailure.SignatureFailure",
        "a delete": "",
        "status in the clear": 0,
        "official SDK, accepted": "0 flows",
        "the writes after restarts": ["AuthFailure.SignatureExpire", "AuthFailure.SignatureExpire"],
        "flows": 0,
    }
