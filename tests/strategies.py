"""Hypothesis strategies that build valid domain values, and nothing else."""

import string
from dataclasses import replace
from typing import Final

from hypothesis import strategies as st

from reconciler.domain.marks import Mark, Owner
from reconciler.domain.model import (
    Actual,
    Address,
    Care,
    Credentials,
    Desired,
    DriftMode,
    Encryption,
    Flow,
    FlowKey,
    FlowSpec,
    FlowState,
    FoundFlow,
    FoundOutput,
    InputSettings,
    InputSpec,
    Output,
    OutputKey,
    OutputSettings,
    OutputSpec,
    Region,
    RtmpAddress,
    RtmpPullSource,
    RtmpPush,
    Rtp,
    RtspSource,
    Srt,
    Unreadable,
)
from reconciler.domain.protocols import (
    ALLOWED_OUTPUTS,
    INPUT_PROTOCOLS,
    KEY_LENGTHS,
    MAX_BANDWIDTHS_BPS,
    Protocol,
    SrtMode,
    pulled,
)
from reconciler.domain.secrets import HIDDEN, Secret, SecretRef, SecretSource, SecretValue

OURS: Final = Owner("local")
"""The owner whose marks are ours in these worlds."""

_NAME: Final = string.ascii_letters + string.digits + "_"

names = st.text(_NAME, min_size=1, max_size=8)
"""Names of flows and outputs, short so that they meet."""
regions = st.sampled_from([Region("local"), Region("ap-singapore"), Region("eu-frankfurt")])
states = st.sampled_from(FlowState)
descriptions = st.text(string.ascii_letters + " -äé", max_size=20).map(str.strip)
hosts = st.sampled_from(["127.0.0.1", "::1", "tower.example", "north.tower.example"])
addresses = st.builds(Address, hosts, st.integers(1, 65_535))
allowlists = st.lists(st.sampled_from(["203.0.113.0/28", "198.51.100.7/32", "2001:db8::/32"]), max_size=2).map(tuple)
idle_timeouts_ms = st.integers(1000, 10_000)


def _versions() -> st.SearchStrategy[int]:
    return st.integers(0, 3)


secret_refs: st.SearchStrategy[SecretRef] = st.one_of(
    st.builds(SecretRef, source=st.just(SecretSource.ENV), name=names.map("STREAM_{}".format), version=_versions()),
    st.builds(SecretRef, source=st.just(SecretSource.FILE), name=names, version=_versions()),
)
"""As manifests hold them."""
secrets: st.SearchStrategy[Secret] = st.builds(
    Secret, st.text(string.ascii_letters, min_size=10, max_size=20), version=_versions()
)
"""As they are resolved."""


def encryptions(secret: st.SearchStrategy[SecretValue]) -> st.SearchStrategy[Encryption | None]:
    """Build the encryption of an SRT end, or none."""
    return st.none() | st.builds(Encryption, key_length=st.sampled_from(KEY_LENGTHS), passphrase=secret)


@st.composite
def srts(draw: st.DrawFn, secret: st.SearchStrategy[SecretValue]) -> Srt:
    """Build an SRT end; a caller has somebody to call."""
    mode = draw(st.sampled_from(SrtMode))
    return Srt(
        mode=mode,
        latency_ms=draw(st.integers(0, 3000)),
        stream_id=draw(st.text("abc=,#!:", max_size=6)),
        peer_idle_timeout_ms=draw(idle_timeouts_ms),
        encryption=draw(encryptions(secret)),
        peer=draw(addresses) if mode is SrtMode.CALLER else None,
    )


def rtmp_addresses(secret: st.SearchStrategy[SecretValue]) -> st.SearchStrategy[RtmpAddress]:
    """Build an RTMP address with its key."""
    urls = st.builds("{}://{}/{}".format, st.sampled_from(["rtmp", "rtmps"]), st.just("cdn.example"), names)
    return st.builds(RtmpAddress, url=urls, stream_key=secret)


def input_settings(protocol: Protocol, secret: st.SearchStrategy[SecretValue]) -> st.SearchStrategy[InputSettings]:
    """Build the settings of an input of this protocol."""
    match protocol:
        case Protocol.SRT:
            return srts(secret)
        case Protocol.RTMP_PULL:
            return st.builds(RtmpPullSource, source=rtmp_addresses(secret))
        case Protocol.RTP:
            return st.builds(Rtp, idle_timeout_ms=idle_timeouts_ms)
        case Protocol.RTSP:
            logins = st.builds(Credentials, username=names, password=secret)
            return st.builds(RtspSource, url=st.just("rtsp://camera.example/1"), credentials=st.none() | logins)
        case _:
            return st.none()


