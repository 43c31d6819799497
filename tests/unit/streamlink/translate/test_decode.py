"""What the API reads back, in its odd corners."""

from typing import Any

import pytest

from reconciler.domain.errors import GarbledError
from reconciler.domain.marks import Mark, Owner
from reconciler.domain.model import (
    Address,
    Encryption,
    FlowState,
    FoundFlow,
    FoundOutput,
    Region,
    RtmpPullSource,
    RtmpPush,
    RtspSource,
    Srt,
)
from reconciler.domain.protocols import Protocol, SrtMode
from reconciler.domain.secrets import HIDDEN, Secret
from reconciler.streamlink.translate import decode

MARK = "[gitops:v1 o=us n=news]"
SRT_INPUT = {"InputId": "i", "Protocol": "SRT", "Description": MARK, "SRTSettings": {"Mode": "LISTENER"}}


def flow_with(*inputs: dict[str, Any], **changes: Any) -> FoundFlow:
    """Return a flow with these inputs as it is decoded."""
    payload = {
        "FlowId": "f",
        "FlowName": "news",
        "State": "IDLE",
        "MaxBandwidth": 10_000_000,
        "InputGroup": list(inputs),
    }
    return decode.flow(payload | changes, Region("local"))


def output_of(**members: Any) -> FoundOutput:
    """Return an output as it is decoded."""
    (found,) = flow_with(SRT_INPUT, OutputGroup=[{"OutputId": "o", "OutputName": "tower", **members}]).outputs
    return found


def srt_of(**settings: Any) -> Srt:
    """Return the settings of an SRT input as they are decoded."""
    spec = flow_with(SRT_INPUT | {"SRTSettings": settings}).spec
    assert spec is not None
    assert isinstance(spec.input.settings, Srt)
    return spec.input.settings


def test_words_are_read_in_any_case() -> None:
    """The vendor's own examples write them in several."""
    found = flow_with(SRT_INPUT | {"Protocol": "srt", "SRTSettings": {"Mode": "Listener"}}, State="Running")

    assert found.state is FlowState.RUNNING
    assert found.spec is not None
    assert found.spec.input.settings == Srt(mode=SrtMode.LISTENER)


def test_what_is_not_said_is_the_default() -> None:
    """Null, and nothing at all, are read alike."""
    found = output_of(Protocol="SRT", Description=None, SRTSettings={"Destinations": [{"Ip": "a", "Port": 1}]})

    assert found.spec is not None
    assert found.spec.settings == Srt(mode=SrtMode.CALLER, peer=Address("a", 1))
    assert (found.mark, found.spec.description, found.spec.region) == (None, "", "")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param({}, 120, id="nothing"),
        pytest.param({"Latency": 200, "RecvLatency": 200, "PeerLatency": 200}, 200, id="all the same"),
        pytest.param({"Latency": 200, "RecvLatency": 200, "PeerLatency": None}, 200, id="all that are said"),
        pytest.param({"Latency": 0, "RecvLatency": 120, "PeerLatency": 0}, decode.MIXED_LATENCY_MS, id="different"),
    ],
)
def test_three_latencies_are_one_or_drift(said: dict[str, Any], expected: int) -> None:
    """Manifests say one number; three that differ are none that a manifest could want."""
    assert srt_of(**said).latency_ms == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, None),
        ({"PbKeyLen": 0, "Passphrase": ""}, None),
        ({"PbKeyLen": 0, "Passphrase": "******"}, None),
        ({"PbKeyLen": 0, "Passphrase": "0123456789"}, Encryption(key_length=0, passphrase=Secret("0123456789"))),
        ({"PbKeyLen": 16, "Passphrase": "0123456789"}, Encryption(key_length=16, passphrase=Secret("0123456789"))),
        ({"PbKeyLen": 16, "Passphrase": ""}, Encryption(key_length=16, passphrase=HIDDEN)),
        ({"PbKeyLen": 16, "Passphrase": None}, Encryption(key_length=16, passphrase=HIDDEN)),
        ({"PbKeyLen": 32, "Passphrase": "******"}, Encryption(key_length=32, passphrase=HIDDEN)),
    ],
)
def test_a_masked_passphrase_is_hidden_and_not_gone(settings: dict[str, Any], expected: Encryption | None) -> None:
    """A blanked secret never looks like encryption turned off."""
    assert srt_of(**settings).encryption == expected


def test_a_masked_stream_key_is_hidden() -> None:
    """A key of stars, and one left empty, are unknown ones."""
    destinations = [{"Url": "rtmp://a/b", "StreamKey": "***"}, {"Url": "rtmp://c/d", "StreamKey": ""}]
    found = output_of(Protocol="RTMP", RTMPSettings={"Destinations": destinations, "ChunkSize": None})

    assert found.spec is not None
    assert isinstance(found.spec.settings, RtmpPush)
    assert [each.stream_key for each in found.spec.settings.destinations] == [HIDDEN, HIDDEN]
    assert found.spec.settings.chunk_size is None


def test_credentials_of_a_url_are_apart_from_it() -> None:
    """The URL may be shown then; a masked password is hidden."""
    urls = ("rtsp://us%40er:p%2Fw@cam:554/1", "rtsp://user:***@cam/1", "rtsp://cam/1")

    sources = []
    for url in urls:
        payload = {"InputId": "i", "Protocol": "RTSP_PULL", "RTSPPullSettings": {"SourceAddresses": [{"Url": url}]}}
        spec = flow_with(payload).spec
        assert spec is not None
        assert isinstance(spec.input.settings, RtspSource)
        sources.append(spec.input.settings)

    assert [source.url for source in sources] == ["rtsp://cam:554/1", "rtsp://cam/1", "rtsp://cam/1"]
    assert [
        source.credentials and (source.credentials.username, source.credentials.password) for source in sources
    ] == [
        ("us@er", Secret("p/w")),
        ("user", HIDDEN),
        None,
    ]


