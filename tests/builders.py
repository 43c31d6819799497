"""Small worlds for tests: one flow, a few outputs, what is found of them; every default can be replaced."""

from reconciler.domain.marks import Mark, Owner
from reconciler.domain.model import (
    Actual,
    Address,
    Desired,
    Encryption,
    Flow,
    FlowKey,
    FlowSpec,
    FlowState,
    FoundFlow,
    FoundOutput,
    InputSpec,
    Output,
    OutputKey,
    OutputSpec,
    Region,
    Srt,
    Unreadable,
)
from reconciler.domain.protocols import Protocol, SrtMode
from reconciler.domain.resolution import Resolved
from reconciler.domain.secrets import Secret

LOCAL = Region("local")
US = Owner("local")


def flow(
    name: str = "news",
    *,
    live_name: str | None = None,
    region: Region = LOCAL,
    state: FlowState = FlowState.RUNNING,
    latency_ms: int = 120,
) -> Flow:
    """Return a desired flow with an SRT listener input."""
    spec = FlowSpec(
        region=region,
        max_bandwidth_bps=10_000_000,
        state=state,
        input=InputSpec(
            protocol=Protocol.SRT, settings=Srt(mode=SrtMode.LISTENER, latency_ms=latency_ms), allowlist=()
        ),
    )
    return Flow(key=FlowKey(name), live_name=live_name or name, spec=spec)


def output(  # noqa: PLR0913 -- every part of a small world can be replaced by name.
    name: str = "tower",
    *,
    of: str = "news",
    region: Region = LOCAL,
    latency_ms: int = 120,
    passphrase: str | None = None,
    live_name: str | None = None,
) -> Output:
    """Return a desired SRT caller output."""
    encryption = None if passphrase is None else Encryption(key_length=16, passphrase=Secret(passphrase))
    settings = Srt(
        mode=SrtMode.CALLER, latency_ms=latency_ms, peer=Address("tower.example", 9000), encryption=encryption
    )
    return Output(
        key=OutputKey(of, name),
        live_name=live_name or name,
        spec=OutputSpec(region=region, protocol=Protocol.SRT, settings=settings),
    )


def found_output(wanted: Output, *, owner: Owner | None = US, versions: int = 0) -> FoundOutput:
    """Return the output as the backend would have it; unmarked when `owner` is None."""
    mark = None if owner is None else Mark(owner=owner, name=wanted.key.name, secret_versions=versions)
    return FoundOutput(id=f"id-{wanted.live_name}", live_name=wanted.live_name, mark=mark, spec=wanted.spec)


def found_flow(
    wanted: Flow,
    *outputs: FoundOutput,
    owner: Owner | None = US,
    state: FlowState | None = None,
    allowed_outputs: frozenset[Protocol] = frozenset(),
) -> FoundFlow:
    """Return the flow as the backend would have it; unmarked when `owner` is None."""
    return FoundFlow(
        id=f"id-{wanted.live_name}",
        region=wanted.spec.region,
        live_name=wanted.live_name,
        mark=None if owner is None else Mark(owner=owner, name=wanted.key.name),
        state=wanted.spec.state if state is None else state,
        spec=wanted.spec,
        outputs=outputs,
        allowed_outputs=allowed_outputs,
        input_addresses=(Address("127.0.0.1", 20000),),
    )


def resolved(*resources: Flow | Output) -> Resolved:
    """Return a tree in which every secret was found."""
    return Resolved(
        desired=Desired(
            flows=tuple(item for item in resources if isinstance(item, Flow)),
            outputs=tuple(item for item in resources if isinstance(item, Output)),
        ),
        failed=(),
    )


def actual(*flows: FoundFlow, unreadable: Region | None = None) -> Actual:
    """Return what a backend with the region `local` has."""
    regions: dict[Region, tuple[FoundFlow, ...] | Unreadable] = {LOCAL: ()}
    for item in flows:
        known = regions.get(item.region, ())
        regions[item.region] = (*(() if isinstance(known, Unreadable) else known), item)
    if unreadable is not None:
        regions[unreadable] = Unreadable(why="it did not answer")
    return Actual(regions=regions)
