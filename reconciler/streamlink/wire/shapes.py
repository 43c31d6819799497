"""What inputs and outputs look like, as they are sent."""

from typing import Final

from reconciler.streamlink.codes import Code
from reconciler.streamlink.wire.checking import Field, Kind, Shape
from reconciler.streamlink.wire.words import BOTH, MAINLAND_ONLY, Mode, Profile, WireProtocol

_LATENCY_MS: Final = range(3001)
_TIMEOUT_MS: Final = range(1000, 10_001)
_PORTS: Final = range(1, 65_536)
_PASSPHRASE: Final = r"|[\x20-\x7e]{10,79}"  # noqa: S105 -- a pattern, not a secret.
"""Empty for no encryption."""
_INPUT_NAME: Final = r"[A-Za-z0-9_]{1,32}"
NAME_LENGTHS: Final = range(1, 129)
"""Of flows and outputs. The service documents none; this is what the relay takes."""
_DESCRIPTION_LENGTHS: Final = range(256)
_PIDS: Final = range(1, 8192)
_ONE: Final = range(1, 2)
_AT_MOST_ONE: Final = range(2)
_ONE_OR_TWO: Final = range(1, 3)
_PROTOCOLS: Final = tuple(WireProtocol)
_MODES: Final = tuple(Mode)

_ADDRESS: Final = Shape(
    "address",
    (
        Field(name="Ip", required=True, lengths=range(1, 256)),
        Field(name="Port", kind=Kind.INT, required=True, values=_PORTS),
    ),
)
_URL: Final = Shape("URL source", (Field(name="Url", required=True, lengths=range(1, 2049)),))
_RTMP_SOURCE: Final = Shape(
    "RTMP source",
    (
        Field(name="TcUrl", required=True, lengths=range(1, 2049)),
        Field(name="StreamKey", required=True, lengths=range(1, 2049)),
    ),
)
_RTMP_DESTINATION: Final = Shape(
    "RTMP destination",
    (
        Field(name="Url", required=True, pattern=r"rtmps?://\S{1,2040}"),
        Field(name="StreamKey", required=True, lengths=range(2049)),
    ),
)
_COMMON_SRT: Final = (
    Field(name="Mode", choices=_MODES),
    Field(name="StreamId", pattern=r"[A-Za-z0-9.#!:&,=_-]{0,512}"),
    Field(name="Latency", kind=Kind.INT, values=_LATENCY_MS),
    Field(name="RecvLatency", kind=Kind.INT, values=_LATENCY_MS),
    Field(name="PeerLatency", kind=Kind.INT, values=_LATENCY_MS),
    Field(name="PeerIdleTimeout", kind=Kind.INT, values=_TIMEOUT_MS),
    Field(name="Passphrase", pattern=_PASSPHRASE),
    Field(name="PbKeyLen", kind=Kind.INT, choices=(0, 16, 24, 32)),
)
_SIMPLE_FEC: Final = Shape("FEC", (Field(name="Enable", kind=Kind.BOOL),))
_FULL_FEC: Final = Shape(
    "FEC",
    (
        Field(name="Enable", kind=Kind.BOOL),
        Field(name="Cols", kind=Kind.INT),
        Field(name="Rows", kind=Kind.INT),
        Field(name="ARQ", choices=("always", "onreq", "never")),
        Field(name="Layout", choices=("even", "staircase")),
    ),
)
INPUT_SRT: Final = Shape(
    "SRTSettings",
    (
        *_COMMON_SRT,
        Field(name="SourceAddresses", kind=_ADDRESS, many=True, items=_AT_MOST_ONE),
        Field(name="FEC", kind=_SIMPLE_FEC),
    ),
)
OUTPUT_SRT: Final = Shape(
    "SRTSettings",
    (
        Field(name="Destinations", kind=_ADDRESS, many=True, required=True, items=_AT_MOST_ONE),
        *_COMMON_SRT,
        Field(name="FEC", kind=_FULL_FEC),
    ),
)
INPUT_RTP: Final = Shape(
    "RTPSettings",
    (
        Field(name="FEC", choices=("none", "")),
        # 0 is what the vendor's own examples send where the input has another protocol.
        Field(name="IdleTimeout", kind=Kind.INT, values=range(10_001)),
    ),
)
OUTPUT_RTP: Final = Shape(
    "RTPSettings",
    (
        Field(name="Destinations", kind=_ADDRESS, many=True, required=True, items=_ONE_OR_TWO),
        Field(name="FEC", required=True, choices=("none",)),
        Field(name="IdleTimeout", kind=Kind.INT, required=True, values=_TIMEOUT_MS),
    ),
)
OUTPUT_RTMP: Final = Shape(
    "RTMPSettings",
    (
        Field(name="Destinations", kind=_RTMP_DESTINATION, many=True, required=True, items=_ONE_OR_TWO),
        Field(name="ChunkSize", kind=Kind.INT, values=range(4096, 40_961)),
    ),
)
RTMP_PULL_SOURCE: Final = Shape(
    "RTMPPullSettings",
    (Field(name="SourceAddresses", kind=_RTMP_SOURCE, many=True, required=True, items=_ONE),),
)
URL_PULL_SOURCE: Final = Shape(
    "pull settings", (Field(name="SourceAddresses", kind=_URL, many=True, required=True, items=_ONE),)
)
_RIST_TUNING: Final = (
    Field(name="Profile", choices=("MAIN", "SIMPLE")),
    Field(name="Buffer", kind=Kind.INT, values=range(50, 5001)),
)
INPUT_RIST: Final = Shape("RISTSettings", (Field(name="Mode", choices=(Mode.LISTENER,)), *_RIST_TUNING))
OUTPUT_RIST: Final = Shape("RISTSettings", (Field(name="Mode", choices=_MODES), *_RIST_TUNING))
_RESILIENT: Final = Shape(
    "ResilientStream",
    (Field(name="Enable", kind=Kind.BOOL), Field(name="BufferTime", kind=Kind.INT, values=range(301))),
)
_FAIL_OVER: Final = Shape("FailOverOption", (Field(name="FailOverType", choices=("COLDSTANDBY", "HOTSTANDBY")),))
_PID_SELECTOR: Final = Shape(
    "PidSelector",
    (
        Field(name="AudioPID", kind=Kind.INT, many=True, values=_PIDS),
        Field(name="VideoPID", kind=Kind.INT, many=True, values=_PIDS),
    ),
)
_STREAM_SELECTOR: Final = Shape(
    "StreamSelector",
    (
        Field(name="SelectorType", choices=("PID", "TRACK")),
        Field(name="PidSelector", kind=_PID_SELECTOR),
        Field(
            name="TrackSelector",
            kind=Shape(
                "TrackSelector",
                (
                    Field(name="VideoIndex", kind=Kind.INT, many=True, values=range(1, 1_000_001)),
                    Field(name="AudioIndex", kind=Kind.INT, many=True, values=range(1, 1_000_001)),
                ),
            ),
        ),
    ),
)
_PLACEMENT: Final = (
    Field(name="SecurityGroupIds", many=True),
    Field(name="Zones", many=True, items=range(3)),
)
_INPUT_EXTRAS: Final = (
    Field(name="FailOver", choices=("OPEN", "CLOSE")),
    Field(name="FailOverOption", kind=_FAIL_OVER),
    Field(name="RTMPPullSettings", kind=RTMP_PULL_SOURCE),
    Field(name="RTSPPullSettings", kind=URL_PULL_SOURCE),
    Field(name="HLSPullSettings", kind=URL_PULL_SOURCE),
    Field(name="ResilientStream", kind=_RESILIENT),
    *_PLACEMENT,
    Field(name="RISTSettings", kind=INPUT_RIST),
)

