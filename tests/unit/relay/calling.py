"""A control plane without a server: requests go straight into the application, signed as a client signs them."""

import json
from collections.abc import AsyncIterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx

from reconciler.relay.addresses import Ports
from reconciler.relay.api.app import create_app
from reconciler.relay.api.calls import Handler
from reconciler.relay.api.door import Door
from reconciler.relay.api.table import carry_out
from reconciler.relay.carriage import Carriage
from reconciler.relay.catalogue import Catalogue
from reconciler.relay.editing import EditRules
from reconciler.relay.engines.none import NoMedia
from reconciler.relay.giving import Giver
from reconciler.relay.ids import IdMaker
from reconciler.relay.plane import ControlPlane
from reconciler.streamlink.signing import Credentials, SignedParts, signed_headers

KEYS: Final = Credentials(secret_id="AKIDTESTS", secret_key="canary-secret-key")
HOST: Final = "127.0.0.1:8080"
NOW_S: Final = 1_700_000_000.0
VERSIONS: Final = {"mps": "2019-06-12", "mdc": "2020-08-28"}

Json = dict[str, Any]


class Api:
    """Speaks to one control plane."""

    def __init__(self, plane: ControlPlane, door: Door | None = None, *, handler: Handler = carry_out) -> None:
        self.plane = plane
        app = create_app(plane, door or Door(credentials=KEYS, now_s=lambda: NOW_S), handler=handler)
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url=f"http://{HOST}"
        )

    async def close(self) -> None:
        """Let go of the application."""
        await self._http.aclose()

    def headers(self, action: str, body: bytes, **parts: Any) -> dict[str, str]:
        """Return the headers of a well-signed request."""
        chosen: dict[str, Any] = {"service": "mps", "region": "ap-singapore", "timestamp_s": int(NOW_S), **parts}
        chosen.setdefault("version", VERSIONS.get(chosen["service"], ""))
        return signed_headers(SignedParts(host=HOST, action=action, body=body, **chosen), KEYS)

    async def send(
        self, headers: Mapping[str, str], body: bytes, *, method: str = "POST", path: str = "/"
    ) -> httpx.Response:
        """Send a request as it is."""
        return await self._http.request(method, path, headers=dict(headers), content=body)

    async def send_raw(self, headers: Sequence[tuple[str, str]], body: bytes) -> Json:
        """Send headers that may be there twice; return what is inside `Response`."""
        answer = await self._http.request("POST", "/", headers=list(headers), content=body)
        response: Json = answer.json()["Response"]
        return response

    async def stream(self, headers: Mapping[str, str], body: AsyncIterable[bytes]) -> Json:
        """Send a body in pieces; return what is inside `Response`."""
        answer = await self._http.request("POST", "/", headers=dict(headers), content=body)
        response: Json = answer.json()["Response"]
        return response

    async def call(self, action: str, payload: Any = None, **parts: Any) -> Json:
        """Return what is inside `Response`, an `Error` included."""
        body = json.dumps({} if payload is None else payload).encode()
        answer = await self.send(self.headers(action, body, **parts), body)
        response: Json = answer.json()["Response"]
        return response

    async def done(self, action: str, payload: Any = None, **parts: Any) -> Json:
        """Return the answer of a call that must succeed."""
        response = await self.call(action, payload, **parts)
        assert "Error" not in response, response
        return response

    async def code(self, action: str, payload: Any = None, **parts: Any) -> str:
        """Return the code that a call is refused with; "" when it is not."""
        response = await self.call(action, payload, **parts)
        code: str = response.get("Error", {}).get("Code", "")
        return code

    async def create_flow(self, **members: Any) -> Json:
        """Make a flow with an SRT input, or as the members say; return it."""
        payload = {"FlowName": "news", "MaxBandwidth": 10_000_000, "InputGroup": [srt_input()], **members}
        info: Json = (await self.done("CreateStreamLinkFlow", payload))["Info"]
        return info

    async def describe(self, flow: Json) -> Json:
        """Return the flow as it is now."""
        info: Json = (await self.done("DescribeStreamLinkFlow", {"FlowId": flow["FlowId"]}))["Info"]
        return info

    async def add(self, flow: Json, output: Json) -> Json:
        """Add an output to the flow; return it."""
        info: Json = (await self.done("CreateStreamLinkOutputInfo", {"FlowId": flow["FlowId"], "Output": output}))[
            "Info"
        ]
        return info