def output_settings(protocol: Protocol, secret: st.SearchStrategy[SecretValue]) -> st.SearchStrategy[OutputSettings]:
    """Build the settings of an output of this protocol."""
    match protocol:
        case Protocol.SRT:
            return srts(secret)
        case Protocol.RTMP_PUSH:
            destinations = st.lists(rtmp_addresses(secret), min_size=1, max_size=2).map(tuple)
            return st.builds(RtmpPush, destinations=destinations, chunk_size=st.none() | st.integers(4096, 40_960))
        case Protocol.RTP:
            destinations_ = st.lists(addresses, min_size=1, max_size=2).map(tuple)
            return st.builds(Rtp, destinations=destinations_, idle_timeout_ms=idle_timeouts_ms)
        case _:
            return st.none()


def _mode(settings: InputSettings | OutputSettings) -> SrtMode | None:
    return settings.mode if isinstance(settings, Srt) else None


@st.composite
def flow_specs(draw: st.DrawFn, secret: st.SearchStrategy[SecretValue] = secret_refs) -> FlowSpec:
    """Build what is managed of a flow."""
    protocol = draw(st.sampled_from(sorted(INPUT_PROTOCOLS)))
    settings = draw(input_settings(protocol, secret))
    is_published_to = protocol in {Protocol.RTMP, Protocol.RTP} or _mode(settings) is SrtMode.LISTENER
    return FlowSpec(
        region=draw(regions),
        max_bandwidth_bps=draw(st.sampled_from(sorted(MAX_BANDWIDTHS_BPS.values()))),
        state=draw(states),
        input=InputSpec(
            protocol=protocol,
            settings=settings,
            description=draw(descriptions),
            allowlist=draw(allowlists) if is_published_to else None,
        ),
    )


@st.composite
def output_specs(
    draw: st.DrawFn, fed_by: Protocol = Protocol.SRT, secret: st.SearchStrategy[SecretValue] = secret_refs
) -> OutputSpec:
    """Build what is managed of an output that an input of this protocol may feed."""
    protocol = draw(st.sampled_from(sorted(ALLOWED_OUTPUTS[fed_by])))
    settings = draw(output_settings(protocol, secret))
    is_pulled = pulled(protocol, _mode(settings))
    return OutputSpec(
        region=draw(regions),
        protocol=protocol,
        settings=settings,
        description=draw(descriptions),
        allowlist=draw(allowlists) if is_pulled else None,
        max_concurrent=draw(st.integers(1, 4)) if is_pulled else None,
    )


drift_modes = st.sampled_from(DriftMode)
cares = st.builds(Care, protected=st.booleans(), drift=drift_modes)
"""How a resource is to be treated: as far as the backend is told, and what is done about drift."""


def flows(secret: st.SearchStrategy[SecretValue] = secret_refs) -> st.SearchStrategy[Flow]:
    """Build a desired flow."""
    return st.builds(_flow, names, flow_specs(secret), drift_modes)


def outputs(
    flow: str = "news", fed_by: Protocol = Protocol.SRT, secret: st.SearchStrategy[SecretValue] = secret_refs
) -> st.SearchStrategy[Output]:
    """Build a desired output of a flow."""
    return st.builds(_output, st.just(flow), names, output_specs(fed_by, secret), drift_modes)


def _flow(name: str, spec: FlowSpec, drift: DriftMode) -> Flow:
    return Flow(key=FlowKey(name), live_name=name, spec=spec, care=Care(drift=drift))


def _output(flow: str, name: str, spec: OutputSpec, drift: DriftMode) -> Output:
    return Output(key=OutputKey(flow, name), live_name=name, spec=spec, care=Care(drift=drift))


@st.composite
def desireds(
    draw: st.DrawFn, secret: st.SearchStrategy[SecretValue] = secret_refs, *, max_flows: int = 3, max_outputs: int = 3
) -> Desired:
    """
    Build a whole desired state: names are unique without case, the matrix holds, and no key is pushed twice.

    Pass `secrets` for a state whose secrets are resolved.
    """
    wanted = draw(st.lists(flows(secret), max_size=max_flows, unique_by=lambda flow: flow.live_name.casefold()))
    found: list[Output] = []
    for flow in wanted:
        own = outputs(flow.key.name, flow.spec.input.protocol, secret)
        found.extend(draw(st.lists(own, max_size=max_outputs, unique_by=lambda one: one.live_name.casefold())))
    return _without_clashes(wanted, found)


