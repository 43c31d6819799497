"""What an output must say, and what it means where it says nothing."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from reconciler.relay.api.inputs import SRT_DEFAULTS
from reconciler.relay.api.objects import demand_address, demand_cidrs, demand_one_security, demand_plain
from reconciler.relay.api.refusals import RefusalError
from reconciler.relay.flows import End
from reconciler.streamlink.codes import Code
from reconciler.streamlink.wire import ALLOWED_OUTPUTS, Mode, WireProtocol

DEFAULT_MAX_CONCURRENT: Final = 4
_SETTINGS: Final = ("SRTSettings", "RTMPSettings", "RTPSettings", "RISTSettings")
_MULTI_MESH: Final = "MultiMesh"
_LEAST_ROWS: Final = 2
_ALLOWED_OUTPUTS: Final[Mapping[WireProtocol, tuple[WireProtocol, ...]]] = {
    **ALLOWED_OUTPUTS,
    WireProtocol.RIST: (WireProtocol.RIST,),
}


def allowed_outputs(input_protocol: str) -> tuple[WireProtocol, ...]:
    """
    Return what a flow with this input may feed.

    The sources say nothing of RIST and HLS_PULL inputs. Such flows are kept; a RIST input feeds RIST outputs, an
    HLS_PULL input nothing, because no action can make HLS_PULL outputs.
    """
    return _ALLOWED_OUTPUTS.get(WireProtocol(input_protocol), ())


def allowed_inputs(output_protocols: Iterable[str]) -> tuple[WireProtocol, ...]:
    """Return the inputs that may feed all these outputs."""
    wanted = {WireProtocol(protocol) for protocol in output_protocols}
    return tuple(protocol for protocol in WireProtocol if wanted <= set(allowed_outputs(protocol)))


def accept_output(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the output as it is kept: defaults filled in, settings of other protocols left out.

    Raises:
        RefusalError: it asks for something that cannot be.

    """
    protocol = WireProtocol(wanted["Protocol"])
    asked = {name: value for name, value in wanted.items() if name not in _SETTINGS and name != "OutputId"}
    asked.setdefault("AllowIpList", [])
    asked.setdefault("OutputType", "Internet")
    asked.setdefault("OutputKind", "Pinpoint")
    # 0 is what some clients send for "not said".
    asked["MaxConcurrent"] = asked.get("MaxConcurrent") or DEFAULT_MAX_CONCURRENT
    demand_cidrs(asked["AllowIpList"], Code.OUTPUT)
    if len(asked.get("Zones", [])) > 1:
        raise RefusalError(Code.OUTPUT, "Zones takes at most one zone.")
    if asked.get("PidSelector") and asked.get("StreamSelector"):
        raise RefusalError(Code.OUTPUT, "PidSelector and StreamSelector exclude each other.")
    if protocol in _ACCEPT:
        name, accept = _ACCEPT[protocol]
        asked[name] = accept(wanted.get(name, {}))
    return asked


def demand_feedable(asked: Mapping[str, Any], feed: End | None) -> None:
    """Go on only with an output that the flow's input may feed."""
    allowed = allowed_outputs(feed.protocol) if feed is not None else ()
    if asked["Protocol"] not in allowed:
        source = f"a flow with {feed.protocol} input" if feed is not None else "a flow without input"
        feeds = ", ".join(allowed) or "nothing"
        raise RefusalError(Code.PROTOCOL, f"{source} cannot feed {asked['Protocol']} outputs; it feeds {feeds}.")


def demand_place(asked: Mapping[str, Any], siblings: Iterable[End], regions: Iterable[str]) -> None:
    """Go on only with an output whose region exists, and that is the only MultiMesh output of its flow there."""
    if asked["OutputRegion"] not in regions:
        raise RefusalError(Code.OUTPUT, "OutputRegion is none of those that DescribeStreamLinkRegions lists.")
    if asked["OutputKind"] != _MULTI_MESH:
        return
    for sibling in siblings:
        if sibling.asked["OutputKind"] == _MULTI_MESH and sibling.asked["OutputRegion"] == asked["OutputRegion"]:
            raise RefusalError(Code.EXCEEDED_QUANTITY_LIMIT, "A flow has at most one MultiMesh output in a region.")


def _srt(wanted: Mapping[str, Any]) -> dict[str, Any]:
    srt = {"Mode": Mode.CALLER.value, **SRT_DEFAULTS, "Destinations": [], "FEC": {"Enable": False}, **wanted}
    demand_one_security(srt, Code.OUTPUT)
    if srt["Mode"] == Mode.CALLER and not srt["Destinations"]:
        raise RefusalError(Code.OUTPUT, "SRTSettings.Destinations takes exactly one address when Mode is CALLER.")
    for address in srt["Destinations"]:
        demand_address(address, "SRTSettings.Destinations.0", Code.OUTPUT)
    _demand_fec(srt["FEC"])
    return srt


def _demand_fec(fec: Mapping[str, Any]) -> None:
    if not fec.get("Enable"):
        return
    if fec.get("Cols", 1) < 1 or abs(fec.get("Rows", _LEAST_ROWS)) < _LEAST_ROWS:
        raise RefusalError(Code.OUTPUT, "SRTSettings.FEC takes Cols above 0, and Rows of at least 2 or at most -2.")


def _rtmp(wanted: Mapping[str, Any]) -> dict[str, Any]:
    for index, destination in enumerate(_demand_destinations(wanted, "RTMPSettings")):
        demand_plain(destination["Url"], f"RTMPSettings.Destinations.{index}.Url", Code.OUTPUT)
        demand_plain(destination["StreamKey"], f"RTMPSettings.Destinations.{index}.StreamKey", Code.OUTPUT)
    return dict(wanted)


def _rtp(wanted: Mapping[str, Any]) -> dict[str, Any]:
    for index, destination in enumerate(_demand_destinations(wanted, "RTPSettings")):
        demand_address(destination, f"RTPSettings.Destinations.{index}", Code.OUTPUT)
    return dict(wanted)


def _demand_destinations(wanted: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    destinations: list[dict[str, Any]] = wanted.get("Destinations", [])
    if not destinations:
        raise RefusalError(Code.OUTPUT, f"{name}.Destinations takes one or two destinations.")
    return destinations


def _rist(wanted: Mapping[str, Any]) -> dict[str, Any]:
    rist = {"Mode": Mode.LISTENER.value, "Profile": "MAIN", "Buffer": 120, **wanted}
    if rist["Mode"] == Mode.CALLER:
        raise RefusalError(Code.OUTPUT, "RISTSettings.Mode CALLER has no field for its destination; use LISTENER.")
    return rist


_ACCEPT: Final[Mapping[WireProtocol, tuple[str, Callable[[Mapping[str, Any]], dict[str, Any]]]]] = {
    WireProtocol.SRT: ("SRTSettings", _srt),
    WireProtocol.RTMP: ("RTMPSettings", _rtmp),
    WireProtocol.RTP: ("RTPSettings", _rtp),
    WireProtocol.RIST: ("RISTSettings", _rist),
}
"""Protocol to its settings, and how these are accepted; the pulled ones need none."""
