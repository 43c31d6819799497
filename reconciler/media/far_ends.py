"""Where the far ends of a flow are: whom to publish to, and where an output is received."""

from typing import Final
from urllib.parse import urlsplit

from reconciler.domain.errors import UsageError
from reconciler.domain.model import (
    Address,
    FlowLink,
    FoundFlow,
    FoundOutput,
    RtmpPullSource,
    RtmpPush,
    Rtp,
    RtspSource,
    Srt,
)
from reconciler.domain.protocols import Protocol, SrtMode
from reconciler.domain.secrets import Secret, SecretValue
from reconciler.media.own import own_address
from reconciler.media.probe import ProbeSource, RtmpSource, RtpSocket, RtspAddress
from reconciler.media.rtsp import RtspOrigin
from reconciler.media.senders import RtmpOrigin, RtmpTarget, RtpTarget, SignalTarget
from reconciler.media.srt import SrtSocket

RTSP_PORT: Final = 554
"""Of RTSP where the address names none. Source: RFC 2326, 3.2."""


def signal_target(flow: FoundFlow) -> SignalTarget:
    """
    Return where a publisher of this flow sends to, or serves where the input pulls or calls.

    Raises:
        UsageError: the input pulls from another machine, carries what no test signal is made for, or hides a secret.

    """
    if flow.spec is None:
        raise UsageError(f"The flow {flow.live_name} has no input that a test signal can be published to")
    source = flow.spec.input
    match source.settings:
        case None if source.protocol is Protocol.RTMP and flow.publish_urls:
            url, key = _split(flow.publish_urls[0])
            return RtmpTarget(url=url, stream_key=key)
        case Srt(mode=SrtMode.LISTENER) as settings if flow.input_addresses:
            return _socket(settings, flow.input_addresses[0], listens=False)
        case Srt(mode=SrtMode.CALLER, peer=Address() as peer) as settings:
            return _socket(settings, Address(_ours(flow, peer.host), peer.port), listens=True)
        case Rtp() if flow.input_addresses:
            return RtpTarget(host=flow.input_addresses[0].host, port=flow.input_addresses[0].port)
        case RtmpPullSource(source=pulled):
            return RtmpOrigin(url=_url_of_ours(flow, pulled.url, "rtmp"), stream_key=_known(pulled.stream_key))
        case RtspSource() as pulled:
            return _rtsp_origin(flow, pulled)
        case _:
            raise UsageError(f"The backend has given the input of {flow.live_name} no address yet")


def _rtsp_origin(flow: FoundFlow, pulled: RtspSource) -> RtspOrigin:
    parts, credentials = urlsplit(_url_of_ours(flow, pulled.url, "rtsp")), pulled.credentials
    return RtspOrigin(
        host=parts.hostname or "",
        port=parts.port or RTSP_PORT,
        path=parts.path.strip("/"),
        username="" if credentials is None else credentials.username,
        password=None if credentials is None else _known(credentials.password),
    )


def _url_of_ours(flow: FoundFlow, url: str, scheme: str) -> str:
    """Return the URL that an input pulls from, with the number of an address of this machine in it."""
    parts = urlsplit(url)
    if parts.scheme != scheme:
        raise UsageError(
            f"The input of {flow.live_name} pulls from {parts.scheme}://, and a test signal is served over {scheme}:// "
            "alone: it has no certificate"
        )
    return _at(_ours(flow, parts.hostname or ""), url)


def _at(host: str, url: str) -> str:
    """Return a URL with another host in it, and without a user name."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return parts._replace(netloc=f"[{host}]{port}" if ":" in host else f"{host}{port}").geturl()


def _ours(flow: FoundFlow, host: str) -> str:
    if (ours := own_address(host)) is None:
        raise UsageError(
            f"The input of {flow.live_name} pulls from {host}, and a test signal is served by this machine alone: "
            "run it there, or point the input at 127.0.0.1"
        )
    return ours


def probe_source(output: FoundOutput) -> ProbeSource:
    """
    Return where this output is received: we pull from it, or listen where it calls this machine.

    Of two RTP destinations it is the first that is this machine's.

    Raises:
        UsageError: it sends to another machine, by a protocol that no probe speaks, or hides a secret.

    """
    settings, protocol = (None, None) if output.spec is None else (output.spec.settings, output.spec.protocol)
    match settings:
        case Srt():
            return _srt_source(output, settings)
        case RtmpPush():
            destination = settings.destinations[0]
            here = _demand_here(output, urlsplit(destination.url).hostname or "")
            return RtmpSource(listens=True, url=_at(here, destination.url), stream_key=_known(destination.stream_key))
        case Rtp():
            return _rtp_source(output, settings)
        case None if protocol is Protocol.RTMP_PULL and output.pull_urls:
            url, key = _split(output.pull_urls[0])
            return RtmpSource(listens=False, url=url, stream_key=key)
        case None if protocol is Protocol.RTSP and output.pull_urls:
            return RtspAddress(url=Secret(output.pull_urls[0]))
        case None if protocol is not None:
            raise UsageError(f"The backend has given the output {output.live_name} no address yet")
        case _:
            raise UsageError(f"The output {output.live_name} cannot be probed: it is nothing that manifests can say")


def _rtp_source(output: FoundOutput, settings: Rtp) -> RtpSocket:
    for destination in settings.destinations:
        if (host := own_address(destination.host)) is not None:
            return RtpSocket(host=host, port=destination.port)
    away = ", ".join(destination.host for destination in settings.destinations)
    raise _away(output, away)


def _srt_source(output: FoundOutput, settings: Srt) -> SrtSocket:
    match settings.peer:
        case Address() as peer:
            return _socket(settings, Address(_demand_here(output, peer.host), peer.port), listens=True)
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


def _demand_here(output: FoundOutput, host: str) -> str:
    if (ours := own_address(host)) is None:
        raise _away(output, host)
    return ours


def _away(output: FoundOutput, host: str) -> UsageError:
    return UsageError(
        f"The output {output.live_name} sends to {host}, and a probe listens on this machine alone: "
        "run it there, or point the output at 127.0.0.1"
    )


def _split(url: str) -> tuple[str, Secret]:
    """Return the URL without its last part, and that part, which is the key."""
    base, _, key = url.rpartition("/")
    return base, Secret(key)
