"""Whether two outputs can be on air at once."""

import pytest

from reconciler.domain.model import Address, OutputSettings, OutputSpec, RtmpAddress, RtmpPush, Rtp, Srt
from reconciler.domain.protocols import Protocol, SrtMode
from reconciler.domain.secrets import HIDDEN, Secret, SecretRef, SecretSource, SecretValue
from reconciler.domain.targets import far_ends, may_coexist, spelled
from tests.builders import LOCAL

HERE, THERE = Address("tower.example", 9000), Address("tower.example", 9001)
LISTENER = Srt(mode=SrtMode.LISTENER)
KEY, OTHER = Secret("one key for all"), Secret("another key here")


def spec(protocol: Protocol, settings: OutputSettings = None) -> OutputSpec:
    """Return an output of this protocol."""
    return OutputSpec(region=LOCAL, protocol=protocol, settings=settings)


def caller(*, peer: Address, stream_id: str = "") -> OutputSpec:
    """Return an SRT output that calls somebody."""
    return spec(Protocol.SRT, Srt(mode=SrtMode.CALLER, peer=peer, stream_id=stream_id))


def push(*targets: tuple[str, SecretValue]) -> OutputSpec:
    """Return an RTMP output that pushes."""
    found = tuple(RtmpAddress(url=f"rtmp://{host}/live", stream_key=key) for host, key in targets)
    return spec(Protocol.RTMP_PUSH, RtmpPush(destinations=found))


def rtp(*addresses: Address) -> OutputSpec:
    """Return an RTP output."""
    return spec(Protocol.RTP, Rtp(destinations=addresses))


REF = SecretRef(source=SecretSource.ENV, name="STREAM_A")


@pytest.mark.parametrize(
    ("one", "other", "may"),
    [
        pytest.param(spec(Protocol.SRT, LISTENER), spec(Protocol.SRT, LISTENER), True, id="SRT listeners"),
        pytest.param(caller(peer=HERE), caller(peer=HERE), False, id="SRT callers of one port"),
        pytest.param(caller(peer=HERE), caller(peer=THERE), True, id="SRT callers of two ports"),
        pytest.param(caller(peer=HERE), spec(Protocol.SRT, LISTENER), True, id="SRT caller and listener"),
        pytest.param(spec(Protocol.RTMP_PULL), spec(Protocol.RTMP_PULL), True, id="RTMP pulls"),
        pytest.param(spec(Protocol.RTSP), spec(Protocol.RTSP), True, id="RTSP pulls"),
        pytest.param(rtp(HERE), rtp(HERE), False, id="RTP to one address"),
        pytest.param(rtp(HERE), rtp(THERE, HERE), False, id="RTP to one address among two"),
        pytest.param(rtp(HERE), rtp(THERE), True, id="RTP to two addresses"),
        pytest.param(rtp(HERE), caller(peer=HERE), True, id="RTP and SRT to one address"),
        pytest.param(push(("a", KEY)), push(("a", KEY)), False, id="one key"),
        pytest.param(push(("a", KEY)), push(("a", OTHER)), True, id="two keys"),
        pytest.param(push(("a", KEY)), push(("b", KEY)), True, id="two servers"),
        pytest.param(push(("a", KEY), ("b", KEY)), push(("c", KEY), ("b", KEY)), False, id="the backup is one key"),
        pytest.param(push(("a", HIDDEN)), push(("a", OTHER)), False, id="a masked key may be any"),
        pytest.param(push(("a", REF)), push(("a", REF)), False, id="one reference"),
        pytest.param(push(("a", KEY)), spec(Protocol.RTMP_PULL), True, id="a push and a pull"),
    ],
)
def test_may_coexist(one: OutputSpec, other: OutputSpec, *, may: bool) -> None:
    """Who calls us finds each; where we send, one far end takes one stream. Which of the two is first is no matter."""
    assert may_coexist(one, other) is may
    assert may_coexist(other, one) is may


@pytest.mark.parametrize(
    ("one", "other", "is_one"),
    [
        pytest.param(caller(peer=HERE), caller(peer=Address("TOWER.example", 9000)), True, id="one SRT listener"),
        pytest.param(caller(peer=HERE), caller(peer=THERE), False, id="two SRT listeners"),
        pytest.param(caller(peer=HERE), caller(peer=HERE, stream_id="b"), False, id="two stream ids at one listener"),
        pytest.param(rtp(HERE), rtp(THERE, HERE), True, id="RTP to one address among two"),
        pytest.param(rtp(HERE), caller(peer=HERE), False, id="RTP and SRT to one address"),
        pytest.param(push(("a", KEY)), push(("A:1935", KEY)), True, id="one RTMP server in two spellings"),
        pytest.param(push(("a", KEY)), push(("a", OTHER)), False, id="two keys"),
        pytest.param(push(("a", HIDDEN)), push(("a", HIDDEN)), False, id="keys that nobody knows"),
        pytest.param(spec(Protocol.SRT, LISTENER), spec(Protocol.SRT, LISTENER), False, id="receivers that call"),
        pytest.param(caller(peer=HERE), None, False, id="what manifests cannot say"),
    ],
)
def test_far_ends_that_are_one(one: OutputSpec, other: OutputSpec | None, *, is_one: bool) -> None:
    """What is not known is nowhere: many push to one URL of a platform, each with a key of its own."""
    assert bool(far_ends(one) & far_ends(other)) is is_one


def test_an_rtmp_url_has_one_spelling() -> None:
    """The host in lower case, without the port that the scheme has anyway, and without a slash at the end."""
    assert spelled("rtmps://Live.Example:443/app/") == spelled("rtmps://live.example/app")
    assert spelled("rtmp://live.example/App") != spelled("rtmp://live.example/app")
