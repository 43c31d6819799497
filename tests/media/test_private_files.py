"""Whatever a relay writes is its owner's alone, whatever the umask says."""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from reconciler.cli.audit import record_reveal
from reconciler.relay.service import Relay
from reconciler.relay.settings import RelaySettings
from reconciler.sources.clock import SystemClock
from reconciler.streamlink.client import ClientSettings, StreamLinkClient
from tests.media.watching import until
from tests.unit.relay.calling import output, srt_input, srt_output

pytestmark = [pytest.mark.anyio, pytest.mark.media]

NOBODY: Final = "rtmp://127.0.0.1:9/live"
PUSH: Final = output("push", "RTMP", RTMPSettings={"Destinations": [{"Url": NOBODY, "StreamKey": "canary"}]})
PULLED: Final = {"SourceAddresses": [{"TcUrl": NOBODY, "StreamKey": "canary"}]}
RTP: Final = {"Destinations": [{"Ip": "127.0.0.1", "Port": 9}], "FEC": "none", "IdleTimeout": 5000}
CAMERA: Final = {"SourceAddresses": [{"Url": "rtsp://127.0.0.1:9/camera"}]}
FLOWS: Final[Mapping[str, tuple[dict[str, Any], list[dict[str, Any]]]]] = {
    "srt": (srt_input(Passphrase="canary-canary", PbKeyLen=16), [srt_output(), PUSH]),
    "rtmp": ({"InputName": "camera", "Protocol": "RTMP"}, [output("players", "RTMP_PULL"), PUSH]),
    "rtmp_pull": ({"InputName": "camera", "Protocol": "RTMP_PULL", "RTMPPullSettings": PULLED}, [PUSH]),
    "rtp": ({"InputName": "camera", "Protocol": "RTP"}, [output("far", "RTP", RTPSettings=RTP)]),
    "rtsp": (
        {"InputName": "camera", "Protocol": "RTSP_PULL", "RTSPPullSettings": CAMERA},
        [output("players", "RTSP_PULL")],
    ),
}


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """Hide nothing by the mask of the process, which may be anybody's."""
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> dict[str, str]:
    """Return what is not its owner's alone, with its mode; a socket is guarded by its folder."""
    found = {}
    for path in (folder, *folder.rglob("*")):
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            continue
        allowed = 0o700 if stat.S_ISDIR(mode) else 0o600
        if stat.S_IMODE(mode) & ~allowed and not stat.S_ISSOCK(mode):
            found[str(path.relative_to(folder))] = stat.filemode(mode)
    return found


async def run_all(relay: Relay) -> None:
    """Make and start a flow of every kind."""
    settings = ClientSettings(credentials=relay.credentials, endpoint=relay.address, rate_per_s=100)
    client = StreamLinkClient(settings, clock=SystemClock(), random_fraction=lambda: 0.0)
    for name, (source, outputs) in FLOWS.items():
        wanted = {
            "FlowName": name,
            "MaxBandwidth": 10_000_000,
            "InputGroup": [source],
            "OutputGroup": [{**each, "OutputRegion": "local"} for each in outputs],
        }
        made = (await client.call("CreateStreamLinkFlow", wanted, region="local")).response["Info"]
        await client.call("StartStreamLinkFlow", {"FlowId": made["FlowId"]}, region="local")
    await client.close()


async def test_what_a_relay_writes_is_its_owners_alone(tmp_path: Path) -> None:
    """Every file 0600 and every folder 0700, with all kinds of engines at work, and after they ended."""
    state = tmp_path / "deep" / "state"

    async with Relay(RelaySettings(state=state)) as relay:
        await run_all(relay)
        await relay.settled()
        record_reveal(state, "output/news/tower", SystemClock().now())

        async def all_at_work() -> bool:
            return len({path.parent for path in state.glob("media/*/run/*") if path.is_socket()}) == len(FLOWS)

        await until(all_at_work)
        names = {path.name for path in state.rglob("*")}
        while_running = open_to_others(state)
    afterwards = open_to_others(state)

    assert {"catalogue.sqlite3-wal", "records.sqlite3", "relay.json", "audit.log", "nginx.conf"} <= names
    assert while_running == {}
    assert afterwards == {}
