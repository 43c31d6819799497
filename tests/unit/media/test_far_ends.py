"""Where the far ends of a flow are."""

from dataclasses import replace

import pytest

from reconciler.domain.errors import UsageError
from reconciler.domain.model import (
    Address,
    Credentials,
    Encryption,
    FlowKey,
    FlowLink,
    FoundFlow,
    FoundOutput,
    InputSpec,
    OutputSettings,
    OutputSpec,
    RtmpAddress,
    RtmpPullSource,
    RtmpPush,
    Rtp,
    RtspSource,
    Srt,
)
from reconciler.domain.protocols import Protocol, SrtMode
from reconciler.domain.secrets import HIDDEN, Secret
from reconciler.media.far_ends import probe_source, signal_target
from reconciler.media.probe import RtmpSource, RtpSocket, RtspAddress
from reconciler.media.rtsp import RtspOrigin
from reconciler.media.senders import RtmpOrigin, RtmpTarget, RtpTarget
from reconciler.media.srt import SrtSocket
from tests.builders import LOCAL, flow, found_flow

KEY = Secret("correct horse")
SRT = Srt(mode=SrtMode.LISTENER, latency_ms=300, stream_id="live", encryption=Encryption(key_length=24, passphrase=KEY))
HERE = Address("127.0.0.1", 9000)


def flow_with(source: InputSpec, *, publish_urls: tuple[str, ...] = ()) -> FoundFlow:
    """Return a found flow with this input."""
    wanted = flow()
    found = found_flow(replace(wanted, spec=replace(wanted.spec, input=source)))
    return replace(found, publish_urls=publish_urls)


def output_with(protocol: Protocol, settings: OutputSettings, *, pull_urls: tuple[str, ...] = ()) -> FoundOutput:
    """Return a found output with these settings."""
    spec = OutputSpec(region=LOCAL, protocol=protocol, settings=settings)
    return FoundOutput(id="id", live_name="tower", mark=None, spec=spec, pull_urls=pull_urls)


def test_a_signal_calls_an_srt_listener() -> None:
    """With what the input asks for: address, latency, stream id and key."""
    found = flow_with(InputSpec(protocol=Protocol.SRT, settings=SRT))

    assert signal_target(found) == SrtSocket(
        listens=False,
        host="127.0.0.1",
        port=20000,
        latency_ms=300,
        stream_id="live",
        passphrase=KEY,
        key_length=24,
    )


def test_a_signal_is_pushed_to_an_rtmp_input() -> None:
    """The last part of the URL is the key."""
    found = flow_with(InputSpec(protocol=Protocol.RTMP), publish_urls=("rtmp://127.0.0.1:1935/live/key",))

    assert signal_target(found) == RtmpTarget(url="rtmp://127.0.0.1:1935/live", stream_key=Secret("key"))


def test_a_signal_is_sent_to_an_rtp_input() -> None:
    """Nobody answers there."""
    found = flow_with(InputSpec(protocol=Protocol.RTP, settings=Rtp()))

    assert signal_target(found) == RtpTarget(host="127.0.0.1", port=20000)


def test_a_signal_listens_where_an_srt_input_calls_this_machine() -> None:
    """With what the input brings: latency and key, but no stream id, which a listener does not say."""
    settings = replace(SRT, mode=SrtMode.CALLER, peer=Address("localhost", 9000))

    found = signal_target(flow_with(InputSpec(protocol=Protocol.SRT, settings=settings)))

    assert found == SrtSocket(
        listens=True, host="127.0.0.1", port=9000, latency_ms=300, stream_id="", passphrase=KEY, key_length=24
    )


def test_a_signal_is_served_where_an_input_pulls_from_this_machine() -> None:
    """At the very URL, with the key, the name and the password that the input comes with."""
    address = RtmpAddress(url="rtmp://localhost:1935/live", stream_key=KEY)
    credentials = Credentials(username="viewer", password=KEY)
    rtmp = InputSpec(protocol=Protocol.RTMP_PULL, settings=RtmpPullSource(source=address))
    rtsp = InputSpec(protocol=Protocol.RTSP, settings=RtspSource(url="rtsp://[::1]/live/main", credentials=credentials))
    open_rtsp = InputSpec(protocol=Protocol.RTSP, settings=RtspSource(url="rtsp://127.0.0.1:8554/live"))

    assert signal_target(flow_with(rtmp)) == RtmpOrigin(url="rtmp://127.0.0.1:1935/live", stream_key=KEY)
    assert signal_target(flow_with(rtsp)) == RtspOrigin(
        host="::1", port=554, path="live/main", username="viewer", password=KEY
    )
    assert signal_target(flow_with(open_rtsp)) == RtspOrigin(host="127.0.0.1", port=8554, path="live")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        pytest.param(
            InputSpec(protocol=Protocol.RTSP, settings=RtspSource(url="rtsp://camera.example/live")),
            "pulls from camera.example, and a test signal is served by this machine alone",
            id="another machine",
        ),
        pytest.param(
            InputSpec(protocol=Protocol.RTSP, settings=RtspSource(url="rtsps://127.0.0.1/live")),
            "pulls from rtsps://",
            id="RTSP over TLS",
        ),
        pytest.param(
            InputSpec(
                protocol=Protocol.RTMP_PULL,
                settings=RtmpPullSource(source=RtmpAddress(url="rtmp://192.0.2.7/live", stream_key=KEY)),
            ),
            "pulls from 192.0.2.7",
            id="an address of another machine",
        ),
    ],
)
def test_a_signal_is_not_served_for_others(source: InputSpec, words: str) -> None:
    """An input that pulls from elsewhere is told apart, with what to do."""
    with pytest.raises(UsageError, match=words):
        signal_target(flow_with(source))


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(InputSpec(protocol=Protocol.SRT, settings=replace(SRT, mode=SrtMode.CALLER)), id="an SRT caller"),
        pytest.param(InputSpec(protocol=Protocol.RTMP), id="RTMP without an address"),
        pytest.param(
            InputSpec(
                protocol=Protocol.SRT, settings=replace(SRT, encryption=Encryption(key_length=16, passphrase=HIDDEN))
            ),
            id="a secret that the backend hides",
        ),
    ],
)
def test_other_inputs_take_no_signal(source: InputSpec) -> None:
    """What cannot be published to is refused with the reason."""
    with pytest.raises(UsageError):
        signal_target(flow_with(source))


