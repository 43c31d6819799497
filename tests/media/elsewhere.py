"""A program that runs a relay whose media listens on some address, and says what arrives at the ones it gave out."""

import asyncio
import json
import socket
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from reconciler.domain.secrets import Secret
from reconciler.media.probe import Receiver, RtmpSource
from reconciler.media.signal import RtmpTarget
from reconciler.media.srt import SrtSocket
from reconciler.relay.service import Relay
from reconciler.relay.settings import RelaySettings
from reconciler.sources.clock import SystemClock
from reconciler.streamlink.client import ClientSettings, StreamLinkClient
from tests.media.watching import SCENE_S, signal, until
from tests.unit.relay.calling import output, srt_input, srt_output

FRAMES: Final = 50
HERE: Final = ["192.0.2.0/24", "fd00::/64"]
RTSP_SOURCE: Final = {"SourceAddresses": [{"Url": "rtsp://127.0.0.1:9/camera"}]}
FLOWS: Final[dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "SRT": (srt_input(), srt_output()),
    "RTMP": ({"InputName": "camera", "Protocol": "RTMP"}, output("players", "RTMP_PULL")),
    "RTP": (
        {"InputName": "camera", "Protocol": "RTP"},
        output(
            "far",
            "RTP",
            RTPSettings={"Destinations": [{"Ip": "127.0.0.1", "Port": 9}], "FEC": "none", "IdleTimeout": 5000},
        ),
    ),
    "RTSP": (
        {"InputName": "camera", "Protocol": "RTSP_PULL", "RTSPPullSettings": RTSP_SOURCE},
        output("players", "RTSP_PULL"),
    ),
}


async def made(client: StreamLinkClient, name: str) -> tuple[Any, Any]:
    """Make and start a flow; return its input and its output as they are described."""
    source, out = FLOWS[name]
    wanted = {
        "FlowName": name,
        "MaxBandwidth": 10_000_000,
        "InputGroup": [{**source, "AllowIpList": HERE}],
        "OutputGroup": [{**out, "AllowIpList": HERE, "OutputRegion": "local"}],
    }
    flow = (await client.call("CreateStreamLinkFlow", wanted, region="local")).response["Info"]
    await client.call("StartStreamLinkFlow", {"FlowId": flow["FlowId"]}, region="local")
    return flow["InputGroup"][0], flow["OutputGroup"][0]


async def srt(client: StreamLinkClient) -> int:
    """Return the frames that came through an SRT flow."""
    source, out = await made(client, "SRT")
    (publish,), (play,) = source["InputAddressList"], out["SRTSettings"]["SourceAddresses"]
    async with (
        signal(SrtSocket(listens=False, host=publish["Ip"], port=publish["Port"])),
        Receiver(SrtSocket(listens=False, host=play["Ip"], port=play["Port"])) as receiver,
    ):
        return (await receiver.frames(FRAMES)).frames


async def rtmp(client: StreamLinkClient) -> int:
    """Return the frames that came through an RTMP flow."""
    source, out = await made(client, "RTMP")
    url, _, key = source["StreamUrls"][0]["Url"].rpartition("/")
    (play,) = out["RTMPPullSettings"]["ServerUrls"]
    async with (
        signal(RtmpTarget(url=url, stream_key=Secret(key))),
        Receiver(RtmpSource(listens=False, url=play["TcUrl"], stream_key=Secret(play["StreamKey"]))) as receiver,
    ):
        return (await receiver.frames(FRAMES)).frames


async def rtp(client: StreamLinkClient) -> str:
    """Return whether somebody takes datagrams at the RTP input."""
    source, _ = await made(client, "RTP")
    (publish,) = source["InputAddressList"]
    with socket.socket(socket.AF_INET6 if ":" in publish["Ip"] else socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect((publish["Ip"], publish["Port"]))

        async def taken() -> bool:
            # The kernel says with the second one that nobody took the first.
            try:
                return [sender.send(b"\x80\x21" + bytes(10)) for _ in range(2)] == [12, 12]
            except ConnectionRefusedError:
                return False

        await until(taken)
    return "taken"


async def rtsp(client: StreamLinkClient) -> str:
    """Return whether somebody listens at the RTSP output."""
    _, out = await made(client, "RTSP")
    url = urlsplit(out["RTSPPullSettings"]["ServerUrls"][0]["Url"])

    async def listens() -> bool:
        try:
            _, writer = await asyncio.open_connection(url.hostname, url.port)
        except ConnectionRefusedError:
            return False
        writer.close()
        return True

    await until(listens)
    return "listens"


async def main(state: Path, media_host: str, advertise: str) -> None:
    """Print what came of each."""
    async with (
        asyncio.timeout(SCENE_S),
        Relay(RelaySettings(state=state, media_host=media_host, advertise=advertise)) as relay,
    ):
        settings = ClientSettings(credentials=relay.credentials, endpoint=relay.address)
        client = StreamLinkClient(settings, clock=SystemClock(), random_fraction=lambda: 0.0)
        told = {
            "RTP": await rtp(client),
            "RTSP": await rtsp(client),
            "SRT": await srt(client),
            "RTMP": await rtmp(client),
        }
        await client.close()
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
