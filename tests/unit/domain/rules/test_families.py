"""Rules within a flow and its outputs."""

from dataclasses import replace

import pytest

from reconciler.domain.documents import Distance, OutputDocument
from reconciler.domain.model import InputSettings, RtmpAddress, RtmpPullSource, RtmpPush, Rtp, Srt
from reconciler.domain.protocols import ALLOWED_OUTPUTS, INPUT_PROTOCOLS, OUTPUT_PROTOCOLS, Protocol
from reconciler.domain.rules.families import family
from tests.unit.domain.rules.worlds import (
    CALLER,
    FRANKFURT,
    LISTENER,
    SINGAPORE,
    calling,
    env,
    flow,
    found,
    ids,
    output,
)


@pytest.mark.parametrize("fed_by", sorted(INPUT_PROTOCOLS))
@pytest.mark.parametrize("protocol", sorted(OUTPUT_PROTOCOLS))
def test_the_matrix(fed_by: Protocol, protocol: Protocol) -> None:
    """An input feeds exactly the outputs of its row."""
    settings: InputSettings = Rtp()
    one = output(protocol=protocol, settings=None)

    expected = [] if protocol in ALLOWED_OUTPUTS[fed_by] else ["SL305"]

    assert ids(flow(protocol=fed_by, settings=settings), one) == expected


def test_output_names_are_unique_within_their_flow() -> None:
    """Another flow may have an output of the same name; the same flow may not, in any case."""
    assert ids(flow("a"), flow("b"), output("x", of="a"), output("x", of="b")) == []
    assert ids(flow("a"), output("x", of="a"), output("X", of="a", file="c.yaml")) == ["SL303"]


def test_live_names_of_outputs_are_unique_within_their_flow() -> None:
    """Two outputs that would be one object are a fault, and namesakes are only told of their names."""
    assert ids(flow(), output("a", live_name="x"), output("b", live_name="x", file="c.yaml")) == ["SL304"]
    assert ids(flow(), output("a", live_name="x"), output("A", live_name="x", file="c.yaml")) == ["SL303"]


def test_broken_outputs_are_judged_by_their_names_alone() -> None:
    """A broken output still has its name; what cannot be told of it is not judged."""
    broken = replace(output("a"), draft=None)
    nameless = replace(output("b"), draft=None, name=None)

    assert ids(flow(protocol=Protocol.RTP), broken, nameless, nameless) == []
    assert ids(flow(), broken, replace(output("A", file="c.yaml"), draft=None)) == ["SL303"]


def test_outputs_of_a_broken_flow_are_not_judged_by_it() -> None:
    """Whatever its input is, nothing is known of it."""
    broken = replace(flow(protocol=Protocol.RTP), draft=None)

    assert ids(broken, output()) == []


def test_a_country_decides_the_latency_from_the_region_that_holds() -> None:
    """The output's own region counts, else the flow's."""
    german = Distance(country="DE", latency_ms=None)
    near = output("near", region=FRANKFURT, distance=german)
    far = output("far", distance=german)

    judged = family(flow(region=SINGAPORE), [near, far])

    latencies = {
        one.key.name: one.spec.settings.latency_ms
        for one in judged.desired_outputs
        if isinstance(one.spec.settings, Srt)
    }
    assert latencies == {"near": 120, "far": 1000}


def test_a_number_below_the_advice_is_a_warning() -> None:
    """It is used all the same."""
    one = output(settings=CALLER, distance=Distance(country="DE", latency_ms=150))

    (finding,) = found(flow(region=SINGAPORE), one)

    assert str(finding).startswith("b.yaml:1:9: SL206 warning: 150 ms is below the 1000 ms")
    assert finding.pointer == "/spec/srt/latency/ms"


@pytest.mark.parametrize(
    ("taken", "sent", "pointer"),
    [
        pytest.param(LISTENER, calling("news"), "/spec/srt/destination/flow", id="a call of its own flow"),
        pytest.param(CALLER, CALLER, "/spec/srt/destination", id="to where its flow calls"),
    ],
)
def test_an_output_does_not_feed_its_own_flow(taken: Srt, sent: Srt, pointer: str) -> None:
    """The stream would go round at once."""
    (finding,) = found(flow("news", settings=taken), output(of="news", settings=sent))

    assert (finding.rule.id, finding.pointer) == ("SL311", pointer)


def test_a_push_does_not_feed_its_own_flow() -> None:
    """To where it pulls from, with the same key, however that is spelt; with another key it may."""
    pulled = RtmpPullSource(source=RtmpAddress(url="rtmp://Live.example:1935/app/", stream_key=env("STREAM_A")))
    here = flow("news", protocol=Protocol.RTMP_PULL, settings=pulled)

    def push(key: str) -> OutputDocument:
        other = RtmpAddress(url="rtmp://other.example/app", stream_key=env("STREAM_A"))
        same = RtmpAddress(url="rtmp://live.example/app", stream_key=env(key))
        return output(of="news", protocol=Protocol.RTMP_PUSH, settings=RtmpPush(destinations=(other, same)))

    (finding,) = found(here, push("STREAM_A"))
    assert (finding.rule.id, finding.pointer) == ("SL311", "/spec/rtmpPush/destinations/1")
    assert ids(here, push("STREAM_B")) == []
