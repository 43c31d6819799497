"""Flows and outputs: what the manifests desire and what the backend has, in the same values."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from typing import Literal, NamedTuple, NewType

from reconciler.domain.marks import Mark
from reconciler.domain.protocols import (
    DEFAULT_IDLE_TIMEOUT_MS,
    DEFAULT_LATENCY_MS,
    Protocol,
    SrtMode,
)
from reconciler.domain.secrets import SecretValue

Region = NewType("Region", str)
"""A region of the backend, such as `ap-singapore`, or `local` on a relay."""


class FlowKey(NamedTuple):
    """Identity of a flow: its manifest's name. A tuple, for a pass over a large account looks up very many."""

    name: str
    kind: Literal["flow"] = "flow"
    """Keeps it from being equal to what is of another kind."""

    def __str__(self) -> str:
        """Return the address that people use, `flow/NAME`."""
        return f"flow/{self.name}"

    @property
    def flow_key(self) -> "FlowKey":
        """Return itself: every key tells the flow that it is about."""
        return self


class OutputKey(NamedTuple):
    """Identity of an output: the names of its flow and of itself."""

    flow: str
    name: str
    kind: Literal["output"] = "output"
    """Keeps it from being equal to what is of another kind."""

    def __str__(self) -> str:
        """Return the address that people use, `output/FLOW/NAME`."""
        return f"output/{self.flow}/{self.name}"

    @property
    def flow_key(self) -> FlowKey:
        """Return the identity of the flow that this output belongs to."""
        return FlowKey(self.flow)


Key = FlowKey | OutputKey


class ResourceKind(StrEnum):
    """What a resource is, in the manifests' word."""

    FLOW = "Flow"
    OUTPUT = "Output"

    def holds(self, key: Key) -> bool:
        """Return whether the resource is of this kind."""
        return isinstance(key, FlowKey if self is ResourceKind.FLOW else OutputKey)


class RegionKey(NamedTuple):
    """A region as a whole, where it is not known what is in it."""

    region: Region
    kind: Literal["region"] = "region"
    """Keeps it from being equal to what is of another kind."""

    def __str__(self) -> str:
        """Return how people see it, `region/NAME`; no manifest and no command takes it."""
        return f"region/{self.region}"


def key_of(address: str) -> Key | None:
    """Return the resource that an address, `flow/NAME` or `output/FLOW/NAME`, names; None when it is no address."""
    match address.split("/"):
        case ["flow", name] if name:
            return FlowKey(name)
        case ["output", flow, name] if flow and name:
            return OutputKey(flow, name)
        case _:
            return None


