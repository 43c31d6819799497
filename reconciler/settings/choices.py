"""What may be chosen, in groups: frozen values, each with its default where it has one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from reconciler.domain.marks import Owner
from reconciler.domain.model import Region
from reconciler.domain.secrets import Secret
from reconciler.settings.sinks import SinkSettings

AUTO: Final = "auto"
"""Of the edit rules: nobody says which hold, and a refusal teaches."""
DEFAULT_MANIFESTS: Final = Path("manifests")


class BackendKind(StrEnum):
    """What holds the actual state."""

    RELAY = "relay"
    STREAMLINK = "streamlink"


class Profile(StrEnum):
    """Which of the two StreamLink services an account is of."""

    MAINLAND = "mainland"
    INTERNATIONAL = "international"


class LogFormat(StrEnum):
    """How events are written to stderr."""

    JSON = "json"
    TEXT = "text"


class Signatures(StrEnum):
    """Whose commits count."""

    NONE = "none"
    """Those of everybody who may push."""
    SSH = "ssh"
    GPG = "gpg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The keys of a StreamLink account, as the vendor's own tools read them from the environment."""

    secret_id: str
    """`TENCENTCLOUD_SECRET_ID`."""
    secret_key: Secret
    """`TENCENTCLOUD_SECRET_KEY`."""
    token: Secret | None = None
    """`TENCENTCLOUD_TOKEN`, of temporary keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendSettings:
    """Which account, and how it is spoken to."""

    kind: BackendKind | None = None
    """None when nobody chose: then it is the relay of the state directory."""
    profile: Profile | None = None
    """None when nobody chose: mainland for a cloud account; the relay answers to both."""
    endpoint: str = ""
    """`host[:port]` or a URL; "" for the profile's own, or the relay of the state directory."""
    ca_file: Path | None = None
    """Authorities whose certificates count, PEM; None for everybody's."""
    insecure_http: bool = False
    """Whether an endpoint of another machine may be plain http."""
    owner: Owner | None = None
    """None when nobody chose: `local` on the relay, an error for a cloud account."""
    regions: tuple[Region, ...] = ()
    """What a pass reads; empty for every region that the backend serves."""
    egress: Mapping[Region, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """The CIDRs that a region's outputs send from, where people know them; rules about links look at it."""
    edit_rules: str = AUTO
    """Which edits of a running flow the account allows."""
    rate_per_s: float | None = None
    """Calls a second and action at most; None when nobody chose: 15 for a cloud account, none for the relay."""
    account: Account | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """A branch on a server that the manifests come from."""

    git: str = ""
    """The address of its repository; "" when manifests are files of this machine."""
    branch: str = "main"
    path: str = str(DEFAULT_MANIFESTS)
    """Where the manifests are in the repository; "." for all of it."""
    poll_s: float = 30.0
    """Between two questions to the server, 1..86400."""
    git_timeout_s: float = 60.0
    """The longest that one of them may take, 0.1..86400."""
    signatures: Signatures = Signatures.NONE
    signers: tuple[str, ...] = ()
    """Whose SSH signature counts, each `NAME KEY-TYPE KEY` as in SSH's allowed signers."""
    signers_file: Path | None = None
    """Public keys of OpenPGP, armoured, whose signature counts."""
    ssh_key: Path | None = None
    ssh_known_hosts: Path | None = None
    user: str = ""
    token_file: Path | None = None
    credential_helper: str = ""
    """A program that tells git who asks, as git's own setting of that name."""
    insecure_http: bool = False
    """Whether a repository of another machine may be read over plain http."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretsSettings:
    """Where secrets are looked up."""

    dir: Path
    env: tuple[str, ...] = ("STREAM_*",)
    """Patterns of the environment variables that manifests may name."""
    sops: tuple[Path, ...] = ()
    """Files of secrets that SOPS has encrypted, looked through after `dir`."""
    age_key_file: Path | None = None
    """Where the age identities are that open them; None where nobody said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSettings:
    """When `run` looks and passes."""

    debounce_ms: int = 100
    """Quiet that must follow a file event, 0..60000."""
    max_wait_ms: int = 2000
    """Longest wait for that quiet, 0..600000."""
    rescan_s: float = 10.0
    """Between two looks at the manifests without an event."""
    observe_s: float | None = None
    """Between two passes without a reason; None when nobody chose: 60, and 5 on the relay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """What must not happen without being asked."""

    delete_share: float = 0.25
    """Of the objects that bear our mark, so many may be deleted by one difference: 0..1."""
    edit_share: float = 0.5
    """So many may be edited: 0..1."""
    twin_deadline_s: float = 120.0
    """How long what replaces an output may take until it delivers like the old one, 1..86400."""
    trial_s: float = 60.0
    """How long an output that was changed on air may be dark while its source is not, 5..86400."""
    approvers: tuple[str, ...] = ()
    """Whose signature an approval needs, each `NAME KEY-TYPE KEY` as in SSH's allowed signers; empty for none."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Where something listens."""

    host: str
    """An address of this machine."""
    port: int
    """0..65535; 0 takes a free one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """HTTP beside `run`, for people and machines."""

    listen: Listen | None = None
    """None for none of it."""
    token_file: Path | None = None
    """Tokens that callers show, one a line; required off loopback."""
    cert_file: Path | None = None
    """Certificate for TLS, PEM."""
    key_file: Path | None = None
    webhook_secret_file: Path | None = None
    """Secrets that forges sign with, one a line; None for no webhooks."""
    bitrate_series: int = 500
    """Outputs whose bitrate is a series of its own in the metrics, at most: 0..100000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifySettings:
    """Who is told when something changes."""

    damp_s: float = 60.0
    """How long a warning must have been one before it is told, 0..3600."""
    sinks: tuple[SinkSettings, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be chosen, chosen."""

    backend: BackendSettings
    secrets: SecretsSettings
    loop: LoopSettings
    guard: GuardSettings
    notify: NotifySettings = field(default_factory=NotifySettings)
    state: Path
    paths: tuple[Path, ...] = (DEFAULT_MANIFESTS,)
    """Where the manifests are, when the command line does not say; none when they come from a branch on a server."""
    source: SourceSettings = field(default_factory=SourceSettings)
    service: ServiceSettings = field(default_factory=ServiceSettings)
    log_format: LogFormat | None = None
    """None: text on a terminal, else JSON."""
