"""What the API is asked for: inputs and outputs, in its words."""

from typing import Any, Final

from benchmarks.stage.relay import REGION, Json, StagedRelay

HERE: Final = "127.0.0.1"
_RTP: Final = {"FEC": "none", "IdleTimeout": 5000}


def latency(milliseconds: int) -> Json:
    """Return a latency as the API has it, thrice."""
    return dict.fromkeys(("Latency", "RecvLatency", "PeerLatency"), milliseconds)


def secured(passphrase: str, key_length: int) -> Json:
    """Return the settings of an encrypted SRT end; nothing without a passphrase."""
    return {"Passphrase": passphrase, "PbKeyLen": key_length} if passphrase else {}


def source(protocol: str, **settings: Any) -> Json:
    """Return an input."""
    return {"InputName": "in", "Description": "", "Protocol": protocol, **settings}


def output(name: str, protocol: str, **settings: Any) -> Json:
    """Return an output."""
    return {"OutputName": name, "Description": "", "Protocol": protocol, "OutputRegion": REGION, **settings}


def srt_listener(name: str, **settings: Any) -> Json:
    """Return an SRT output that is called."""
    return output(name, "SRT", SRTSettings={"Mode": "LISTENER", "Destinations": [], **settings})


def srt_caller(name: str, port: int, **settings: Any) -> Json:
    """Return an SRT output that calls a port of this machine."""
    return output(name, "SRT", SRTSettings={"Mode": "CALLER", "Destinations": [{"Ip": HERE, "Port": port}], **settings})


def push(name: str, *destinations: tuple[str, str]) -> Json:
    """Return an output that pushes to one or two RTMP addresses, each a URL and a stream key."""
    return output(
        name, "RTMP", RTMPSettings={"Destinations": [{"Url": url, "StreamKey": key} for url, key in destinations]}
    )


def rtp(name: str, *destinations: tuple[str, int]) -> Json:
    """Return an output that sends RTP to one or two addresses."""
    return output(
        name, "RTP", RTPSettings={"Destinations": [{"Ip": ip, "Port": port} for ip, port in destinations], **_RTP}
    )


def rtp_source() -> Json:
    """Return an input that RTP is sent to."""
    return source("RTP", RTPSettings=_RTP)


def rtsp_source(port: int) -> Json:
    """Return an input that pulls from a port of this machine, at `/live`."""
    return source("RTSP_PULL", RTSPPullSettings={"SourceAddresses": [{"Url": f"rtsp://{HERE}:{port}/live"}]})


class Account:
    """Makes and changes flows of a relay."""

    def __init__(self, relay: StagedRelay) -> None:
        self._relay = relay

    async def running(self, name: str, wanted: Json, outputs: list[Json]) -> Json:
        """Make a flow with its outputs, start it, and return it as it is read."""
        made = await self._relay.call(
            "CreateStreamLinkFlow", FlowName=name, MaxBandwidth=10_000_000, InputGroup=[wanted]
        )
        flow_id = made["Info"]["FlowId"]
        for each in outputs:
            await self.add(flow_id, each)
        await self._relay.call("StartStreamLinkFlow", FlowId=flow_id)
        return await self.read(flow_id)

    async def read(self, flow_id: str) -> Json:
        """Return a flow as it is."""
        info: Json = (await self._relay.call("DescribeStreamLinkFlow", FlowId=flow_id))["Info"]
        return info

    async def add(self, flow_id: str, wanted: Json) -> Json:
        """Add an output, and return it as it is read."""
        info: Json = (await self._relay.call("CreateStreamLinkOutputInfo", FlowId=flow_id, Output=wanted))["Info"]
        return info

    async def edit(self, flow_id: str, output_id: str, wanted: Json) -> Json:
        """Turn an output into another form of it, and return it as it is read."""
        members = {name: value for name, value in wanted.items() if name != "OutputRegion"}
        answer = await self._relay.call(
            "ModifyStreamLinkOutputInfo", FlowId=flow_id, Output={**members, "OutputId": output_id}
        )
        info: Json = answer["Info"]
        return info

    async def remove(self, flow_id: str, output_id: str) -> None:
        """Delete an output."""
        await self._relay.call("DeleteStreamLinkOutput", FlowId=flow_id, OutputId=output_id)
