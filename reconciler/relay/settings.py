"""How a relay is run, and what of that cannot be."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from reconciler.domain.errors import UsageError
from reconciler.domain.regions import LOCAL
from reconciler.relay import hosts
from reconciler.relay.addresses import DEFAULT_PORTS
from reconciler.relay.editing import EditRules
from reconciler.relay.faults.injection import Faults
from reconciler.relay.limits import Limits
from reconciler.relay.reach import ANYWHERE, Reach
from reconciler.serving.tls import TlsFiles

_REGION: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class MediaKind(StrEnum):
    """What carries the streams."""

    ENGINES = "engines"
    NONE = "none"
    """Nothing does: the control plane alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaySettings:
    """How a relay is run."""

    state: Path
    """Directory of the catalogue, the credentials and the engines' files."""
    host: str = "127.0.0.1"
    """Address of the API."""
    port: int = 0
    """TCP port of the API; 0 takes a free one."""
    tls: TlsFiles | None = None
    """None for plain HTTP."""
    insecure_http: bool = False
    """Whether plain HTTP is meant where a network can listen."""
    accept_unsigned_action: bool = False
    """Whether requests may be signed as the official SDK does it where a network can listen, and be sent twice."""
    media_host: str = ""
    """Address on which inputs and outputs listen; "" for that of the API."""
    advertise: str = ""
    """Name or address under which the world reaches inputs and outputs; "" for the one that they listen on."""
    regions: tuple[str, ...] = (LOCAL,)
    """Where it keeps flows."""
    media: MediaKind = MediaKind.ENGINES
    edit_rules: EditRules = EditRules.LIVE_2023
    ports: range = DEFAULT_PORTS
    """From which inputs and outputs get theirs."""
    reach: Reach = ANYWHERE
    """Where its engines may connect to, and whom they trust there."""
    limits: Limits = field(default_factory=Limits)
    faults: Faults | None = None
    """What goes wrong on purpose; for tests."""

    @property
    def media_address(self) -> str:
        """Where inputs and outputs listen."""
        return self.media_host or self.host

    @property
    def is_overheard(self) -> bool:
        """Whether a network can reach the API, and then perhaps listen to it."""
        return not hosts.is_loopback(self.host)

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        self._demand_addresses()
        if self.insecure_http and self.tls is not None:
            raise UsageError(
                "--insecure-http and --tls-cert exclude each other: with a certificate there is no plain HTTP."
            )
        if self.is_overheard and self.tls is None and not self.insecure_http:
            raise UsageError(
                f"--listen {self.host} is no loopback address, and plain HTTP would show every stream key and "
                f"passphrase to the network. Give the relay a certificate (--tls-cert FILE --tls-key FILE); or say "
                f"--insecure-http where nobody else is on that network."
            )
        if not self.regions:
            raise UsageError("The relay needs at least one region; `local` will do.")
        for region in self.regions:
            if _REGION.fullmatch(region) is None:
                raise UsageError(f"{region!r} is no region: lower-case letters and digits, parts joined by hyphens.")

    def _demand_addresses(self) -> None:
        hosts.demand_address(self.host, "--listen")
        hosts.demand_address(self.media_address, "--media-listen")
        if self.advertise:
            hosts.demand_reachable(self.advertise, "--advertise")
        elif hosts.is_unspecified(self.media_address):
            raise UsageError(
                f"Inputs and outputs would listen on {self.media_address}, every address of this machine and none "
                f"that could be given out: --advertise HOST says by which one the world reaches them."
            )
