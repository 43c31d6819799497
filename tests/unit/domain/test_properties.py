"""Flows and outputs as flat properties, under the names that manifests use."""

import pytest

from reconciler.domain import properties
from reconciler.domain.impact import Classes, EditRules, Mutability, mutability_of
from reconciler.domain.model import (
    Address,
    Credentials,
    Encryption,
    FlowKey,
    FlowLink,
    FlowSpec,
    FlowState,
    InputSettings,
    InputSpec,
    OutputSettings,
    OutputSpec,
    ResourceKind,
    RtmpAddress,
    RtmpPullSource,
    RtmpPush,
    Rtp,
    RtspSource,
    Srt,
)
from reconciler.domain.protocols import Protocol, SrtMode
from reconciler.domain.secrets import HIDDEN, Secret
from tests.builders import LOCAL

KEY = Secret("canary-key")


def every_class(kind: ResourceKind) -> list[Classes]:
    """Return the classes of a kind's properties, for every generation of the rules and state of the flow."""
    return [rules.classes(kind, state) for rules in EditRules for state in FlowState]


SRT = Srt(
    mode=SrtMode.CALLER, stream_id="live", encryption=Encryption(key_length=32, passphrase=KEY), peer=Address("::1", 9)
)
SRT_PATHS = [
    "srt.encryption.keyLength",
    "srt.encryption.passphrase",
    "srt.latency",
    "srt.mode",
    "srt.peerIdleTimeout",
    "srt.streamId",
]


def output_of(protocol: Protocol, settings: OutputSettings, **pulls: int) -> dict[str, properties.PropertyValue]:
    """Return the properties of an output."""
    spec = OutputSpec(
        region=LOCAL,
        protocol=protocol,
        settings=settings,
        allowlist=() if pulls else None,
        max_concurrent=pulls.get("max"),
    )
    return properties.of_output("live", spec)


def flow_of(protocol: Protocol, settings: InputSettings, *, listens: bool) -> dict[str, properties.PropertyValue]:
    """Return the properties of a flow."""
    source = InputSpec(protocol=protocol, settings=settings, allowlist=() if listens else None)
    spec = FlowSpec(region=LOCAL, max_bandwidth_bps=20_000_000, state=FlowState.IDLE, input=source)
    return properties.of_flow("live", spec)


OUTPUTS = {
    "srt": (output_of(Protocol.SRT, SRT), [*SRT_PATHS, "srt.destination"]),
    "srt listener": (
        output_of(Protocol.SRT, Srt(mode=SrtMode.LISTENER), max=4),
        ["allowlist", "maxConcurrent", "srt.latency", "srt.mode", "srt.peerIdleTimeout", "srt.streamId"],
    ),
    "rtmp push": (
        output_of(
            Protocol.RTMP_PUSH,
            RtmpPush(destinations=(RtmpAddress(url="rtmp://a/live", stream_key=KEY),) * 2, chunk_size=4096),
        ),
        [
            "rtmpPush.chunkSize",
            "rtmpPush.destinations[0].streamKey",
            "rtmpPush.destinations[0].url",
            "rtmpPush.destinations[1].streamKey",
            "rtmpPush.destinations[1].url",
        ],
    ),
    "rtmp push without a chunk size": (
        output_of(Protocol.RTMP_PUSH, RtmpPush(destinations=(RtmpAddress(url="rtmp://a/live", stream_key=KEY),))),
        ["rtmpPush.destinations[0].streamKey", "rtmpPush.destinations[0].url"],
    ),
    "rtmp pull": (output_of(Protocol.RTMP_PULL, None, max=2), ["allowlist", "maxConcurrent"]),
    "rtp": (
        output_of(Protocol.RTP, Rtp(destinations=(Address("a", 1),))),
        ["rtp.destinations[0]", "rtp.idleTimeout"],
    ),
}
FLOWS = {
    "srt caller": (flow_of(Protocol.SRT, SRT, listens=False), [*SRT_PATHS, "srt.source"]),
    "rtmp": (flow_of(Protocol.RTMP, None, listens=True), ["allowlist"]),
    "rtmp pull": (
        flow_of(
            Protocol.RTMP_PULL,
            RtmpPullSource(source=RtmpAddress(url="rtmp://a/live", stream_key=KEY)),
            listens=False,
        ),
        ["rtmpPull.streamKey", "rtmpPull.url"],
    ),
    "rtp": (flow_of(Protocol.RTP, Rtp(), listens=True), ["allowlist", "rtp.idleTimeout"]),
    "rtsp": (
        flow_of(
            Protocol.RTSP,
            RtspSource(url="rtsp://a/b", credentials=Credentials(username="u", password=KEY)),
            listens=False,
        ),
        ["rtsp.credentials.password", "rtsp.credentials.username", "rtsp.url"],
    ),
    "rtsp without credentials": (
        flow_of(Protocol.RTSP, RtspSource(url="rtsp://a/b"), listens=False),
        ["rtsp.url"],
    ),
}


