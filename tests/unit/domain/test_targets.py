"""Whether two outputs can be on air at once."""

import pytest

from reconciler.domain.model import Address, OutputSettings, OutputSpec, RtmpAddress, RtmpPush, Rtp, Srt
from reconciler.domain.protocols import Protocol, SrtMode
from reconciler.domain.secrets import HIDDEN, Secret, SecretRef, SecretSource, SecretValue
from reconciler.domain.targets import may_coexist
from tests.builders import LOCAL

HERE, THERE = Address("tower.example", 9000), Address("tower.example", 9001)
LISTENER = Srt(mode=SrtMode.LISTENER)
KEY, OTHER = Secret("one key for all"), Secret("another key here")


def spec(protocol: Protocol, settings: OutputSettings = None) -> OutputSpec:
    """Return an output of this protocol."""
    return OutputSpec(region=LOCAL, protocol=protocol, settings=settings)


def caller(*, peer: Address) -> OutputSpec:
    """Return an SRT output that calls somebody."""
    return spec(Protocol.SRT, Srt(mode=SrtMode.CALLER, peer=peer))


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