class FlowState(StrEnum):
    """Whether a flow carries its input to its outputs."""

    RUNNING = "running"
    IDLE = "idle"


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """A host, by name or number, and a port."""

    host: str
    port: int
    """1..65535."""

    def __str__(self) -> str:
        """Return `host:port`, an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Return whether the host is this machine, by number or as `localhost`."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class FlowLink:
    """A destination that is another flow's SRT listener input; its address is read from the backend."""

    flow: FlowKey

    def __str__(self) -> str:
        """Return the address of the flow that is called."""
        return str(self.flow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encryption:
    """SRT encryption, agreed with the peer beforehand."""

    key_length: int
    """Bytes: 16, 24 or 32."""
    passphrase: SecretValue
    """10..79 ASCII characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Srt:
    """An SRT end, of an input or an output."""

    mode: SrtMode
    latency_ms: int = DEFAULT_LATENCY_MS
    """0..3000; sent as Latency, RecvLatency and PeerLatency, all three."""
    stream_id: str = ""
    """0..512 characters of `[A-Za-z0-9.#!:&,=_-]`."""
    peer_idle_timeout_ms: int = DEFAULT_IDLE_TIMEOUT_MS
    """1000..10000."""
    encryption: Encryption | None = None
    peer: Address | FlowLink | None = None
    """Whom a caller calls: an input's source, an output's destination. None for listeners."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RtmpAddress:
    """An RTMP address with its key: where we push to, or pull from."""

    url: str
    """`rtmp://host[:port]/app` or `rtmps://…`, without the key."""
    stream_key: SecretValue


@dataclass(frozen=True, slots=True, kw_only=True)
class RtmpPush:
    """One or two destinations, each pushed to on its own."""

    destinations: tuple[RtmpAddress, ...]
    chunk_size: int | None = None
    """Bytes, 4096..40960; None leaves it to the backend and is never compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RtmpPullSource:
    """Where an RTMP_PULL input pulls from."""

    source: RtmpAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class Rtp:
    """An RTP end: an input is sent to, an output sends to one or two destinations."""

    destinations: tuple[Address, ...] = ()
    idle_timeout_ms: int = DEFAULT_IDLE_TIMEOUT_MS
    """1000..10000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A user name and password of an RTSP source."""

    username: str
    password: SecretValue


@dataclass(frozen=True, slots=True, kw_only=True)
class RtspSource:
    """Where an RTSP input pulls from."""

    url: str
    credentials: Credentials | None = None


InputSettings = Srt | RtmpPullSource | Rtp | RtspSource | None
"""By protocol: Srt for SRT, RtmpPullSource for RTMP_PULL, Rtp for RTP, RtspSource for RTSP, None for RTMP."""
OutputSettings = Srt | RtmpPush | Rtp | None
"""By protocol: Srt for SRT, RtmpPush for RTMP_PUSH, Rtp for RTP, None for RTMP_PULL and RTSP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec:
    """The one input of a flow."""

    protocol: Protocol
    settings: InputSettings = None
    description: str = ""
    """What people wrote, without the mark."""
    allowlist: tuple[str, ...] | None = None
    """CIDRs that may publish, as written; () for everybody; None where the protocol has none: never compared then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowSpec:
    """What is managed of a flow, but for its outputs."""

    region: Region
    max_bandwidth_bps: int
    state: FlowState
    input: InputSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSpec:
    """What is managed of an output."""

    region: Region
    protocol: Protocol
    settings: OutputSettings = None
    description: str = ""
    """What people wrote, without the mark."""
    allowlist: tuple[str, ...] | None = None
    """CIDRs that may pull, as written; () for everybody; None where nobody pulls, and then never compared."""
    max_concurrent: int | None = None
    """Receivers served at once, 1..4; None where nobody pulls, and then never compared."""


class DriftMode(StrEnum):
    """What is done when somebody else changed a live object since it was last in step with its manifest."""

    CORRECT = "correct"
    """It is put right at once, as far as the guard allows."""
    WARN = "warn"
    """It is told, and left as it is until the manifest itself changes."""
    CORRECT_WHEN_OFF_AIR = "correctWhenOffAir"
    """It is told, and put right once it is off air."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """How a resource is to be treated; of all this only the protection is written to the backend, into the mark."""

    contacts: tuple[str, ...] = ()
    """Whom to tell when addresses, keys or passphrases change: names, mail addresses, telephone numbers."""
    protected: bool = False
    """Whether it is never deleted: to delete it, the protection goes first, by a change of its own."""
    redundancy_group: str = ""
    """Outputs that stand in for each other bear the same word; "" for those that nobody stands in for."""
    labels: tuple[tuple[str, str], ...] = ()
    """`metadata.labels`, sorted."""
    drift: DriftMode = DriftMode.CORRECT
    """What is done about changes by others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A desired flow."""

    key: FlowKey
    live_name: str
    """Its name on the backend."""
    spec: FlowSpec
    care: Care = field(default_factory=Care)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A desired output."""

    key: OutputKey
    live_name: str
    """Its name on the backend."""
    spec: OutputSpec
    care: Care = field(default_factory=Care)


@dataclass(frozen=True, kw_only=True)
class Desired:
    """All that the manifests say, valid, every default filled in. Keys are unique; every output's flow is there."""

    flows: tuple[Flow, ...] = ()
    outputs: tuple[Output, ...] = ()

    @cached_property
    def by_key(self) -> Mapping[Key, Flow | Output]:
        """Return every resource by its key, flows first; made once, for a pass asks it of every change."""
        found: dict[Key, Flow | Output] = {flow.key: flow for flow in self.flows}
        found.update((output.key, output) for output in self.outputs)
        return found

    @cached_property
    def outputs_of(self) -> Mapping[FlowKey, tuple[Output, ...]]:
        """Return the outputs of each flow that has any, in the order of their names; made once."""
        in_order = sorted(self.outputs, key=attrgetter("key"))
        return {FlowKey(flow): tuple(outputs) for flow, outputs in groupby(in_order, key=attrgetter("key.flow"))}


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundOutput:
    """An output as the backend has it, ours or not."""

    id: str
    live_name: str
    mark: Mark | None
    spec: OutputSpec | None
    """None when it uses what manifests cannot say (another protocol); such an output is never edited."""
    pull_urls: tuple[str, ...] = ()
    """Whole URLs that receivers use. They hold keys: never shown."""
    beyond: str = ""
    """What of it manifests cannot say, in words that hold no secret; "" when they say all that counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFlow:
    """A flow as the backend has it, ours or not. It is ours when its input bears our mark."""

    id: str
    region: Region
    live_name: str
    mark: Mark | None
    state: FlowState
    spec: FlowSpec | None
    """None when it has no input, several, or one that manifests cannot say."""
    outputs: tuple[FoundOutput, ...] = ()
    allowed_outputs: frozenset[Protocol] = frozenset()
    """Protocols that the backend allows on this flow; empty when it does not say, and then the matrix holds."""
    input_addresses: tuple[Address, ...] = ()
    """Where a listening input is reached."""
    publish_urls: tuple[str, ...] = ()
    """Whole URLs that a publisher uses. They hold keys: never shown."""
    beyond: str = ""
    """What of it manifests cannot say, in words that hold no secret; "" when they say all that counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A region that could not be read; nothing is created or deleted there."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Actual:
    """What the backend has, by region; a region that could not be read is there as `Unreadable`."""

    regions: dict[Region, tuple[FoundFlow, ...] | Unreadable]

    @property
    def is_whole(self) -> bool:
        """Whether every region could be read, so that nothing is missing."""
        return not any(isinstance(found, Unreadable) for found in self.regions.values())

    def flows(self) -> tuple[FoundFlow, ...]:
        """Return every flow of every region that could be read."""
        return tuple(flow for flows in self.regions.values() if not isinstance(flows, Unreadable) for flow in flows)