CREATE_INPUT: Final = Shape(
    "CreateInput",
    (
        Field(name="InputName", required=True, pattern=_INPUT_NAME, code=Code.NAME),
        Field(name="Protocol", required=True, choices=_PROTOCOLS),
        Field(name="Description", lengths=_DESCRIPTION_LENGTHS),
        Field(name="AllowIpList", many=True),
        Field(name="SRTSettings", kind=INPUT_SRT),
        Field(name="RTPSettings", kind=INPUT_RTP),
        *_INPUT_EXTRAS,
        Field(name="InputRegion", profiles=MAINLAND_ONLY),
    ),
)
MODIFY_INPUT: Final = Shape(
    "ModifyInput",
    (
        Field(name="InputId", required=True, code=Code.ID),
        Field(name="InputName", required=True, pattern=_INPUT_NAME),
        Field(name="Description", required=True, lengths=_DESCRIPTION_LENGTHS),
        Field(name="AllowIpList", many=True, required=True),
        Field(name="SRTSettings", kind=INPUT_SRT, required=True),
        Field(name="RTPSettings", kind=INPUT_RTP, required=True),
        Field(name="Protocol", choices=_PROTOCOLS, code=Code.PROTOCOL),
        *_INPUT_EXTRAS,
        Field(name="InputRegion"),
    ),
)
_OUTPUT_TYPES: Final = ("Internet", "TencentCSS", "StreamLive")
_OUTPUT_KINDS: Final = ("Pinpoint", "MultiMesh")
_OUTPUT_COMMON: Final = (
    Field(name="OutputName", required=True, lengths=NAME_LENGTHS, code=Code.NAME),
    Field(name="Description", required=True, lengths=_DESCRIPTION_LENGTHS),
    Field(name="Protocol", required=True, choices=_PROTOCOLS, code=Code.PROTOCOL),
    Field(name="SRTSettings", kind=OUTPUT_SRT),
    Field(name="RTMPSettings", kind=OUTPUT_RTMP),
    Field(name="RTPSettings", kind=OUTPUT_RTP),
    Field(name="AllowIpList", many=True),
    # 0 is what other clients send where nobody pulls.
    Field(name="MaxConcurrent", kind=Kind.INT, values=range(5)),
    *_PLACEMENT,
)


def _late_fields(profiles: frozenset[Profile]) -> tuple[Field, ...]:
    """Return what the international product has on Modify alone."""
    return (
        Field(name="OutputType", choices=_OUTPUT_TYPES, profiles=profiles),
        Field(name="OutputKind", choices=_OUTPUT_KINDS, profiles=profiles),
        Field(name="RISTSettings", kind=OUTPUT_RIST, profiles=profiles),
        Field(name="PidSelector", kind=_PID_SELECTOR, profiles=profiles),
        Field(name="StreamSelector", kind=_STREAM_SELECTOR, profiles=profiles),
    )


CREATE_OUTPUT: Final = Shape(
    "CreateOutputInfo",
    (
        *_OUTPUT_COMMON,
        Field(name="OutputRegion", required=True, lengths=range(1, 65)),
        *_late_fields(MAINLAND_ONLY),
    ),
)
MODIFY_OUTPUT: Final = Shape(
    "ModifyOutputInfo",
    (Field(name="OutputId", required=True, code=Code.OUTPUT_ID), *_OUTPUT_COMMON, *_late_fields(BOTH)),
)
