"""Where the far ends of a flow are: whom to publish to, and where an output is received."""

from urllib.parse import urlsplit

from reconciler.domain.errors import UsageError
from reconciler.domain.model import (
    Address,
    FlowLink,
    FoundFlow,
    FoundOutput,
    RtmpPush,
    Srt,
)
from reconciler.domain.protocols import Protocol, SrtMode
from reconciler.domain.secrets import Secret, SecretValue
from reconciler.media.probe import ProbeSource, RtmpSource
from reconciler.media.signal import RtmpTarget, SignalTarget
from reconciler.media.srt import SrtSocket


def signal_target(flow: FoundFlow) -> SignalTarget:
    """
    Return where a publisher of this flow sends to.

    Raises:
        UsageError: the input pulls by itself, carries a protocol that no test signal is made for, or hides a secret.

    """
    if flow.spec is None:
        raise UsageError(f"The flow {flow.live_name} has no input that a test signal can be published to")
    source = flow.spec.input
    if source.protocol is Protocol.RTMP and flow.publish_urls:
        url, key = _split(flow.publish_urls[0])
        return RtmpTarget(url=url, stream_key=key)
    if isinstance(source.settings, Srt) and source.settings.mode is SrtMode.LISTENER and flow.input_addresses:
        return _socket(source.settings, flow.input_addresses[0], listens=False)
    raise UsageError(
        f"No test signal can be published to {flow.live_name}: its input is {source.protocol}, and a signal goes to "
        "inputs that are pushed to by SRT or RTMP"
    )


def probe_source(output: FoundOutput) -> ProbeSource:
    """
    Return where this output is received: we pull from it, or listen where it calls this machine.

    Raises:
        UsageError: it sends to another machine, by a protocol that no probe speaks, or hides a secret.

    """
    settings = None if output.spec is None else output.spec.settings
    if isinstance(settings, Srt):
        return _srt_source(output, settings)
    if isinstance(settings, RtmpPush):
        destination = settings.destinations[0]
        _demand_here(output, urlsplit(destination.url).hostname or "")
        return RtmpSource(listens=True, url=destination.url, stream_key=_known(destination.stream_key))
    if output.spec is not None and output.spec.protocol is Protocol.RTMP_PULL and output.pull_urls:
        url, key = _split(output.pull_urls[0])
        return RtmpSource(listens=False, url=url, stream_key=key)
    raise UsageError(f"The output {output.live_name} cannot be probed: probes receive SRT and RTMP")


def _srt_source(output: FoundOutput, settings: Srt) -> SrtSocket:
    match settings.peer:
        case Address() as peer:
            _demand_here(output, peer.host)
            return _socket(settings, peer, listens=True)
        case FlowLink():
            raise UsageError(f"The output {output.live_name} calls another flow; probe an output of that one")
        case None if output.pull_urls:
            url = urlsplit(output.pull_urls[0])
            return _socket(settings, Address(url.hostname or "", url.port or 0), listens=False)
        case _:
            raise UsageError(f"The backend has given the output {output.live_name} no address yet")


def _socket(settings: Srt, address: Address, *, listens: bool) -> SrtSocket:
    encryption = settings.encryption
    return SrtSocket(
        listens=listens,
        host=address.host,
        port=address.port,
        latency_ms=settings.latency_ms,
        stream_id="" if listens else settings.stream_id,
        passphrase=None if encryption is None else _known(encryption.passphrase),
        key_length=0 if encryption is None else encryption.key_length,
    )


def _known(secret: SecretValue) -> Secret:
    if not isinstance(secret, Secret):
        raise UsageError("The backend does not tell the secret that is needed here")
    return secret


def _demand_here(output: FoundOutput, host: str) -> None:
    if not Address(host, 1).is_loopback:
        raise UsageError(
            f"The output {output.live_name} sends to {host}, and a probe listens on this machine alone: "
            "run it there, or point the output at 127.0.0.1"
        )


def _split(url: str) -> tuple[str, Secret]:
    """Return the URL without its last part, and that part, which is the key."""
    base, _, key = url.rpartition("/")
    return base, Secret(key)