@st.composite
def later(draw: st.DrawFn, before: Desired, secret: st.SearchStrategy[SecretValue] = secret_refs) -> Desired:
    """Build what may be desired after `before`: of each resource some properties, all, or none are other ones."""
    wanted: list[Flow] = []
    found: list[Output] = []
    for flow in before.flows:
        if draw(st.integers(0, 5)) == 0:
            continue
        wanted.append(replace(flow, spec=draw(_other_flow_spec(flow.spec, secret)), care=draw(cares)))
        fed_by = wanted[-1].spec.input.protocol
        own = [output for output in before.outputs if output.key.flow_key == flow.key]
        own.extend(draw(st.lists(outputs(flow.key.name, fed_by, secret), max_size=1)))
        for output in own:
            fits = output.spec.protocol in ALLOWED_OUTPUTS[fed_by]
            if draw(st.integers(0, 5)) > 0:
                other = draw(_other_output_spec(output.spec, fed_by, secret) if fits else output_specs(fed_by, secret))
                found.append(replace(output, spec=other, care=draw(cares)))
    return _without_clashes(wanted, found)


@st.composite
def _other_flow_spec(draw: st.DrawFn, before: FlowSpec, secret: st.SearchStrategy[SecretValue]) -> FlowSpec:
    new = draw(flow_specs(secret))
    parts = draw(st.sets(st.sampled_from(["region", "max_bandwidth_bps", "state", "input"]), max_size=2))
    return replace(before, **{part: getattr(new, part) for part in parts})


@st.composite
def _other_output_spec(
    draw: st.DrawFn, before: OutputSpec, fed_by: Protocol, secret: st.SearchStrategy[SecretValue]
) -> OutputSpec:
    new = draw(output_specs(fed_by, secret))
    parts = draw(st.sets(st.sampled_from(["region", "description", "all"]), max_size=2))
    return new if "all" in parts else replace(before, **{part: getattr(new, part) for part in parts})


def _without_clashes(wanted: list[Flow], found: list[Output]) -> Desired:
    """Return the tree without outputs that its rules would refuse: names that are there, and keys that are pushed."""
    kept: list[Output] = []
    names: set[tuple[str, str]] = set()
    pushed: set[tuple[str, SecretValue]] = set()
    for output in found:
        name = (output.key.flow, output.key.name.casefold())
        targets = _targets(output)
        if name not in names and len(set(targets)) == len(targets) and pushed.isdisjoint(targets):
            names.add(name)
            pushed.update(targets)
            kept.append(output)
    by_name = sorted(wanted, key=lambda flow: flow.key.name)
    return Desired(flows=tuple(by_name), outputs=tuple(sorted(kept, key=lambda output: output.key)))


def _targets(output: Output) -> list[tuple[str, SecretValue]]:
    settings = output.spec.settings
    return (
        [(one.url, _unversioned(one.stream_key)) for one in settings.destinations]
        if isinstance(settings, RtmpPush)
        else []
    )


def _unversioned(secret: SecretValue) -> SecretValue:
    return SecretRef(source=secret.source, name=secret.name) if isinstance(secret, SecretRef) else secret


marks = st.none() | st.builds(
    Mark,
    owner=st.sampled_from([OURS, Owner("others")]),
    name=names,
    secret_versions=st.integers(0, 9),
    protected=st.booleans(),
    twin=st.booleans(),
)
"""Ours, another reconciler's, or none: made by hand."""

found_secrets: st.SearchStrategy[SecretValue] = st.one_of(secrets, st.just(HIDDEN))
"""As a backend tells them, or does not."""


@st.composite
def found_outputs(draw: st.DrawFn, fed_by: Protocol = Protocol.SRT) -> FoundOutput:
    """Build an output as a backend has it."""
    name = draw(names)
    return FoundOutput(
        id=f"o-{name}",
        live_name=name,
        mark=draw(marks),
        spec=draw(st.none() | output_specs(fed_by, found_secrets)),
    )


@st.composite
def found_flows(draw: st.DrawFn, region: Region = Region("local")) -> FoundFlow:  # noqa: B008 -- a NewType, immutable.
    """Build a flow as a backend has it, ours or not."""
    name = draw(names)
    spec = draw(st.none() | flow_specs(found_secrets))
    fed_by = spec.input.protocol if spec is not None else Protocol.SRT
    own = draw(st.lists(found_outputs(fed_by), max_size=3, unique_by=lambda output: output.live_name))
    return FoundFlow(
        id=f"f-{name}",
        region=region,
        live_name=name,
        mark=draw(marks),
        state=draw(states),
        spec=spec,
        outputs=tuple(own),
    )


@st.composite
def actuals(draw: st.DrawFn) -> Actual:
    """Build what a backend has, region by region; a region may be unreadable."""
    found: dict[Region, tuple[FoundFlow, ...] | Unreadable] = {}
    for region in draw(st.lists(regions, unique=True, max_size=3)):
        flows_there = st.lists(found_flows(region), max_size=3, unique_by=lambda flow: flow.live_name).map(tuple)
        found[region] = draw(st.one_of(flows_there, st.just(Unreadable(why="no answer"))))
    return Actual(regions=found)
