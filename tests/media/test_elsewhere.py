"""Media that listens on an address of a network, and is reached by the one that was given out."""

import json
import subprocess
import sys
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

import pytest

pytestmark = pytest.mark.media

HERE: Final = Path(__file__).parent
PREPARE: Final = (
    'ip link set lo up && ip addr add 192.0.2.10/32 dev lo && ip -6 addr add fd00::10/128 dev lo nodad && exec "$@"'
)


@pytest.mark.parametrize(
    ("media_host", "advertise"),
    [
        pytest.param(str(IPv4Address(0)), "192.0.2.10", id="every IPv4 address"),
        pytest.param("::", "fd00::10", id="every address"),
        pytest.param("fd00::10", "", id="one IPv6 address"),
        pytest.param("::", "192.0.2.10", id="IPv4 where IPv6 listens"),
    ],
)
def test_every_protocol_is_reached_at_what_was_given_out(tmp_path: Path, media_host: str, advertise: str) -> None:
    """In a network of its own, from addresses of the allowlists: SRT, RTMP, RTP and RTSP answer where they said."""
    program = [sys.executable, str(HERE / "elsewhere.py"), str(tmp_path), media_host, advertise]
    command = ["unshare", "--net", "sh", "-c", PREPARE, "sh", *program]

    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120, cwd=HERE.parents[1])

    told = json.loads(said.stdout.splitlines()[-1])
    assert (told["RTP"], told["RTSP"]) == ("taken", "listens")
    assert min(told["SRT"], told["RTMP"]) >= 50
