"""The settings file, and others of its kind, read with the same care as a manifest."""

from dataclasses import dataclass
from typing import Any

from reconciler.domain.findings import Finding, in_order
from reconciler.manifests.explain import explain
from reconciler.manifests.loader import load
from reconciler.manifests.located import LoadedDocument
from reconciler.manifests.reading import LoadedPlace, of_load, unreadable
from reconciler.manifests.scalars import Scalars
from reconciler.manifests.schemas import judge_of
from reconciler.ports.source import ManifestFile


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsReading:
    """What a settings file says, and what is wrong with it."""

    values: dict[str, Any]
    """As it fits its schema; empty when anything is wrong, or nothing is set."""
    findings: tuple[Finding, ...] = ()
    """Errors only, in order."""


def read_settings(file: ManifestFile, schema: str = "config") -> SettingsReading:
    """Return the settings of a file that is to fit this schema; whatever is wrong with it is a finding."""
    if file.problem:
        return SettingsReading(values={}, findings=(unreadable(file.path, file.problem),))
    loaded = load(file.content, Scalars())
    findings = [of_load(file.path, fault) for fault in loaded.faults]
    for index, document in enumerate(loaded.documents):
        findings += [of_load(file.path, fault, document) for fault in document.faults]
        findings += _of_document(file.path, document, schema, is_first=index == 0)
    whole = loaded.documents[0].value if loaded.documents and not findings else {}
    return SettingsReading(values=whole if isinstance(whole, dict) else {}, findings=in_order(findings))


def _of_document(path: str, document: LoadedDocument, schema: str, *, is_first: bool) -> list[Finding]:
    if not document.marks or (is_first and judge_of(schema)(document.value)):
        return []
    spoilt = [document.path_to(fault.node) for fault in document.faults if fault.node is not None]
    # A second document is a mistake, too: refused as one that has no property of the first.
    value = document.value if is_first else []
    return [fault.at(LoadedPlace(path, document)) for fault in explain(value, schema, unreliable=spoilt)]
