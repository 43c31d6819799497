"""Where an input is published to and an output is received from, as the API says it. These hold keys."""

from collections.abc import Iterator
from typing import Final

from reconciler.domain.model import Address
from reconciler.streamlink.reading import Members
from reconciler.streamlink.wire import UrlType, WireProtocol

RTMP_PORT: Final = 1935
"""Of RTMP where the address names none. Source: StreamLink API, the push URL of an RTMP input."""


def input_addresses(found: Members) -> Iterator[Address]:
    """Yield where an input listens; two where it fails over."""
    for each in found.objects("InputAddressList"):
        host, port = each.text("Ip"), each.number("Port", default=0)
        if host and port:
            yield Address(host=host, port=port)


def publish_urls(found: Members) -> tuple[str, ...]:
    """Return whole URLs that a publisher uses: those that the service says, else made from addresses and keys."""
    return tuple(_said(found, UrlType.INGEST)) or tuple(_made_publish_urls(found))


def pull_urls(found: Members) -> tuple[str, ...]:
    """Return whole URLs that receivers use."""
    return tuple(_said(found, UrlType.PLAYBACK)) or tuple(_made_pull_urls(found))


def _said(found: Members, kind: UrlType) -> Iterator[str]:
    for each in found.objects("StreamUrls"):
        if each.text("Type").lower() == kind.lower() and each.text("Url"):
            yield each.text("Url")


def _made_publish_urls(found: Members) -> Iterator[str]:
    protocol = found.text("Protocol").upper()
    if protocol == WireProtocol.RTMP:
        rtmp = found.inner("RTMPSettings")
        for each in found.objects("InputAddressList"):
            port = each.number("Port", default=0) or RTMP_PORT
            yield f"rtmp://{Address(host=each.text('Ip'), port=port)}/{rtmp.text('AppName')}/{rtmp.text('StreamKey')}"
    elif protocol in {WireProtocol.SRT, WireProtocol.RTP}:
        for address in input_addresses(found):
            yield f"{protocol.lower()}://{address}"


def _made_pull_urls(found: Members) -> Iterator[str]:
    for each in found.inner("RTMPPullSettings").objects("ServerUrls"):
        yield f"{each.text('TcUrl').rstrip('/')}/{each.text('StreamKey')}"
    for each in found.inner("RTSPPullSettings").objects("ServerUrls"):
        yield each.text("Url")
    for each in found.inner("SRTSettings").objects("SourceAddresses"):
        yield f"srt://{Address(host=each.text('Ip'), port=each.number('Port', default=0))}"
