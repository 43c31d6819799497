"""An edit changes what is managed, and sends everything else back as it was."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.domain.errors import RejectedError, SecretUnavailableError, UnresolvedLinkError
from reconciler.domain.marks import Mark, Owner
from reconciler.domain.model import Encryption, FlowKey, FlowLink, Output, RtmpPush, Srt
from reconciler.domain.protocols import SrtMode
from reconciler.domain.secrets import HIDDEN, SecretRef, SecretSource
from reconciler.streamlink.translate import edit, encode
from reconciler.streamlink.wire import ACTIONS, Profile, check
from tests.fakes.samples import FLOWS, OUTPUTS, RTMP_FLOW, RTMP_PUSH, RTSP_FLOW, SRT_CALLER, SRT_FLOW, SRT_LISTENER

MARK = Mark(owner=Owner("us"), name="tower", secret_versions=3)
FOREIGN: dict[str, Any] = {
    "OutputType": "TencentCSS",
    "OutputKind": "MultiMesh",
    "SecurityGroupIds": ["sg-1"],
    "Zones": ["zone-1"],
    "StreamSelector": {"SelectorType": "TRACK", "PidSelector": None, "TrackSelector": {"AudioIndex": [2]}},
}
READ_ONLY: dict[str, Any] = {
    "OutputAddressList": [{"Ip": "192.0.2.1"}],
    "OutputRegion": "local",
    "RTMPPullSettings": {"ServerUrls": []},
    "StreamUrls": [],
    "State": "ENABLED",
    "PidSelector": {"AudioPID": [1], "VideoPID": []},
    "RISTSettings": None,
}
FOUND_OUTPUT: dict[str, Any] = {
    "OutputId": "o",
    "OutputName": "former",
    "Description": "former [gitops:v1 o=us n=tower p t]",
    "Protocol": "SRT",
    "AllowIpList": ["10.0.0.0/8"],
    "MaxConcurrent": 3,
    "SRTSettings": {
        "Mode": "CALLER",
        "Destinations": [{"Ip": "former.example", "Port": 1}],
        "SourceAddresses": [{"Ip": "192.0.2.1", "Port": 2}],
        "Latency": 1,
        "FEC": {"Enable": True, "Cols": 10, "Rows": 5, "ARQ": "onreq", "Layout": "even"},
    },
    "RTPSettings": {"Destinations": [], "FEC": "", "IdleTimeout": 0},
    **FOREIGN,
    **READ_ONLY,
}


def modified(wanted: Output, **changes: Any) -> dict[str, Any]:
    """Return the output that an edit sends."""
    request = edit.modify_output("f", FOUND_OUTPUT | changes, wanted, MARK, Profile.MAINLAND)
    assert check(ACTIONS["ModifyStreamLinkOutputInfo"].request, request) == ()
    output: dict[str, Any] = request["Output"]
    return output


def test_what_is_not_managed_goes_back_as_it_was() -> None:
    """Security groups, zones, selectors and FEC survive an edit of the latency."""
    sent = modified(SRT_CALLER)

    selector = {"SelectorType": "TRACK", "TrackSelector": {"AudioIndex": [2]}}
    assert {name: sent[name] for name in FOREIGN} == FOREIGN | {"StreamSelector": selector}
    assert sent["SRTSettings"]["FEC"] == FOUND_OUTPUT["SRTSettings"]["FEC"]
    assert (sent["AllowIpList"], sent["MaxConcurrent"]) == (["10.0.0.0/8"], 3)


def test_what_only_the_service_writes_is_not_sent() -> None:
    """It would be refused as unknown; and settings of other protocols mean nothing."""
    sent = modified(SRT_CALLER)

    assert not sent.keys() & (READ_ONLY.keys() | {"RTPSettings"})
    assert "SourceAddresses" not in sent["SRTSettings"]


def test_what_is_managed_is_as_wanted() -> None:
    """Name, description, mark and settings are those of the manifest; lists are replaced whole."""
    sent = modified(SRT_CALLER)

    assert (sent["OutputId"], sent["OutputName"]) == ("o", "caller")
    assert sent["Description"] == "the caller [gitops:v1 o=us n=tower s=3 t]"
    assert sent["SRTSettings"]["Destinations"] == [{"Ip": "198.51.100.9", "Port": 9000}]
    assert [sent["SRTSettings"][name] for name in ("Latency", "RecvLatency", "PeerLatency")] == [1000] * 3


def test_encryption_and_allowlist_are_cleared_by_empty_values() -> None:
    """What is not sent might stay, so what is empty is sent."""
    spec = replace(SRT_LISTENER.spec, settings=Srt(mode=SrtMode.LISTENER), allowlist=())

    sent = modified(replace(SRT_LISTENER, spec=spec))

    assert sent["AllowIpList"] == []
    assert (sent["SRTSettings"]["Passphrase"], sent["SRTSettings"]["PbKeyLen"]) == ("", 0)
    assert sent["SRTSettings"]["Destinations"] == []


def test_a_chunk_size_that_nobody_manages_stays() -> None:
    """Where the manifest does not say, the backend's own is kept."""
    assert isinstance(RTMP_PUSH.spec.settings, RtmpPush)
    wanted = replace(
        RTMP_PUSH, spec=replace(RTMP_PUSH.spec, settings=replace(RTMP_PUSH.spec.settings, chunk_size=None))
    )
    found = {"Protocol": "RTMP", "SRTSettings": None, "RTMPSettings": {"ChunkSize": 8192, "IdleTimeout": 5000}}

    sent = modified(wanted, **found)

    assert sent["RTMPSettings"].keys() == {"Destinations", "ChunkSize"}
    assert sent["RTMPSettings"]["ChunkSize"] == 8192