@pytest.mark.parametrize(
    "inputs",
    [
        pytest.param([], id="no input"),
        pytest.param([SRT_INPUT, SRT_INPUT | {"Description": ""}], id="two inputs"),
        pytest.param([SRT_INPUT | {"Protocol": "RIST"}], id="another protocol"),
        pytest.param([SRT_INPUT | {"SRTSettings": {"Mode": "RENDEZVOUS"}}], id="another mode"),
        pytest.param([SRT_INPUT | {"SRTSettings": {"Mode": "CALLER", "SourceAddresses": []}}], id="a call to nobody"),
        pytest.param(
            [
                {
                    "InputId": "i",
                    "Protocol": "RTSP_PULL",
                    "RTSPPullSettings": {"SourceAddresses": [{"Url": "rtsp://[x"}]},
                }
            ],
            id="a URL that is none",
        ),
    ],
)
def test_what_manifests_cannot_say_has_no_spec(inputs: list[dict[str, Any]]) -> None:
    """Such a flow is listed and never edited."""
    assert flow_with(*inputs).spec is None


@pytest.mark.parametrize("protocol", ["RIST", "HLS_PULL", "SOMETHING_NEW", ""])
def test_an_output_of_another_protocol_has_no_spec(protocol: str) -> None:
    """Such an output is listed, with its mark, and never edited."""
    found = output_of(Protocol=protocol, Description=MARK)

    assert (found.spec, found.mark) == (None, Mark(owner=Owner("us"), name="news"))


def test_a_second_input_does_not_take_the_mark_away() -> None:
    """A flow stays ours when somebody adds an input by hand."""
    assert flow_with({"InputId": "j", "Protocol": "RTP"}, SRT_INPUT).mark == Mark(owner=Owner("us"), name="news")


def test_what_the_flow_allows_is_in_the_manifests_words() -> None:
    """What manifests have no word for is left out."""
    found = flow_with(SRT_INPUT, AllowedOutputProtocols=["SRT", "rtmp", "RIST"])

    assert found.allowed_outputs == {Protocol.SRT, Protocol.RTMP_PUSH}


def test_a_pulled_source_has_its_key_apart() -> None:
    """The key is a secret, the address is not."""
    sources = {"SourceAddresses": [{"TcUrl": "rtmp://a/b", "StreamKey": "k"}]}
    spec = flow_with({"InputId": "i", "Protocol": "RTMP_PULL", "RTMPPullSettings": sources}).spec

    assert spec is not None
    assert isinstance(spec.input.settings, RtmpPullSource)
    assert spec.input.settings.source.stream_key == Secret("k")
    assert spec.input.allowlist is None


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(
            {"Protocol": "SRT", "InputAddressList": [{"Ip": "192.0.2.1", "Port": 9000}]},
            ("srt://192.0.2.1:9000",),
            id="srt",
        ),
        pytest.param(
            {
                "Protocol": "RTMP",
                "InputAddressList": [{"Ip": "192.0.2.1"}, {"Ip": "2001:db8::1", "Port": 1936}],
                "RTMPSettings": {"AppName": "live", "StreamKey": "k"},
            },
            ("rtmp://192.0.2.1:1935/live/k", "rtmp://[2001:db8::1]:1936/live/k"),
            id="rtmp",
        ),
        pytest.param(
            {
                "Protocol": "SRT",
                "InputAddressList": [{"Ip": "192.0.2.1", "Port": 9000}],
                "StreamUrls": [
                    {"Type": "IngestEndpoint", "Url": "srt://said:1"},
                    {"Type": "Playback", "Url": "srt://not:1"},
                    {"Type": "IngestEndpoint", "Url": None},
                ],
            },
            ("srt://said:1",),
            id="said",
        ),
        pytest.param({"Protocol": "RTSP_PULL"}, (), id="nobody publishes"),
    ],
)
def test_publishers_are_told_where(found: dict[str, Any], expected: tuple[str, ...]) -> None:
    """Whole URLs, those that the service says first."""
    assert flow_with({"InputId": "i", **found}).publish_urls == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(
            {"RTMPPullSettings": {"ServerUrls": [{"TcUrl": "rtmp://a/b/", "StreamKey": "k"}]}},
            ("rtmp://a/b/k",),
            id="rtmp",
        ),
        pytest.param({"RTSPPullSettings": {"ServerUrls": [{"Url": "rtsp://a/b"}]}}, ("rtsp://a/b",), id="rtsp"),
        pytest.param({"SRTSettings": {"SourceAddresses": [{"Ip": "a", "Port": 1}]}}, ("srt://a:1",), id="srt"),
        pytest.param({"StreamUrls": [{"Type": "playback", "Url": "x://y"}]}, ("x://y",), id="said"),
        pytest.param({}, (), id="pushed"),
    ],
)
def test_receivers_are_told_where(found: dict[str, Any], expected: tuple[str, ...]) -> None:
    """Whole URLs, from wherever the service puts them."""
    assert output_of(**found).pull_urls == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"FlowId": None},
        {"State": "PAUSED"},
        {"MaxBandwidth": "10M"},
        {"MaxBandwidth": True},
        {"InputGroup": "x"},
        {"OutputGroup": [{"OutputName": "no id"}]},
        {"AllowedOutputProtocols": [1]},
    ],
)
def test_an_answer_outside_the_contract_is_garbled(changes: dict[str, Any]) -> None:
    """Nothing is guessed from what should not be."""
    with pytest.raises(GarbledError, match="outside the contract"):
        flow_with(SRT_INPUT, **changes)
