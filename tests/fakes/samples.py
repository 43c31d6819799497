"""One flow of every input protocol and one output of every kind: what the API can carry of our schema."""

from typing import Final

from reconciler.domain.model import (
    Address,
    Credentials,
    Encryption,
    Flow,
    FlowKey,
    FlowSpec,
    FlowState,
    InputSpec,
    Output,
    OutputKey,
    OutputSettings,
    OutputSpec,
    Region,
    RtmpAddress,
    RtmpPullSource,
    RtmpPush,
    Rtp,
    RtspSource,
    Srt,
)
from reconciler.domain.protocols import Protocol, SrtMode
from reconciler.domain.secrets import Secret

REGION: Final = Region("local")
AWAY: Final = Region("eu-frankfurt")
PASSPHRASE: Final = Secret("canary-passphrase-1", version=2)
STREAM_KEY: Final = Secret("canary-key?token=a&b=1", version=1)
PASSWORD: Final = Secret("canary/pass:word@1")


def _flow(name: str, spec: InputSpec) -> Flow:
    flow_spec = FlowSpec(region=REGION, max_bandwidth_bps=20_000_000, state=FlowState.IDLE, input=spec)
    return Flow(key=FlowKey(name), live_name=name, spec=flow_spec)


def _output(
    flow: str,
    name: str,
    protocol: Protocol,
    settings: OutputSettings = None,
    *,
    pulled: bool = False,
) -> Output:
    spec = OutputSpec(
        region=REGION,
        protocol=protocol,
        settings=settings,
        description=f"the {name}",
        allowlist=("203.0.113.0/28",) if pulled else None,
        max_concurrent=2 if pulled else None,
    )
    return Output(key=OutputKey(flow, name), live_name=name, spec=spec)


_ENCRYPTED: Final = Encryption(key_length=32, passphrase=PASSPHRASE)

SRT_FLOW: Final = _flow(
    "srt_in",
    InputSpec(
        protocol=Protocol.SRT,
        settings=Srt(mode=SrtMode.LISTENER, latency_ms=200, stream_id="#!::r=a,m=publish", encryption=_ENCRYPTED),
        description="from the stadium",
        allowlist=("203.0.113.0/28", "2001:db8::/32"),
    ),
)
SRT_CALLER_FLOW: Final = _flow(
    "srt_pull",
    InputSpec(
        protocol=Protocol.SRT,
        settings=Srt(mode=SrtMode.CALLER, peer=Address("camera.example", 9000), peer_idle_timeout_ms=3000),
    ),
)
RTMP_FLOW: Final = _flow("rtmp_in", InputSpec(protocol=Protocol.RTMP, allowlist=()))
RTMP_PULL_FLOW: Final = _flow(
    "rtmp_pull",
    InputSpec(
        protocol=Protocol.RTMP_PULL,
        settings=RtmpPullSource(source=RtmpAddress(url="rtmp://origin.example/live", stream_key=STREAM_KEY)),
    ),
)
RTP_FLOW: Final = _flow(
    "rtp_in", InputSpec(protocol=Protocol.RTP, settings=Rtp(idle_timeout_ms=1500), allowlist=("198.51.100.7/32",))
)
RTSP_FLOW: Final = _flow(
    "rtsp_in",
    InputSpec(
        protocol=Protocol.RTSP,
        settings=RtspSource(
            url="rtsp://camera.example:554/stream?channel=1",
            credentials=Credentials(username="view er", password=PASSWORD),
        ),
    ),
)

SRT_LISTENER: Final = _output(
    "srt_in", "listener", Protocol.SRT, Srt(mode=SrtMode.LISTENER, encryption=_ENCRYPTED), pulled=True
)
SRT_CALLER: Final = _output(
    "srt_in", "caller", Protocol.SRT, Srt(mode=SrtMode.CALLER, latency_ms=1000, peer=Address("198.51.100.9", 9000))
)
RTMP_PUSH: Final = _output(
    "srt_in",
    "push",
    Protocol.RTMP_PUSH,
    RtmpPush(
        destinations=(
            RtmpAddress(url="rtmp://cdn.example/live", stream_key=STREAM_KEY),
            RtmpAddress(url="rtmps://backup.example:443/live", stream_key=Secret("canary-backup")),
        ),
        chunk_size=8192,
    ),
)
RTMP_PULL: Final = _output("rtmp_in", "pull", Protocol.RTMP_PULL, pulled=True)
RTP: Final = _output(
    "rtp_in",
    "tower",
    Protocol.RTP,
    Rtp(destinations=(Address("198.51.100.1", 5000), Address("198.51.100.2", 5002)), idle_timeout_ms=2500),
)
RTSP: Final = _output("rtsp_in", "monitor", Protocol.RTSP, pulled=True)

FLOWS: Final = (SRT_FLOW, SRT_CALLER_FLOW, RTMP_FLOW, RTMP_PULL_FLOW, RTP_FLOW, RTSP_FLOW)
OUTPUTS: Final = (SRT_LISTENER, SRT_CALLER, RTMP_PUSH, RTMP_PULL, RTP, RTSP)
FLOW_OF: Final = {flow.key: flow for flow in FLOWS}
CANARIES: Final = (PASSPHRASE.reveal(), STREAM_KEY.reveal(), PASSWORD.reveal(), "canary")