def test_the_predecessor_of_a_selector_goes_back_where_it_stands_alone() -> None:
    """PIDs are sent back only without the selector that took their place."""
    assert modified(SRT_CALLER, StreamSelector=None)["PidSelector"] == {"AudioPID": [1], "VideoPID": []}


def test_an_input_is_sent_whole() -> None:
    """The name, failover, zones and resilience of an input are not managed, and all it must have is there."""
    found = {
        "InputId": "i",
        "InputName": "by_hand",
        "Description": None,
        "Protocol": "RTMP",
        "InputAddressList": [{"Ip": "192.0.2.1", "Port": 1935}],
        "AllowIpList": None,
        "SRTSettings": {"Mode": "", "Latency": 0},
        "RTPSettings": None,
        "RTMPSettings": {"AppName": "live", "StreamKey": "k"},
        "FailOver": "OPEN",
        "Zones": ["a", "b"],
        "ResilientStream": {"Enable": True, "BufferTime": 10},
        "SecurityGroupIds": ["sg"],
        "InputRegion": "local",
        "StreamUrls": [],
    }

    request = edit.modify_input("f", found, RTMP_FLOW, MARK, Profile.MAINLAND)

    assert check(ACTIONS["ModifyStreamLinkInput"].request, request) == ()
    assert request["Input"] == {
        "InputId": "i",
        "InputName": "by_hand",
        "Description": "[gitops:v1 o=us n=tower s=3]",
        "Protocol": "RTMP",
        "AllowIpList": [],
        "SRTSettings": {},
        "RTPSettings": {},
        "FailOver": "OPEN",
        "Zones": ["a", "b"],
        "ResilientStream": {"Enable": True, "BufferTime": 10},
        "SecurityGroupIds": ["sg"],
        "InputRegion": "local",
    }


@pytest.mark.parametrize("profile", Profile)
def test_every_sample_is_a_request_that_the_api_takes(profile: Profile) -> None:
    """Nothing that manifests can say breaks a rule of the API, in either profile."""
    requests = [("CreateStreamLinkFlow", encode.create_flow(flow, MARK)) for flow in FLOWS]
    requests += [("CreateStreamLinkOutputInfo", encode.create_output("f", output, MARK)) for output in OUTPUTS]

    found = [
        problem for action, request in requests for problem in check(ACTIONS[action].request, request, profile=profile)
    ]

    assert found == []


