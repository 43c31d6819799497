"""
Rules within a family: one flow and the outputs that name it.

A family's verdict follows from its documents alone, so whoever asks again for the same documents may keep it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reconciler.domain.documents import NAME, Fault, FlowDocument, FlowDraft, OutputDocument, Path
from reconciler.domain.findings import Finding
from reconciler.domain.model import Flow, FlowKey, FlowLink, Output, RtmpPush, Srt
from reconciler.domain.protocols import ALLOWED_OUTPUTS
from reconciler.domain.rules import written
from reconciler.domain.rules.catalogue import DUPLICATE_LIVE_NAME, DUPLICATE_NAME, MATRIX
from reconciler.domain.rules.urls import Target, target_of

_PROTOCOL: Path = ("spec", "protocol")
_LATENCY: Path = ("spec", "srt", "latency")
LIVE_NAME: Path = ("spec", "liveName")


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """One key pushed to one URL."""

    document: OutputDocument
    path: Path
    target: Target


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
    links: tuple[tuple[OutputDocument, Output, FlowKey], ...]
    """Outputs that call another flow, and that flow."""


def family(flow: FlowDocument, outputs: Sequence[OutputDocument]) -> Family:
    """Return what a flow and the outputs that name it say together."""
    settled: list[tuple[OutputDocument, Output]] = []
    if flow.draft is not None:
        here = flow.draft.flow.spec.region
        settled = [(document, document.draft.settled(here)) for document in outputs if document.draft is not None]
    return Family(
        flow=flow,
        outputs=tuple(outputs),
        findings=tuple(_findings(flow.draft, outputs, settled)),
        desired_flow=flow.draft.flow if flow.draft is not None else None,
        desired_outputs=tuple(sorted((output for _, output in settled), key=lambda output: output.key.name)),
        pushes=tuple(_pushes(outputs)),
        links=tuple(_links(settled)),
    )


def _findings(
    flow: FlowDraft | None, outputs: Sequence[OutputDocument], settled: Sequence[tuple[OutputDocument, Output]]
) -> Iterator[Finding]:
    yield from _same_names(outputs)
    yield from _same_live_names(outputs)
    for document, output in settled:
        if document.draft is not None and document.draft.distance is not None:
            for fault in written.latency(document.draft.distance, output.spec.region, _LATENCY):
                yield fault.at(document.place)
    if flow is not None:
        yield from _matrix(flow, outputs)


def _links(
    settled: Sequence[tuple[OutputDocument, Output]],
) -> Iterator[tuple[OutputDocument, Output, FlowKey]]:
    for document, output in settled:
        settings = output.spec.settings
        if isinstance(settings, Srt) and isinstance(settings.peer, FlowLink):
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
                message=f"the flow {document.flow} has an output of this name already: {document.name}",
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
                path: Path = ("spec", "rtmpPush", "destinations", index)
                yield Push(document=document, path=path, target=target_of(destination))