def test_a_flow_beyond_manifests_takes_no_signal() -> None:
    """Nothing is known of its input."""
    with pytest.raises(UsageError, match="no input"):
        signal_target(replace(found_flow(flow()), spec=None))


def test_a_probe_pulls_from_what_is_pulled() -> None:
    """An SRT listener and an RTMP_PULL output are called where the backend says."""
    srt = probe_source(output_with(Protocol.SRT, SRT, pull_urls=("srt://127.0.0.1:20001?mode=caller",)))
    rtmp = probe_source(output_with(Protocol.RTMP_PULL, None, pull_urls=("rtmp://127.0.0.1:20002/play/key",)))

    assert isinstance(srt, SrtSocket)
    assert (srt.listens, srt.port, srt.passphrase) == (False, 20001, KEY)
    assert rtmp == RtmpSource(listens=False, url="rtmp://127.0.0.1:20002/play", stream_key=Secret("key"))


def test_a_probe_listens_where_an_output_calls_this_machine() -> None:
    """An SRT caller and a push find it at their destination."""
    srt = probe_source(output_with(Protocol.SRT, replace(SRT, mode=SrtMode.CALLER, peer=HERE)))
    push = RtmpPush(destinations=(RtmpAddress(url="rtmp://127.0.0.1:1935/live", stream_key=KEY),))
    rtmp = probe_source(output_with(Protocol.RTMP_PUSH, push))

    assert isinstance(srt, SrtSocket)
    assert (srt.listens, srt.host, srt.port) == (True, "127.0.0.1", 9000)
    assert rtmp == RtmpSource(listens=True, url="rtmp://127.0.0.1:1935/live", stream_key=KEY)


@pytest.mark.parametrize(
    ("protocol", "settings", "words"),
    [
        pytest.param(
            Protocol.SRT,
            replace(SRT, mode=SrtMode.CALLER, peer=Address("tower.example", 9)),
            "tower.example",
            id="away",
        ),
        pytest.param(
            Protocol.SRT,
            replace(SRT, mode=SrtMode.CALLER, peer=FlowLink(FlowKey("edge"))),
            "another flow",
            id="another flow",
        ),
        pytest.param(Protocol.SRT, SRT, "no address yet", id="no address"),
        pytest.param(Protocol.RTP, Rtp(destinations=(Address("192.0.2.7", 9),)), "sends to 192.0.2.7", id="RTP away"),
        pytest.param(Protocol.RTSP, None, "no address yet", id="RTSP without an address"),
    ],
)
def test_what_cannot_be_probed_is_refused(protocol: Protocol, settings: OutputSettings, words: str) -> None:
    """The reason is said."""
    with pytest.raises(UsageError, match=words):
        probe_source(output_with(protocol, settings))


def test_a_probe_listens_where_rtp_is_sent_to_this_machine() -> None:
    """Of two destinations the first that is."""
    settings = Rtp(destinations=(Address("192.0.2.7", 9000), Address("localhost", 9001)))

    assert probe_source(output_with(Protocol.RTP, settings)) == RtpSocket(host="127.0.0.1", port=9001)


def test_a_probe_pulls_rtsp() -> None:
    """The URL is the backend's."""
    found = probe_source(output_with(Protocol.RTSP, None, pull_urls=("rtsp://127.0.0.1:20001/play",)))

    assert found == RtspAddress(url=Secret("rtsp://127.0.0.1:20001/play"))


def test_what_manifests_cannot_say_is_not_probed() -> None:
    """Its protocol is another one."""
    with pytest.raises(UsageError, match="nothing that manifests can say"):
        probe_source(FoundOutput(id="id", live_name="tower", mark=None, spec=None))