@pytest.mark.parametrize(("found", "paths"), OUTPUTS.values(), ids=OUTPUTS)
def test_an_output_has_the_properties_of_its_protocol(
    found: dict[str, properties.PropertyValue], paths: list[str]
) -> None:
    """Every managed setting of an output is a property, and each has a class of mutability."""
    assert sorted(found) == sorted(["liveName", "region", "protocol", "description", *paths])
    assert all(mutability_of(classes, path) for classes in every_class(ResourceKind.OUTPUT) for path in found)


@pytest.mark.parametrize(("found", "paths"), FLOWS.values(), ids=FLOWS)
def test_a_flow_has_the_properties_of_its_input(found: dict[str, properties.PropertyValue], paths: list[str]) -> None:
    """Every managed setting of a flow and its input is a property, and each has a class of mutability."""
    common = ["liveName", "region", "maxBandwidth", "description", "input.protocol"]
    assert sorted(found) == sorted([*common, *(f"input.{path}" for path in paths)])
    assert all(mutability_of(classes, path) for classes in every_class(ResourceKind.FLOW) for path in found)


def test_no_property_shows_a_secret() -> None:
    """However properties are printed, a secret is `***`."""
    printed = repr([OUTPUTS, FLOWS])

    assert "canary" not in printed
    assert "***" in printed


def test_addresses_and_links_read_as_people_write_them() -> None:
    """An IPv6 host stands in brackets, a link names the flow."""
    linked = Srt(mode=SrtMode.CALLER, peer=FlowLink(FlowKey("edge")))

    assert output_of(Protocol.SRT, SRT)["srt.destination"] == "[::1]:9"
    assert output_of(Protocol.SRT, linked)["srt.destination"] == "flow/edge"


@pytest.mark.parametrize(
    ("wanted", "found", "new_secrets", "paths"),
    [
        pytest.param({"a": 1}, {"a": 1}, False, [], id="equal"),
        pytest.param({"b": 2, "a": 1}, {}, False, ["a", "b"], id="missing, in order of the paths"),
        pytest.param({}, {"srt.destination": "x"}, False, ["srt.destination"], id="gone"),
        pytest.param({}, {"rtmpPush.chunkSize": 4096}, False, [], id="left to the backend"),
        pytest.param({"k": KEY}, {"k": HIDDEN}, False, [], id="masked"),
        pytest.param({"k": KEY}, {"k": HIDDEN}, True, ["k"], id="masked, with a new version"),
        pytest.param({"k": KEY}, {"k": Secret("other")}, False, ["k"], id="another secret"),
        pytest.param({"k": KEY}, {"k": Secret("canary-key")}, True, [], id="a new version of the same value"),
        pytest.param({"l": ("a", "b")}, {"l": ("b", "a")}, False, [], id="a set in another order"),
    ],
)
def test_differences(
    wanted: dict[str, properties.PropertyValue],
    found: dict[str, properties.PropertyValue],
    new_secrets: bool,  # noqa: FBT001 -- a column of the table above.
    paths: list[str],
) -> None:
    """Only what differs and is managed is a difference."""
    changed = properties.differences(wanted, found, new_secrets=new_secrets)

    assert [change.path for change in changed] == paths


def test_a_property_without_a_class_is_a_bug() -> None:
    """A new property must say how it is changed before it can be planned."""
    assert mutability_of({"a": Mutability.HOT}, "a.b[0].c") is Mutability.HOT
    with pytest.raises(KeyError, match=r"x\.y"):
        mutability_of({"a": Mutability.HOT}, "x.y")
