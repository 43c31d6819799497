"""What the operator says of where engines may connect to."""

from pathlib import Path

import pytest

from reconciler.domain.errors import EnvironmentFailedError, UsageError
from reconciler.domain.secrets import Secret
from reconciler.relay.addresses import Transport
from reconciler.relay.media import (
    EndId,
    FlowMedia,
    InputEnd,
    InputMedia,
    OutputEnd,
    OutputMedia,
    RtmpIngest,
    RtmpPlay,
    RtmpPull,
    RtpDestination,
    RtpReceive,
    RtpSend,
    RtspPull,
    RtspServe,
    SrtEnd,
)
from reconciler.relay.reach import ALWAYS_DENIED, Reach, authorities_in

KEY = Secret("key")
TCP, UDP = Transport.TCP, Transport.UDP


def srt(port: int, *, listens: bool) -> SrtEnd:
    """Return an SRT end."""
    return SrtEnd(listens=listens, host="127.0.0.1", port=port, latency_ms=120, peer_idle_timeout_ms=5000)


@pytest.mark.parametrize(
    ("source", "out", "transport", "ports"),
    [
        (srt(1, listens=True), srt(2, listens=True), UDP, (1, 2)),
        pytest.param(srt(1, listens=True), srt(2, listens=False), UDP, (1,), id="who calls has no port"),
        pytest.param(srt(1, listens=True), srt(2, listens=True), TCP, (80,), id="ports of UDP are not those of TCP"),
        (RtpReceive(host="127.0.0.1", port=1), RtpSend(destinations=(RtpDestination(host="h", port=2),)), UDP, (1,)),
        (RtmpIngest(host="h", port=1, app="live", stream_key=KEY), RtmpPlay(app="play", stream_key=KEY), TCP, (1, 80)),
        (RtmpPull(url="rtmp://h/a", stream_key=KEY, host="h", port=1), srt(2, listens=True), TCP, (1, 80)),
        (RtspPull(url="rtsp://h/a"), RtspServe(host="h", port=2, path="play"), TCP, (2, 80)),
    ],
)
def test_a_flow_keeps_away_from_its_own_ports_and_the_api(
    source: InputEnd, out: OutputEnd, transport: Transport, ports: tuple[int, ...]
) -> None:
    """Each kind of transport has ports of its own; the API's is TCP."""
    outputs = (OutputMedia(id=EndId("out"), end=out),)
    flow = FlowMedia(id="flow", input=InputMedia(id=EndId("in"), end=source), outputs=outputs)

    bounds = Reach(denied=("10.0.0.0/8",), own_ports=(80,)).bounds(flow, transport)

    assert bounds.ports == ports
    assert bounds.denied == (*ALWAYS_DENIED, "10.0.0.0/8")


@pytest.mark.parametrize("cidr", ["10.0.0.1/8", "example.com", "10.0.0.0/33", ""])
def test_what_is_no_cidr_is_refused(cidr: str) -> None:
    """A list that denies less than was meant would be worse than none."""
    with pytest.raises(UsageError, match="is no CIDR"):
        Reach(denied=(cidr,))


def test_a_file_without_certificates_is_refused(tmp_path: Path) -> None:
    """Nobody believes that a server is verified by an authority that is not there."""
    empty = tmp_path / "empty.pem"
    empty.touch()

    with pytest.raises(EnvironmentFailedError, match=r"holds no certificate"):
        authorities_in([empty])


def test_nothing_given_is_nobody_trusted_besides() -> None:
    """The machine's own authorities remain."""
    assert authorities_in([]) == ""