def srt_input(**settings: Any) -> Json:
    """Return an SRT listener input."""
    return {"InputName": "camera", "Protocol": "SRT", "SRTSettings": settings}


def srt_output(name: str = "tower", **settings: Any) -> Json:
    """Return an SRT listener output."""
    return output(name, "SRT", SRTSettings={"Mode": "LISTENER", "Destinations": [], **settings})


def output(name: str, protocol: str, **members: Any) -> Json:
    """Return an output of any protocol."""
    return {
        "OutputName": name,
        "Description": "",
        "Protocol": protocol,
        "OutputRegion": "eu-frankfurt",
        **members,
    }


CALLED: Final = {"Ip": "tower.example", "Port": 9000}
CODE: Final = "InvalidParameter"
RTMP: Final = {"Destinations": [{"Url": "rtmp://cdn.example/live", "StreamKey": "canary"}]}
RTP: Final = {"Destinations": [CALLED], "FEC": "none", "IdleTimeout": 5000}


def an_input(protocol: str, **members: object) -> Json:
    """Return an input of any protocol."""
    return {"InputName": "camera", "Protocol": protocol, **members}


RTMP_SOURCE: Final = {"SourceAddresses": [{"TcUrl": "rtmp://studio.example/live", "StreamKey": "canary"}]}
RTSP_SOURCE: Final = {"SourceAddresses": [{"Url": "rtsp://camera.example/1"}]}
INPUTS: Final = {
    "SRT": srt_input(),
    "RTMP": an_input("RTMP"),
    "RTMP_PULL": an_input("RTMP_PULL", RTMPPullSettings=RTMP_SOURCE),
    "RTP": an_input("RTP"),
    "RTSP_PULL": an_input("RTSP_PULL", RTSPPullSettings=RTSP_SOURCE),
    "RIST": an_input("RIST"),
    "HLS_PULL": an_input("HLS_PULL", HLSPullSettings={"SourceAddresses": [{"Url": "https://origin.example/a.m3u8"}]}),
}
OUTPUTS: Final = {
    "SRT": srt_output(),
    "RTMP": output("push", "RTMP", RTMPSettings=RTMP),
    "RTMP_PULL": output("pull", "RTMP_PULL"),
    "RTP": output("rtp", "RTP", RTPSettings=RTP),
    "RTSP_PULL": output("rtsp", "RTSP_PULL"),
    "RIST": output("rist", "RIST"),
    "HLS_PULL": output("hls", "HLS_PULL"),
}


def modified(flow: Json, **members: object) -> Json:
    """Return what Modify demands of the flow's input, and the members."""
    found = flow["InputGroup"][0]
    demanded = {"InputId": found["InputId"], "InputName": found["InputName"], "Description": "", "AllowIpList": []}
    return {"FlowId": flow["FlowId"], "Input": {**demanded, "SRTSettings": {}, "RTPSettings": {}, **members}}


async def make_plane(
    directory: Path,
    *,
    carriage: Carriage | None = None,
    rules: EditRules = EditRules.LIVE_2023,
    ports: range | None = None,
) -> ControlPlane:
    """Return a control plane over the catalogue of a directory."""
    catalogue = await Catalogue.open(directory)
    numbers = count(1)

    def random_bytes(length: int) -> bytes:
        return next(numbers).to_bytes(length)

    given = Ports("127.0.0.1", ports) if ports is not None else Ports("127.0.0.1")
    giver = Giver(given, random_bytes)
    giver.remember(catalogue.flows())
    return ControlPlane(
        catalogue=catalogue,
        carriage=carriage if carriage is not None else Carriage(NoMedia()),
        giver=giver,
        ids=IdMaker(lambda: NOW_S, random_bytes),
        regions=("ap-singapore", "eu-frankfurt"),
        known_regions=("ap-singapore", "eu-frankfurt", "na-ashburn"),
        host="127.0.0.1",
        now_s=lambda: NOW_S,
        edit_rules=rules,
    )
