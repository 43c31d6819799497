"""How flows and outputs are doing, gathered through the backend's API: a relay and a cloud account alike."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from reconciler.cli.ends import flow_named, output_named
from reconciler.cli.urls import shown_urls
from reconciler.domain.errors import BackendError, NotFoundError
from reconciler.domain.marks import Owner
from reconciler.domain.model import FlowSpec, FoundFlow, FoundOutput, Region, Srt
from reconciler.ports.backend import Backend, EndEvent, EndStatus

if TYPE_CHECKING:
    from reconciler.ports.clock import Clock

LOOK_BACK: Final = timedelta(hours=23)
"""How far back errors are looked for; the service answers for at most 24 hours at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndView:
    """One input or output."""

    name: str
    """As people address it: an output's own name, `input` for the input."""
    protocol: str
    is_input: bool
    live_name: str = ""
    """Of one of several outputs with one name: it tells a twin from what it stands beside. "" where no other has it."""
    status: EndStatus | None
    """None where the backend says nothing of it."""
    sessions: int | None = None
    """Connections; None where nobody asked, because it is not connected."""
    trouble: EndEvent | None = None
    """What went wrong last, and is not over."""
    urls: tuple[str, ...] = ()
    """With keys masked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowView:
    """One flow, its input first."""

    name: str
    region: str
    state: str
    """`running` or `idle`."""
    ends: tuple[EndView, ...] = ()
    why: str = ""
    """Why nothing is known of its ends; empty when it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything that could be read, and what could not."""

    flows: tuple[FlowView, ...]
    unreadable: tuple[tuple[str, str], ...] = ()
    """Region and reason."""
    is_blind: bool = False
    """Whether nothing could be read at all."""


@dataclass(frozen=True, slots=True)
class Readable:
    """The flows of the regions that could be read, and the others with their reasons."""

    flows: tuple[FoundFlow, ...]
    unreadable: tuple[tuple[str, str], ...]
    regions: int


async def read_flows(backend: Backend) -> Readable:
    """
    Return the flows of every region that can be read.

    Raises:
        BackendError: the regions themselves could not be had.

    """
    regions = await backend.regions()
    found = await asyncio.gather(*(_observed(backend, region) for region in regions))
    flows = tuple(flow for each in found if not isinstance(each, str) for flow in each)
    unreadable = tuple(
        (str(region), each) for region, each in zip(regions, found, strict=True) if isinstance(each, str)
    )
    return Readable(flows, unreadable, len(regions))


async def overview(backend: Backend, clock: "Clock", *, owner: Owner, wanted: str = "") -> Overview:
    """
    Return how everything is doing, or what `flow/NAME`, NAME or `output/FLOW/NAME` means.

    Raises:
        NotFoundError: there is no such flow or output in the regions that could be read.
        UsageError: there are several.
        BackendError: the regions themselves could not be had.

    """
    read = await read_flows(backend)
    is_blind = len(read.unreadable) == read.regions and read.regions > 0
    if is_blind:
        return Overview(flows=(), unreadable=read.unreadable, is_blind=True)
    try:
        chosen = _chosen(read.flows, wanted, owner)
    except NotFoundError as error:
        if not read.unreadable:
            raise
        regions = ", ".join(region for region, _ in read.unreadable)
        raise NotFoundError(f"{error}; but it may be in {regions}, which could not be read") from error
    views = await asyncio.gather(*(_flow_view(backend, flow, output, clock.now()) for flow, output in chosen))
    return Overview(
        flows=tuple(sorted(views, key=lambda view: (view.name, view.region))),
        unreadable=read.unreadable,
        is_blind=bool(views) and all(view.why for view in views),
    )


def _chosen(flows: Iterable[FoundFlow], wanted: str, owner: Owner) -> list[tuple[FoundFlow, FoundOutput | None]]:
    if not wanted:
        return [(flow, None) for flow in flows]
    if "/" in wanted.removeprefix("flow/"):
        found = output_named(wanted, flows, owner=owner)
        return [(found.flow, found.output)]
    return [(flow_named(wanted, flows, owner=owner), None)]


async def _observed(backend: Backend, region: Region) -> tuple[FoundFlow, ...] | str:
    try:
        return await backend.observe(region)
    except BackendError as error:
        return str(error)


async def _flow_view(backend: Backend, flow: FoundFlow, only: FoundOutput | None, now: datetime) -> FlowView:
    name = _name_of(flow)
    try:
        ends = await _end_views(backend, flow, only, now)
    except BackendError as error:
        return FlowView(name=name, region=flow.region, state=str(flow.state), why=str(error))
    return FlowView(name=name, region=flow.region, state=str(flow.state), ends=ends)


async def _end_views(backend: Backend, flow: FoundFlow, only: FoundOutput | None, now: datetime) -> tuple[EndView, ...]:
    said, events = await asyncio.gather(
        backend.status(flow.region, flow.id),
        backend.events(flow.region, flow.id, since=now - LOOK_BACK, until=now),
    )
    of = _Of(backend, flow, events, now)
    outputs = {end.id: end for end in said if not end.is_input}
    views = [of.view(output, outputs.get(output.id)) for output in flow.outputs if only in {None, output}]
    if only is None:
        views = [*(of.view(flow, end) for end in said if end.is_input), *views]
    return tuple(await asyncio.gather(*views))


@dataclass(frozen=True, slots=True)
class _Of:
    """What is known of a flow while its ends are looked at."""

    backend: Backend
    flow: FoundFlow
    events: tuple[EndEvent, ...]
    now: datetime

    async def view(self, found: FoundFlow | FoundOutput, status: EndStatus | None) -> EndView:
        is_input = isinstance(found, FoundFlow)
        connected = status is not None and status.state == "Connected"
        sessions = None
        if status is not None and connected:
            sessions = await self.backend.sessions(self.flow.region, self.flow.id, status, at=self.now)
        marked = _name_of(found)
        beside = [_name_of(output) for output in self.flow.outputs].count(marked) > 1 and not is_input
        return EndView(
            name="input" if is_input else marked,
            protocol=_protocol(found, status),
            is_input=is_input,
            live_name=found.live_name if beside else "",
            status=status,
            sessions=sessions,
            trouble=last_trouble(status, self.events, self.now) if status is not None else None,
            urls=shown_urls(found),
        )


def _name_of(found: FoundFlow | FoundOutput) -> str:
    return found.mark.name if found.mark is not None else found.live_name


def last_trouble(end: EndStatus, events: Iterable[EndEvent], now: datetime) -> EndEvent | None:
    """
    Return the newest error of an end since it was last connected; None when all is well.

    Of an end that others call, a connection that ended is no error: viewers come and go.
    """
    connected_at = now - timedelta(milliseconds=end.connected_ms) if end.state == "Connected" else None
    for event in events:
        if event.end_id != end.id:
            continue
        if event.is_connection or (connected_at is not None and event.at < connected_at):
            return None
        if not (event.is_disconnection and end.is_called and not end.is_input):
            return event
    return None


def _protocol(found: FoundFlow | FoundOutput, status: EndStatus | None) -> str:
    spec = found.spec
    if spec is None:
        return status.protocol if status is not None and status.protocol else "?"
    protocol, settings = (
        (spec.input.protocol, spec.input.settings) if isinstance(spec, FlowSpec) else (spec.protocol, spec.settings)
    )
    return f"{protocol} {settings.mode}" if isinstance(settings, Srt) else str(protocol)
