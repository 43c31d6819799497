"""Outputs that call another flow's input."""

from dataclasses import replace

import pytest

from reconciler.domain.documents import Distance, FlowDocument, OutputDocument
from reconciler.domain.model import Region, RtmpAddress, RtmpPullSource, RtmpPush, Srt
from reconciler.domain.protocols import Protocol, SrtMode
from reconciler.domain.rules.families import family
from reconciler.domain.rules.tree import judge
from tests.unit.domain.rules.worlds import (
    CALLER,
    FRANKFURT,
    LISTENER,
    SINGAPORE,
    calling,
    encrypted,
    env,
    flow,
    found,
    ids,
    output,
)

FAR = replace(LISTENER, latency_ms=1000)


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        pytest.param(CALLER, LISTENER, [], id="alike"),
        pytest.param(encrypted(CALLER), encrypted(LISTENER), [], id="alike and encrypted"),
        pytest.param(encrypted(CALLER, version=3), encrypted(LISTENER), [], id="another version of one secret"),
        pytest.param(CALLER, encrypted(LISTENER), ["/spec/srt"], id="only they encrypt"),
        pytest.param(encrypted(CALLER), LISTENER, ["/spec/srt/encryption"], id="only we encrypt"),
        pytest.param(
            encrypted(CALLER, key_length=32), encrypted(LISTENER), ["/spec/srt/encryption/keyLength"], id="key length"
        ),
        pytest.param(
            encrypted(CALLER, "STREAM_OTHER"), encrypted(LISTENER), ["/spec/srt/encryption/passphrase"], id="secret"
        ),
        pytest.param(CALLER, FAR, ["/spec/srt/latency"], id="latency"),
    ],
)
def test_both_ends_say_the_same(ours: Srt, theirs: Srt, expected: list[str]) -> None:
    """What differs is reported at the output, for each difference once."""
    findings = found(flow("a"), flow("b", settings=theirs, file="c.yaml"), output(of="a", settings=calling("b", ours)))

    assert [finding.pointer for finding in findings] == expected
    assert {finding.rule.id for finding in findings} <= {"SL308"}


def test_only_listeners_are_called() -> None:
    """An input that calls, or of another protocol, cannot be called."""
    caller = replace(LISTENER, mode=SrtMode.CALLER)
    one = output(of="a", settings=calling("b"))

    assert ids(flow("a"), flow("b", settings=caller), one) == ["SL307"]
    assert ids(flow("a"), flow("b", protocol=Protocol.RTMP, settings=None), one) == ["SL307"]


def test_a_broken_target_is_not_judged() -> None:
    """Nothing is known of its input."""
    assert ids(flow("a"), replace(flow("b"), draft=None), output(of="a", settings=calling("b"))) == []


def test_a_number_that_calls_a_farther_region_is_a_warning() -> None:
    """Both ends agree on 120 ms, which does not carry from Singapore to Frankfurt."""
    (finding,) = found(flow("a"), flow("b", region=FRANKFURT), output(of="a", settings=calling("b")))

    assert finding.rule.id == "SL206"
    assert finding.pointer == "/spec/srt/latency"


def test_a_country_that_there_is_not_says_no_latency() -> None:
    """The country is a finding of its own; the latency that follows from it is none."""
    nowhere = Distance(country="XX", latency_ms=None)

    assert ids(flow("a"), flow("b"), output(of="a", settings=calling("b"), distance=nowhere)) == []


def test_where_nobody_knows_the_distance_there_is_no_advice() -> None:
    """A relay may be anywhere."""
    local = Region("local")

    assert ids(flow("a", region=FRANKFURT), flow("b", region=local), output(of="a", settings=calling("b"))) == []


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        pytest.param([("a", "b"), ("b", "a")], ["a -> b -> a"], id="two call each other"),
        pytest.param([("a", "b"), ("b", "c"), ("c", "a")], ["a -> b -> c -> a"], id="three in a round"),
        pytest.param([("a", "b"), ("b", "c"), ("a", "c"), ("b", "d"), ("c", "d")], [], id="two ways"),
        pytest.param(
            [("a", "b"), ("b", "a"), ("c", "d"), ("d", "c")],
            ["a -> b -> a", "c -> d -> c"],
            id="two loops are two findings",
        ),
    ],
)
def test_streams_do_not_go_round(links: list[tuple[str, str]], expected: list[str]) -> None:
    """Each circle is one finding, at its first link in the order of the documents."""
    flows = [flow(name) for name in "abcd"]
    outputs = [output(f"{one}_{other}", of=one, settings=calling(other)) for one, other in links]

    findings = found(*flows, *outputs)

    assert [finding.message.rpartition(": ")[2] for finding in findings] == expected
    assert {finding.rule.id for finding in findings} <= {"SL309"}


@pytest.mark.parametrize(
    ("egress", "allowlist", "expected"),
    [
        ({}, ("10.0.0.0/8",), []),
        ({FRANKFURT: ("203.0.113.7/32",)}, ("10.0.0.0/8",), []),
        ({SINGAPORE: ("203.0.113.7/32",)}, (), []),
        ({SINGAPORE: ("203.0.113.7/32",)}, ("203.0.113.0/28",), []),
        (
            {SINGAPORE: ("203.0.113.7/32", "198.51.100.0/24")},
            ("203.0.113.0/28", "198.51.100.0/25"),
            ["198.51.100.0/24"],
        ),
        ({SINGAPORE: ("203.0.113.7/32", "2001:db8::/64")}, ("0.0.0.0/0",), ["2001:db8::/64"]),
    ],
)
def test_who_is_called_lets_the_caller_in(
    egress: dict[Region, tuple[str, ...]], allowlist: tuple[str, ...], expected: list[str]
) -> None:
    """As far as it is known where a region sends from; an open allowlist lets in anybody."""
    called = flow("b", file="c.yaml")
    assert called.draft is not None
    spec = called.draft.flow.spec
    open_to = replace(spec, input=replace(spec.input, allowlist=allowlist))
    called = replace(called, draft=replace(called.draft, flow=replace(called.draft.flow, spec=open_to)))

    judgement = judge([flow("a"), called, output(of="a", settings=calling("b"))], family, egress=egress)

    assert [finding.rule.id for finding in judgement.findings] == ["SL313"] * len(expected)
    assert all(outside in judgement.findings[0].message for outside in expected)


def test_what_is_pushed_to_where_another_flow_pulls_may_go_round() -> None:
    """Over RTMP as over SRT."""

    def pulls(name: str, url: str) -> FlowDocument:
        source = RtmpPullSource(source=RtmpAddress(url=url, stream_key=env("STREAM_RING")))
        return flow(name, protocol=Protocol.RTMP_PULL, settings=source)

    def pushes(of: str, url: str) -> OutputDocument:
        push = RtmpPush(destinations=(RtmpAddress(url=url, stream_key=env("STREAM_RING")),))
        return output(of=of, protocol=Protocol.RTMP_PUSH, settings=push, file=f"{of}.yaml")

    here, there = "rtmp://here.example/live", "rtmp://there.example/live"
    findings = found(pulls("a", here), pulls("b", there), pushes("a", there), pushes("b", here))

    assert [finding.message.rpartition(": ")[2] for finding in findings] == ["a -> b -> a"]
    assert ids(pulls("a", here), pulls("b", there), pushes("a", there)) == []
