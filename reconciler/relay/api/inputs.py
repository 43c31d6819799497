"""What an input must say, and what it means where it says nothing."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from reconciler.relay.api.objects import demand_address, demand_cidrs, demand_one_security, demand_plain
from reconciler.relay.api.refusals import RefusalError
from reconciler.streamlink.codes import Code
from reconciler.streamlink.wire import Mode, WireProtocol

SRT_DEFAULTS: Final[Mapping[str, Any]] = {
    "StreamId": "",
    "Latency": 120,
    "RecvLatency": 120,
    "PeerLatency": 120,
    "PeerIdleTimeout": 5000,
    "Passphrase": "",
    "PbKeyLen": 0,
}
"""Milliseconds and bytes. Source: StreamLink API, CreateInputSRTSettings and CreateOutputSRTSettings."""
RTP_IDLE_TIMEOUT_MS: Final = range(1000, 10_001)
_DEFAULT_IDLE_TIMEOUT_MS: Final = 5000
_BUFFER_TIME_S: Final = range(10, 301)
_RIST_DEFAULTS: Final[Mapping[str, Any]] = {"Mode": Mode.LISTENER.value, "Profile": "MAIN", "Buffer": 120}
_ZONES_WITH_FAILOVER: Final = 2
_SETTINGS: Final = (
    "SRTSettings",
    "RTPSettings",
    "RTMPPullSettings",
    "RTSPPullSettings",
    "HLSPullSettings",
    "RISTSettings",
)


def accept_input(wanted: Mapping[str, Any], *, region: str) -> dict[str, Any]:
    """
    Return the input as it is kept: defaults filled in, settings of other protocols left out.

    Clients send empty settings of other protocols, because the API's Modify demands them; they mean nothing.

    Raises:
        RefusalError: it asks for something that cannot be.

    """
    protocol = WireProtocol(wanted["Protocol"])
    asked = {name: value for name, value in wanted.items() if name not in _SETTINGS and name != "InputId"}
    asked.setdefault("Description", "")
    asked.setdefault("AllowIpList", [])
    asked.setdefault("FailOver", "CLOSE")
    asked.setdefault("InputRegion", region)
    demand_cidrs(asked["AllowIpList"], Code.INPUT)
    _demand_region(asked, region)
    _demand_zones(asked)
    _demand_buffer(asked)
    if protocol in _ACCEPT:
        name, accept = _ACCEPT[protocol]
        asked[name] = accept(wanted.get(name, {}))
    return asked


def _demand_region(asked: Mapping[str, Any], region: str) -> None:
    """An input is where its flow is: the relation of the two is not documented, so nothing else is taken."""
    if asked["InputRegion"] != region:
        raise RefusalError(Code.INPUT, "InputRegion is not the region of the flow (X-TC-Region).")


def _demand_zones(asked: Mapping[str, Any]) -> None:
    zones = asked.get("Zones", [])
    if asked["FailOver"] == "OPEN":
        if zones and len(set(zones)) != _ZONES_WITH_FAILOVER:
            raise RefusalError(Code.INPUT, "Zones takes two different zones when FailOver is OPEN.")
    elif len(zones) > 1:
        raise RefusalError(Code.INPUT, "Zones takes at most one zone when FailOver is CLOSE.")


def _demand_buffer(asked: Mapping[str, Any]) -> None:
    resilient = asked.get("ResilientStream", {})
    if resilient.get("Enable") and resilient.get("BufferTime", _BUFFER_TIME_S[0]) not in _BUFFER_TIME_S:
        raise RefusalError(Code.INPUT, "ResilientStream.BufferTime is not within 10 to 300 seconds.")


def _srt(wanted: Mapping[str, Any]) -> dict[str, Any]:
    srt = {"Mode": Mode.LISTENER.value, **SRT_DEFAULTS, "SourceAddresses": [], "FEC": {"Enable": False}, **wanted}
    demand_one_security(srt, Code.INPUT)
    if srt["Mode"] == Mode.CALLER and not srt["SourceAddresses"]:
        raise RefusalError(Code.INPUT, "SRTSettings.SourceAddresses takes exactly one address when Mode is CALLER.")
    for address in srt["SourceAddresses"]:
        demand_address(address, "SRTSettings.SourceAddresses.0", Code.INPUT)
    return srt


def _rtp(wanted: Mapping[str, Any]) -> dict[str, Any]:
    rtp = {"IdleTimeout": _DEFAULT_IDLE_TIMEOUT_MS, **wanted, "FEC": "none"}
    if rtp["IdleTimeout"] not in RTP_IDLE_TIMEOUT_MS:
        raise RefusalError(Code.INPUT, "RTPSettings.IdleTimeout is not within 1000 to 10000 ms.")
    return rtp


def _rtmp_pull(wanted: Mapping[str, Any]) -> dict[str, Any]:
    source = _only_source(wanted, "RTMPPullSettings")
    demand_plain(source["TcUrl"], "RTMPPullSettings.SourceAddresses.0.TcUrl", Code.INPUT)
    demand_plain(source["StreamKey"], "RTMPPullSettings.SourceAddresses.0.StreamKey", Code.INPUT)
    if not source["TcUrl"].lower().startswith(("rtmp://", "rtmps://")):
        raise RefusalError(Code.INPUT, "RTMPPullSettings.SourceAddresses.0.TcUrl is no rtmp:// or rtmps:// URL.")
    return dict(wanted)


def _url_pull(name: str, schemes: tuple[str, ...]) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    def accept(wanted: Mapping[str, Any]) -> dict[str, Any]:
        source = _only_source(wanted, name)
        demand_plain(source["Url"], f"{name}.SourceAddresses.0.Url", Code.INPUT)
        if not source["Url"].lower().startswith(schemes):
            raise RefusalError(Code.INPUT, f"{name}.SourceAddresses.0.Url is no {schemes[0]} URL.")
        return dict(wanted)

    return accept


def _only_source(wanted: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    sources: list[Mapping[str, Any]] = wanted.get("SourceAddresses", [])
    if len(sources) != 1:
        raise RefusalError(Code.INPUT, f"{name}.SourceAddresses takes exactly one source.")
    return sources[0]


def _rist(wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {**_RIST_DEFAULTS, **wanted}


_ACCEPT: Final[Mapping[WireProtocol, tuple[str, Callable[[Mapping[str, Any]], dict[str, Any]]]]] = {
    WireProtocol.SRT: ("SRTSettings", _srt),
    WireProtocol.RTP: ("RTPSettings", _rtp),
    WireProtocol.RTMP_PULL: ("RTMPPullSettings", _rtmp_pull),
    WireProtocol.RTSP_PULL: ("RTSPPullSettings", _url_pull("RTSPPullSettings", ("rtsp://", "rtsps://"))),
    WireProtocol.HLS_PULL: ("HLSPullSettings", _url_pull("HLSPullSettings", ("https://", "http://"))),
    WireProtocol.RIST: ("RISTSettings", _rist),
}
"""Protocol to its settings, and how these are accepted; RTMP has none, for we are pushed to."""
