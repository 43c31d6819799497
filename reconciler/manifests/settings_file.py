"""The settings file, read with the same care as a manifest."""

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
    """As it fits `schemas/v1/config.json`; empty when anything is wrong, or nothing is set."""
    findings: tuple[Finding, ...] = ()
    """Errors only, in order."""


def read_settings(file: ManifestFile) -> SettingsReading:
    """Return the settings of a file; whatever is wrong with it is a finding."""
    if file.problem:
        return SettingsReading(values={}, findings=(unreadable(file.path, file.problem),))
    loaded = load(file.content, Scalars())
    findings = [of_load(file.path, fault) for fault in loaded.faults]
    for index, document in enumerate(loaded.documents):
        findings += [of_load(file.path, fault, document) for fault in document.faults]
        findings += _of_document(file.path, document, is_first=index == 0)
    whole = loaded.documents[0].value if loaded.documents and not findings else {}
    return SettingsReading(values=whole if isinstance(whole, dict) else {}, findings=in_order(findings))


def _of_document(path: str, document: LoadedDocument, *, is_first: bool) -> list[Finding]:
    if not document.marks or (is_first and judge_of("config")(document.value)):
        return []
    spoilt = [document.path_to(fault.node) for fault in document.faults if fault.node is not None]
    # A second document is a mistake, too: refused as one that has no property of the first.
    value = document.value if is_first else []
    return [fault.at(LoadedPlace(path, document)) for fault in explain(value, "config", unreliable=spoilt)]
