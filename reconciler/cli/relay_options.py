"""The options of `reconciler relay`, by what they are about, and the settings that they make."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from reconciler import wiring
from reconciler.domain.errors import UsageError
from reconciler.domain.regions import LOCAL
from reconciler.relay.addresses import DEFAULT_PORTS, shown
from reconciler.relay.editing import EditRules
from reconciler.relay.limits import Limits
from reconciler.relay.reach import Reach, authorities_in
from reconciler.relay.settings import MediaKind, RelaySettings
from reconciler.serving.tls import TlsFiles

DEFAULT_LISTEN: Final = "127.0.0.1:0"
_MAX_PORT: Final = 65_535
_LEAST_REQUEST_BYTES: Final = 64 * 1024
"""A flow with its ends fits, so that whoever lowers the limit does not lock out clients."""
_FILE: Final = click.Path(dir_okay=False, path_type=Path)

Verb = TypeVar("Verb", bound=Callable[..., Any])

state_option = click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory of the catalogue and the credentials.  [default: .reconciler]",
)

_API: Final = (
    click.option(
        "--listen",
        default=DEFAULT_LISTEN,
        show_default=True,
        metavar="HOST:PORT",
        help="Address of the API; port 0 takes a free one. Off loopback it needs a certificate, or --insecure-http.",
    ),
    click.option("--tls-cert", type=_FILE, metavar="FILE", help="Its certificate, PEM, the relay's own first."),
    click.option("--tls-key", type=_FILE, metavar="FILE", help="The key of the certificate, PEM, mode 0600."),
    click.option("--insecure-http", is_flag=True, help="Speak plain HTTP where a network can listen."),
    click.option(
        "--accept-unsigned-action",
        is_flag=True,
        help="Off loopback, accept what the official SDK signs, which lets an overheard call be sent as another one.",
    ),
)
_MEDIA: Final = (
    click.option(
        "--media-listen",
        metavar="HOST",
        help="Address on which inputs and outputs listen.  [default: that of --listen]",
    ),
    click.option(
        "--advertise", metavar="HOST", help="Name or address that is given out for them.  [default: the listening one]"
    ),
    click.option(
        "--ports",
        default=shown(DEFAULT_PORTS),
        show_default=True,
        metavar="FIRST-LAST",
        help="From which inputs and outputs get theirs, UDP and TCP.",
    ),
    click.option(
        "--media",
        type=click.Choice([kind.value for kind in MediaKind]),
        default=MediaKind.ENGINES.value,
        show_default=True,
        help="What carries the streams; `none` serves the control plane alone.",
    ),
)
_ACCOUNT: Final = (
    state_option,
    click.option(
        "--region",
        "regions",
        multiple=True,
        metavar="NAME",
        help=f"A region in which it keeps flows; repeat it for more.  [default: {LOCAL}]",
    ),
    click.option(
        "--edit-rules",
        type=click.Choice([rules.value for rules in EditRules]),
        default=EditRules.LIVE_2023.value,
        show_default=True,
        help="What may be changed while a flow runs, by generation of the vendor's documents.",
    ),
)
_REACH: Final = (
    click.option(
        "--deny-destination",
        "denied",
        multiple=True,
        metavar="CIDR",
        help="Addresses that nothing is sent to nor pulled from; repeat it for more. Link-local addresses, where "
        "clouds keep credentials, and the relay itself are denied always.",
    ),
    click.option(
        "--ca-file",
        "ca_files",
        multiple=True,
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Certificates (PEM) that an rtmps:// server may be signed by, beside those that this machine trusts.",
    ),
)
_LIMITS: Final = (
    click.option(
        "--max-flows", type=click.IntRange(1), default=Limits().flows, show_default=True, help="Flows, in all regions."
    ),
    click.option(
        "--max-outputs", type=click.IntRange(1), default=Limits().outputs, show_default=True, help="Outputs of a flow."
    ),
    click.option(
        "--max-request-bytes",
        type=click.IntRange(_LEAST_REQUEST_BYTES),
        default=Limits().request_bytes,
        show_default=True,
        help="Size of a request's body.",
    ),
    click.option(
        "--max-connections",
        type=click.IntRange(4),
        default=Limits().connections,
        show_default=True,
        help="Connections to the API at once; strangers' make room for others.",
    ),
    click.option(
        "--request-timeout",
        type=click.FloatRange(1, 600),
        default=Limits().request_s,
        show_default=True,
        metavar="SECONDS",
        help="How long a client may take to send a request.",
    ),
)

_TESTS: Final = (
    click.option(
        "--faults",
        type=_FILE,
        metavar="FILE",
        help="For tests: do wrong on purpose what this file says. It is read once, at the start.",
    ),
)


def relay_options(verb: Verb) -> Verb:
    """Give a verb all that can be said of a relay; it hands what was said to `relay_settings`."""
    for option in reversed((*_API, *_MEDIA, *_ACCOUNT, *_REACH, *_LIMITS, *_TESTS)):
        verb = option(verb)
    return verb


def relay_settings(said: dict[str, Any], *, state: Path) -> RelaySettings:
    """
    Return the settings that the options make.

    Raises:
        UsageError: they cannot be run.

    """
    host, port = parse_listen(said["listen"])
    return RelaySettings(
        state=said["state"] or state,
        host=host,
        port=port,
        tls=_tls(said["tls_cert"], said["tls_key"]),
        insecure_http=said["insecure_http"],
        accept_unsigned_action=said["accept_unsigned_action"],
        media_host=_bare(said["media_listen"] or ""),
        advertise=_bare(said["advertise"] or ""),
        ports=parse_ports(said["ports"]),
        regions=said["regions"] or (LOCAL,),
        media=MediaKind(said["media"]),
        edit_rules=EditRules(said["edit_rules"]),
        reach=Reach(denied=said["denied"], authorities=authorities_in(said["ca_files"])),
        limits=Limits(
            flows=said["max_flows"],
            outputs=said["max_outputs"],
            request_bytes=said["max_request_bytes"],
            connections=said["max_connections"],
            request_s=said["request_timeout"],
        ),
        faults=wiring.load_faults(said["faults"]) if said["faults"] is not None else None,
    )


def parse_listen(listen: str) -> tuple[str, int]:
    """
    Return host and port of `HOST:PORT`; an IPv6 host stands in brackets.

    Raises:
        UsageError: it is not of that form.

    """
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > _MAX_PORT or not host:
        raise UsageError(f"{listen!r} is not HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080.")
    return _bare(host), int(port)


def parse_ports(ports: str) -> range:
    """
    Return the ports of `FIRST-LAST`, both included.

    Raises:
        UsageError: it is not of that form.

    """
    first, dash, last = ports.partition("-")
    if dash and all(port.isascii() and port.isdigit() for port in (first, last)):
        found = range(int(first), int(last) + 1)
        if found and found.start >= 1 and found.stop - 1 <= _MAX_PORT:
            return found
    raise UsageError(f"--ports: {ports!r} is not FIRST-LAST, such as {shown(DEFAULT_PORTS)}, within 1-{_MAX_PORT}.")


def _bare(host: str) -> str:
    """Return a host without the brackets of an IPv6 address."""
    return "127.0.0.1" if host == "localhost" else host.removeprefix("[").removesuffix("]")


def _tls(certificate: Path | None, key: Path | None) -> TlsFiles | None:
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise UsageError("--tls-cert and --tls-key go together: a certificate is of no use without its key.")
    return TlsFiles(certificate=certificate, key=key)
