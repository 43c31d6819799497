"""Where the engines of this relay may connect to, and whom they trust there."""

import re
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

from reconciler.domain.errors import EnvironmentFailedError, UsageError
from reconciler.relay.addresses import Transport
from reconciler.relay.media import (
    FlowMedia,
    InputMedia,
    OutputMedia,
    RtmpIngest,
    RtmpPull,
    RtpReceive,
    RtspServe,
    SrtEnd,
)

ALWAYS_DENIED: Final = (
    "0.0.0.0/8",
    "::/128",
    "255.255.255.255/32",
    "169.254.0.0/16",
    "fe80::/10",
    "100.100.100.200/32",
    "fd00:ec2::254/128",
    "fd20:ce::254/128",
)
"""
"This host", which the kernel takes for loopback; everybody on the wire; link-local, where most clouds keep a machine's
credentials; and where Alibaba Cloud, AWS and Google Cloud keep them besides. Multicast is where RTP may well go.

Source: IANA's special-purpose address registries; each cloud's page on instance metadata.
"""

_CERTIFICATE: Final = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What the engines of one flow keep to, for one kind of transport."""

    denied: tuple[str, ...] = ALWAYS_DENIED
    """CIDRs."""
    ports: tuple[int, ...] = ()
    """Of this machine: those of the relay itself, and of the very flow, which would be fed with itself."""
    authorities: str = ""
    """Certificates that are trusted beside those of the machine, PEM."""

    def order(self) -> dict[str, Any]:
        """Return what an engine is told of whom it may send to."""
        return {"denied": list(self.denied), "denied_ports": list(self.ports)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What the operator says of all flows."""

    denied: tuple[str, ...] = ()
    """CIDRs beside those that are denied always."""
    own_ports: tuple[int, ...] = ()
    """TCP ports of the relay itself, which no flow may send to."""
    authorities: str = ""
    """Certificates that are trusted beside those of the machine, PEM."""

    def __post_init__(self) -> None:
        """Refuse what is no CIDR."""
        for cidr in self.denied:
            try:
                ip_network(cidr)
            except ValueError as error:
                raise UsageError(
                    f"--deny-destination {cidr} is no CIDR such as 10.0.0.0/8, 192.0.2.7/32 or 2001:db8::/32: {error}."
                ) from error

    def bounds(self, flow: FlowMedia, transport: Transport) -> Bounds:
        """Return what this flow's engines keep to."""
        ends: tuple[InputMedia | OutputMedia, ...] = (flow.input, *flow.outputs)
        own = {port for end in ends if (port := _port_of(end, transport)) is not None}
        if transport is Transport.TCP:
            own.update(self.own_ports)
        return Bounds(denied=(*ALWAYS_DENIED, *self.denied), ports=tuple(sorted(own)), authorities=self.authorities)


ANYWHERE: Final = Reach()
"""But for where no relay ever sends."""


def _port_of(one: InputMedia | OutputMedia, transport: Transport) -> int | None:
    """Return the port at which an end of ours waits; None where it does not, or not there."""
    match one.end, transport:
        case ((SrtEnd(listens=True, port=port) | RtpReceive(port=port)), Transport.UDP):
            return port
        case ((RtmpIngest(port=port) | RtmpPull(port=port) | RtspServe(port=port)), Transport.TCP):
            return port
        case _:
            return None


def authorities_in(files: Iterable[Path]) -> str:
    """
    Return the certificates in files, PEM; a key that stands beside them stays there.

    Raises:
        EnvironmentFailedError: a file cannot be read, or holds none.

    """
    found = ""
    for file in files:
        try:
            text = "\n".join(_CERTIFICATE.findall(file.read_text(encoding="ascii", errors="replace")))
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
        except (OSError, ValueError) as error:
            raise EnvironmentFailedError(
                f"--ca-file {file} holds no certificate that can be read: it is to be PEM, with a line "
                f"-----BEGIN CERTIFICATE----- for each."
            ) from error
        found += f"{text}\n"
    return found
