"""Every property of every kind and protocol, each changed alone: what a sweep over all of them goes through."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from reconciler.domain.model import (
    Address,
    Care,
    Credentials,
    Encryption,
    Flow,
    FlowSpec,
    InputSettings,
    InputSpec,
    Output,
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
from reconciler.domain.secrets import Secret
from tests.fakes import samples
from tests.fakes.samples import AWAY, FLOW_OF, FLOWS, OUTPUTS

NEW_SECRET: Final = Secret("another-secret-1", version=7)


@dataclass(frozen=True)
class Case:
    """A resource, the property that is changed, and the resource with another value there."""

    path: str
    before: Flow | Output
    after: Flow | Output

    @property
    def flow(self) -> Flow:
        """Return the flow that it is, or belongs to, as it is before."""
        return self.before if isinstance(self.before, Flow) else FLOW_OF[self.before.key.flow_key]

    def __str__(self) -> str:
        """Return what a test is called by it."""
        return f"{self.before.key.name} {self.path}"


def cases() -> Iterator[Case]:
    """Yield every property of every sample."""
    for flow in FLOWS:
        for path, after in _flows(flow):
            yield Case(path, flow, after)
    for output in OUTPUTS:
        for path, changed in _outputs(output):
            yield Case(path, output, changed)


def _flows(flow: Flow) -> Iterator[tuple[str, Flow]]:
    spec, received = flow.spec, flow.spec.input
    yield "liveName", replace(flow, live_name="another")
    yield "region", _flow(flow, replace(spec, region=AWAY))
    yield "maxBandwidth", _flow(flow, replace(spec, max_bandwidth_bps=50_000_000))
    yield "protect", replace(flow, care=Care(protected=True))
    yield "description", _receiving(flow, replace(received, description="other words"))
    if received.allowlist is not None:
        yield "input.allowlist", _receiving(flow, replace(received, allowlist=("192.0.2.0/24",)))
    if received.protocol is Protocol.RTMP:
        pull = InputSpec(protocol=Protocol.RTMP_PULL, settings=samples.RTMP_PULL_FLOW.spec.input.settings)
        yield "input.protocol", _receiving(flow, pull)
    for path, settings in _of_input(received.settings):
        yield f"input.{path}", _receiving(flow, replace(received, settings=settings, allowlist=_list(path, received)))


def _list(path: str, received: InputSpec) -> tuple[str, ...] | None:
    """Return the allowlist of an input: a caller has none, a listener has."""
    if path != "srt.mode":
        return received.allowlist
    return None if received.allowlist is not None else ()


def _outputs(output: Output) -> Iterator[tuple[str, Output]]:
    spec = output.spec
    yield "liveName", replace(output, live_name="another")
    yield "region", _output(output, replace(spec, region=AWAY))
    yield "protect", replace(output, care=Care(protected=True))
    yield "description", _output(output, replace(spec, description="other words"))
    if spec.allowlist is not None:
        yield "allowlist", _output(output, replace(spec, allowlist=("192.0.2.0/24",)))
        yield "maxConcurrent", _output(output, replace(spec, max_concurrent=3))
    if output is samples.SRT_CALLER:
        yield "protocol", _output(output, samples.RTMP_PUSH.spec)
    for path, settings in _of_output(spec.settings):
        if path == "srt.mode":
            pulled = spec.allowlist is None
            yield (
                path,
                _output(
                    output,
                    replace(
                        spec, settings=settings, allowlist=() if pulled else None, max_concurrent=4 if pulled else None
                    ),
                ),
            )
        else:
            yield path, _output(output, replace(spec, settings=settings))


def _flow(flow: Flow, spec: FlowSpec) -> Flow:
    return replace(flow, spec=spec)


def _receiving(flow: Flow, received: InputSpec) -> Flow:
    return _flow(flow, replace(flow.spec, input=received))


def _output(output: Output, spec: OutputSpec) -> Output:
    return replace(output, spec=spec)


def _of_input(settings: InputSettings) -> Iterator[tuple[str, InputSettings]]:
    match settings:
        case Srt():
            yield from _srt(settings, "source")
        case RtmpPullSource(source=source):
            yield "rtmpPull.url", RtmpPullSource(source=replace(source, url="rtmp://other.example/live"))
            yield "rtmpPull.streamKey", RtmpPullSource(source=replace(source, stream_key=NEW_SECRET))
        case Rtp():
            yield from _rtp(settings)
        case RtspSource():
            yield from _rtsp(settings)
        case _:
            pass


def _of_output(settings: OutputSettings) -> Iterator[tuple[str, OutputSettings]]:
    match settings:
        case Srt():
            yield from _srt(settings, "destination")
        case RtmpPush():
            yield from _push(settings)
        case Rtp():
            yield from _rtp(settings)
        case _:
            pass


def _srt(srt: Srt, peer: str) -> Iterator[tuple[str, Srt]]:
    is_caller = srt.mode is SrtMode.CALLER
    other = SrtMode.LISTENER if is_caller else SrtMode.CALLER
    yield "srt.mode", replace(srt, mode=other, peer=None if is_caller else Address("other.example", 9000))
    yield "srt.latency", replace(srt, latency_ms=333)
    yield "srt.streamId", replace(srt, stream_id="r=other")
    yield "srt.peerIdleTimeout", replace(srt, peer_idle_timeout_ms=7777)
    if srt.peer is not None:
        yield f"srt.{peer}", replace(srt, peer=Address("other.example", 9001))
    if srt.encryption is None:
        yield "srt.encryption", replace(srt, encryption=Encryption(key_length=16, passphrase=NEW_SECRET))
        return
    yield "srt.encryption", replace(srt, encryption=None)
    yield "srt.encryption.keyLength", replace(srt, encryption=replace(srt.encryption, key_length=24))
    yield "srt.encryption.passphrase", replace(srt, encryption=replace(srt.encryption, passphrase=NEW_SECRET))


def _push(push: RtmpPush) -> Iterator[tuple[str, RtmpPush]]:
    first, *others = push.destinations
    for path, one in _addresses(first):
        yield f"rtmpPush.destinations[0].{path}", replace(push, destinations=(one, *others))
    yield "rtmpPush.destinations", replace(push, destinations=(first,))
    yield "rtmpPush.chunkSize", replace(push, chunk_size=4096)


def _addresses(address: RtmpAddress) -> Iterator[tuple[str, RtmpAddress]]:
    yield "url", replace(address, url="rtmp://other.example/live")
    yield "streamKey", replace(address, stream_key=NEW_SECRET)


def _rtp(rtp: Rtp) -> Iterator[tuple[str, Rtp]]:
    yield "rtp.idleTimeout", replace(rtp, idle_timeout_ms=7777)
    if rtp.destinations:
        yield "rtp.destinations[0]", replace(rtp, destinations=(Address("203.0.113.9", 6000), *rtp.destinations[1:]))
        yield "rtp.destinations", replace(rtp, destinations=rtp.destinations[:1])


def _rtsp(rtsp: RtspSource) -> Iterator[tuple[str, RtspSource]]:
    yield "rtsp.url", replace(rtsp, url="rtsp://other.example/stream")
    yield "rtsp.credentials", replace(rtsp, credentials=None)
    login = rtsp.credentials
    if login is not None:
        yield "rtsp.credentials.username", replace(rtsp, credentials=replace(login, username="somebody"))
        changed = Credentials(username=login.username, password=NEW_SECRET)
        yield "rtsp.credentials.password", replace(rtsp, credentials=changed)