def srt_flow_with(**changes: Any) -> Srt:
    """Return the SRT settings of the sample with changes."""
    assert isinstance(SRT_FLOW.spec.input.settings, Srt)
    return replace(SRT_FLOW.spec.input.settings, **changes)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param(
            srt_flow_with(
                encryption=Encryption(key_length=16, passphrase=SecretRef(source=SecretSource.ENV, name="STREAM_X"))
            ),
            SecretUnavailableError,
            id="a secret that was not looked up",
        ),
        pytest.param(
            srt_flow_with(encryption=Encryption(key_length=16, passphrase=HIDDEN)), RejectedError, id="a masked secret"
        ),
        pytest.param(srt_flow_with(peer=FlowLink(FlowKey("other"))), UnresolvedLinkError, id="a link without address"),
    ],
)
def test_what_is_not_resolved_is_never_sent(settings: Srt, expected: type[Exception]) -> None:
    """An unresolved secret or link is an error, and never an empty value."""
    wanted = replace(SRT_FLOW, spec=replace(SRT_FLOW.spec, input=replace(SRT_FLOW.spec.input, settings=settings)))

    with pytest.raises(expected):
        encode.create_flow(wanted, MARK)


def marked(wanted: Output, **changes: Any) -> dict[str, Any]:
    """Return the output that adopting sends."""
    request = edit.mark_output("f", FOUND_OUTPUT | {"Description": "former"} | changes, wanted, MARK, Profile.MAINLAND)
    assert check(ACTIONS["ModifyStreamLinkOutputInfo"].request, request) == ()
    output: dict[str, Any] = request["Output"]
    return output


def test_adopting_writes_the_mark_and_nothing_else() -> None:
    """Whatever was read goes back as it was, odd latencies and a foreign name included."""
    sent = marked(SRT_CALLER)

    found = FOUND_OUTPUT | {"Description": f"former {MARK}"}
    assert {name: value for name, value in sent.items() if name != "SRTSettings"} == {
        name: found[name] for name in sent if name not in {"SRTSettings", "StreamSelector"}
    } | {"StreamSelector": {"SelectorType": "TRACK", "TrackSelector": {"AudioIndex": [2]}}}
    assert sent["SRTSettings"] == {
        name: value for name, value in FOUND_OUTPUT["SRTSettings"].items() if name != "SourceAddresses"
    }


@pytest.mark.parametrize("mask", ["******", "", None])
def test_a_mask_is_never_sent_back(mask: str | None) -> None:
    """Where the service does not tell a secret, ours stands in for it."""
    keys = [{"Url": "rtmp://a/b", "StreamKey": mask}, {"Url": "rtmp://c/d", "StreamKey": "told"}]

    sent = marked(RTMP_PUSH, Protocol="RTMP", RTMPSettings={"Destinations": keys})

    assert [one["Url"] for one in sent["RTMPSettings"]["Destinations"]] == ["rtmp://a/b", "rtmp://c/d"]
    first, second = sent["RTMPSettings"]["Destinations"]
    assert first["StreamKey"].startswith("canary-key")
    assert second["StreamKey"] == "told"


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("rtsp://view%20er:******@camera.example:554/stream?channel=1", "canary%2Fpass%3Aword%401@camera.example"),
        ("rtsp://viewer:tol%64@other.example/1", "rtsp://viewer:tol%64@other.example/1"),
        ("rtsp://[/1", "rtsp://[/1"),
    ],
)
def test_a_url_goes_back_as_it_was_unless_its_password_is_masked(url: str, sent: str) -> None:
    """Also its spelling; then the whole of it is the manifest's."""
    found = {
        "InputId": "i",
        "InputName": "cam",
        "Description": "",
        "Protocol": "RTSP_PULL",
        "RTSPPullSettings": {"SourceAddresses": [{"Url": url}]},
    }

    request = edit.mark_input("f", found, RTSP_FLOW, MARK, Profile.MAINLAND)

    assert request["Input"]["Description"] == str(MARK)
    assert sent in request["Input"]["RTSPPullSettings"]["SourceAddresses"][0]["Url"]


def test_what_another_owner_has_marked_meanwhile_is_not_taken() -> None:
    """The last look counts."""
    with pytest.raises(RejectedError, match="'sports-team'"):
        marked(SRT_CALLER, Description="former [gitops:v1 o=sports-team n=tower]")
