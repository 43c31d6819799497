"""
Rules within a family: one flow and the outputs that name it.

A family's verdict follows from its documents alone, so whoever asks again for the same documents may keep it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reconciler.domain.documents import NAME, Fault, FlowDocument, FlowDraft, OutputDocument, Path, shown_name
from reconciler.domain.findings import Finding
from reconciler.domain.model import Address, Flow, FlowKey, FlowLink, Output, RtmpPullSource, RtmpPush, Rtp, Srt
from reconciler.domain.protocols import ALLOWED_OUTPUTS, Protocol
from reconciler.domain.rules import written
from reconciler.domain.rules.catalogue import DUPLICATE_LIVE_NAME, DUPLICATE_NAME, MATRIX, OWN_INPUT
from reconciler.domain.rules.urls import Target, host_of, target_of

_PROTOCOL: Path = ("spec", "protocol")
_SRT: Path = ("spec", "srt")
_LATENCY: Path = (*_SRT, "latency")
_DESTINATION: Path = (*_SRT, "destination")
_CALLED_FLOW: Path = (*_DESTINATION, "flow")
_PUSHES: Path = ("spec", "rtmpPush", "destinations")
_RTP: Path = ("spec", "rtp", "destinations")
LIVE_NAME: Path = ("spec", "liveName")


@dataclass(slots=True, kw_only=True)
class Push:
    """One key pushed to one URL."""

    document: OutputDocument
    path: Path
    target: Target


@dataclass(slots=True, kw_only=True)
class Sending:
    """One stream sent to one address."""

    document: OutputDocument
    path: Path
    to: tuple[Protocol, str, int, str]
    """Protocol, host, port and stream id: what two sendings have in common when they meet at the far end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What a flow and its outputs say together."""

    flow: FlowDocument
    outputs: tuple[OutputDocument, ...]
    """In the order of the documents."""
    findings: tuple[Finding, ...]
    desired_flow: Flow | None
    """None when its document is broken."""
    desired_outputs: tuple[Output, ...]
    """Those whose documents are not broken, by name."""
    pushes: tuple[Push, ...]
    sendings: tuple[Sending, ...]
    links: tuple[tuple[OutputDocument, Output, FlowKey], ...]
    """Outputs that call another flow, and that flow."""
    has_groups: bool = False
    """Whether an output of it says that others stand in for it."""

    @property
    def source(self) -> Target | None:
        """Return where the flow pulls its input from over RTMP, None when it does not."""
        settings = self.desired_flow.spec.input.settings if self.desired_flow is not None else None
        return target_of(settings.source) if isinstance(settings, RtmpPullSource) else None


def family(flow: FlowDocument, outputs: Sequence[OutputDocument]) -> Family:
    """Return what a flow and the outputs that name it say together."""
    settled: list[tuple[OutputDocument, Output]] = []
    if flow.draft is not None:
        here = flow.draft.flow.spec.region
        settled = [(document, document.draft.settled(here)) for document in outputs if document.draft is not None]
    return Family(
        flow=flow,
        outputs=tuple(outputs),
        findings=tuple(_findings(flow, outputs, settled)),
        desired_flow=flow.draft.flow if flow.draft is not None else None,
        desired_outputs=tuple(sorted((output for _, output in settled), key=lambda output: output.key.name)),
        pushes=tuple(_pushes(outputs)),
        sendings=tuple(_sendings(outputs)),
        links=tuple(_links(settled)),
        has_groups=any(output.care.redundancy_group for _, output in settled),
    )


def _findings(
    flow: FlowDocument, outputs: Sequence[OutputDocument], settled: Sequence[tuple[OutputDocument, Output]]
) -> Iterator[Finding]:
    yield from _same_names(outputs)
    yield from _same_live_names(outputs)
    for document, output in settled:
        for fault in _of_output(document, output):
            yield fault.at(document.place)
    if flow.draft is not None:
        taken = flow.draft.flow.spec.input.settings
        if isinstance(taken, Srt):
            for fault in written.idle_timeout(taken, ("spec", "input", "srt")):
                yield fault.at(flow.place)
        yield from _matrix(flow.draft, outputs)
        yield from _own_input(flow.draft.flow, settled)


def _of_output(document: OutputDocument, output: Output) -> Iterator[Fault]:
    """Return what is wrong with an output on its own, now that its region is known."""
    here, settings = output.spec.region, output.spec.settings
    if isinstance(settings, Srt):
        yield from written.latency(document.draft.distance if document.draft is not None else None, here, _LATENCY)
        yield from written.idle_timeout(settings, _SRT)
        if isinstance(settings.peer, Address):
            yield from written.reach(settings.peer.host, here, (*_DESTINATION, "host"))
    if isinstance(settings, Rtp):
        for index, destination in enumerate(settings.destinations):
            yield from written.reach(destination.host, here, (*_RTP, index, "host"))
    if isinstance(settings, RtmpPush):
        for index, push in enumerate(settings.destinations):
            yield from written.reach(host_of(push.url), here, (*_PUSHES, index, "url"), of="the host of the URL")


def _own_input(flow: Flow, settled: Sequence[tuple[OutputDocument, Output]]) -> Iterator[Finding]:
    """Return the outputs that send to where their own flow takes its input from."""
    taken = flow.spec.input.settings
    for document, output in settled:
        settings, path = output.spec.settings, None
        if isinstance(settings, Srt) and isinstance(settings.peer, FlowLink) and settings.peer.flow == flow.key:
            path = _CALLED_FLOW
        elif isinstance(settings, Srt) and isinstance(taken, Srt) and settings.peer == taken.peer is not None:
            path = _DESTINATION
        elif isinstance(settings, RtmpPush) and isinstance(taken, RtmpPullSource):
            targets = [target_of(push) for push in settings.destinations]
            if target_of(taken.source) in targets:
                path = (*_PUSHES, targets.index(target_of(taken.source)))
        if path is not None:
            message = f"the flow {flow.key.name} takes its input from here, so it would feed itself"
            yield Fault(rule=OWN_INPUT, path=path, message=message, hint="send it elsewhere").at(document.place)


def _links(
    settled: Sequence[tuple[OutputDocument, Output]],
) -> Iterator[tuple[OutputDocument, Output, FlowKey]]:
    for document, output in settled:
        settings = output.spec.settings
        # An output that calls its own flow is no link, and is told already.
        if (
            isinstance(settings, Srt)
            and isinstance(settings.peer, FlowLink)
            and settings.peer.flow.name != document.flow
        ):
            yield document, output, settings.peer.flow


def _same_names(outputs: Sequence[OutputDocument]) -> Iterator[Finding]:
    first: dict[str, OutputDocument] = {}
    for document in outputs:
        if document.name is None:
            continue
        earlier = first.setdefault(document.name.casefold(), document)
        if earlier is not document:
            yield Fault(
                rule=DUPLICATE_NAME,
                path=NAME,
                message=f"the flow has an output of this name already{shown_name(document.name)}",
                hint=f"it is at {earlier.place.at(NAME)}",
            ).at(document.place)


def _same_live_names(outputs: Sequence[OutputDocument]) -> Iterator[Finding]:
    first: dict[str, OutputDocument] = {}
    for document in outputs:
        if document.draft is None:
            continue
        earlier = first.setdefault(document.draft.live_name, document)
        # Where the names themselves are the same, that is the fault.
        if earlier is not document and not _are_namesakes(earlier, document):
            yield Fault(
                rule=DUPLICATE_LIVE_NAME,
                path=LIVE_NAME,
                message=f"another output of the flow {document.flow} is {document.draft.live_name} on the backend",
                hint=f"it is at {earlier.place.at(LIVE_NAME)}",
            ).at(document.place)


def _are_namesakes(one: OutputDocument, other: OutputDocument) -> bool:
    return one.name is not None and other.name is not None and one.name.casefold() == other.name.casefold()


def _matrix(flow: FlowDraft, outputs: Sequence[OutputDocument]) -> Iterator[Finding]:
    fed_by = flow.flow.spec.input.protocol
    allowed = ALLOWED_OUTPUTS[fed_by]
    for document in outputs:
        if document.draft is not None and document.draft.protocol not in allowed:
            yield Fault(
                rule=MATRIX,
                path=_PROTOCOL,
                message=f"an input of protocol {fed_by} cannot feed an output of protocol {document.draft.protocol}",
                hint=f"the flow {document.flow} may have {' and '.join(sorted(allowed))}",
            ).at(document.place)


def _pushes(outputs: Sequence[OutputDocument]) -> Iterator[Push]:
    for document in outputs:
        if document.draft is not None and isinstance(document.draft.settings, RtmpPush):
            for index, destination in enumerate(document.draft.settings.destinations):
                yield Push(document=document, path=(*_PUSHES, index), target=target_of(destination))


def _sendings(outputs: Sequence[OutputDocument]) -> Iterator[Sending]:
    for document in outputs:
        settings = document.draft.settings if document.draft is not None else None
        if isinstance(settings, Srt) and isinstance(settings.peer, Address):
            to = (Protocol.SRT, settings.peer.host.lower(), settings.peer.port, settings.stream_id)
            yield Sending(document=document, path=_DESTINATION, to=to)
        if isinstance(settings, Rtp):
            for index, destination in enumerate(settings.destinations):
                at = (Protocol.RTP, destination.host.lower(), destination.port, "")
                yield Sending(document=document, path=(*_RTP, index), to=at)
