"""Export: a live account as manifests that validate, and that a plan has nothing to say about."""

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.domain import exporting, properties
from reconciler.domain.errors import UsageError
from reconciler.domain.exporting import Export, ExportedFlow, Wish
from reconciler.domain.findings import Finding, Severity
from reconciler.domain.model import Flow, Key, Output, Unreadable
from reconciler.engine.observe import observe
from reconciler.ports.backend import Backend
from reconciler.ports.clock import Clock
from reconciler.ports.source import ManifestFile, Reader
from reconciler.ports.writer import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One file of the export, without its head."""

    exported: ExportedFlow
    documents: tuple[str, ...]
    """The flow first, unless it has a manifest already, and then its outputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A whole export."""

    texts: tuple[Text, ...]
    export: Export
    unreadable: tuple[str, ...] = ()
    """Regions that could not be read, each with why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What writes and reads manifests: nothing is written that is not read again first."""

    writer: Writer
    reader: Reader


async def export(backend: Backend, wish: Wish, tools: Tools, *, clock: Clock) -> Written:
    """
    Return the manifests of the account; what no manifest can say is left out, with the reason.

    Raises:
        UsageError: a flow that is asked for is not there.
        BackendError: the account could not be read.

    """
    actual = await observe(backend, clock=clock)
    unreadable = tuple(f"{region}: {why.why}" for region, why in actual.regions.items() if isinstance(why, Unreadable))
    missing = exporting.named(actual, wish)
    if missing:
        where = f" (not read: {'; '.join(unreadable)})" if unreadable else ""
        raise UsageError(f"The account has no flow {', '.join(map(repr, sorted(missing)))}{where}. `status` lists all.")
    found = exporting.export(actual, wish)
    # What is left out may have been the reason of another fault; it takes one round for each at worst.
    while refused := _refused(found, tools):
        found = exporting.without(found, refused)
    return Written(
        texts=tuple(_text(one, tools.writer) for one in found.flows if one.is_written or one.outputs),
        export=found,
        unreadable=unreadable,
    )


def _text(one: ExportedFlow, writer: Writer) -> Text:
    flow = (one.flow,) if one.is_written else ()
    region = str(one.flow.spec.region)
    return Text(
        exported=one, documents=tuple(writer.document(resource, region=region) for resource in (*flow, *one.outputs))
    )


def _refused(found: Export, tools: Tools) -> dict[Key, str]:
    """Return the resources whose manifests do not validate, or do not say what is there, each with why."""
    resources: dict[str, Flow | Output] = {}
    for one in found.flows:
        resources[str(one.flow.key)] = one.flow
        resources.update((str(output.key), output) for output in one.outputs)
    regions = {one.flow.key: str(one.flow.spec.region) for one in found.flows}
    files = [
        ManifestFile(path=path, content=tools.writer.document(one, region=regions[one.key.flow_key]).encode())
        for path, one in resources.items()
    ]
    verdict = tools.reader.read(files)
    refused: dict[Key, str] = {}
    for finding in verdict.findings:
        if finding.weight is Severity.ERROR:
            refused.setdefault(resources[finding.at.file].key, _told(finding))
    if refused:
        return refused
    read: tuple[Flow | Output, ...] = (*verdict.sound.flows, *verdict.sound.outputs)
    return {one.key: why for one in read for why in _lost(resources, one)}


def _told(finding: Finding) -> str:
    hint = f" ({finding.hint})" if finding.hint else ""
    return f"its manifest would not validate, {finding.rule.id}: {finding.message}{hint}"


def _lost(resources: dict[str, Flow | Output], read: Flow | Output) -> Iterator[str]:
    """Yield why what was read again is not what was found."""
    found = resources[str(read.key)]
    if found == read:
        return
    changed = properties.differences(properties.of(read), properties.of(found), new_secrets=False)
    names = ", ".join(change.path for change in changed) or "something"
    yield f"manifests cannot say {names} as it is there, and would change it"
