"""One file: its documents, each with what is wrong with it on its own."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconciler.domain.documents import (
    Document,
    Fault,
    FlowDocument,
    FlowDraft,
    LostDocument,
    OutputDocument,
    OutputDraft,
    Path,
    PolicyDocument,
    pointer,
)
from reconciler.domain.findings import Finding, Position, Severity
from reconciler.domain.rules.catalogue import UNREADABLE
from reconciler.domain.rules.excuses import Excuse
from reconciler.domain.rules.excuses import of as excuses_of
from reconciler.manifests import decode, examine, policies
from reconciler.manifests.explain import explain
from reconciler.manifests.identify import (
    FLOW,
    NOBODY,
    OUTPUT,
    POLICIES,
    SCHEMAS,
    Identity,
    faults_of_header,
    identify,
)
from reconciler.manifests.loader import Loaded, load
from reconciler.manifests.located import LoadedDocument
from reconciler.manifests.pruning import apart_from, pruned
from reconciler.manifests.scalars import Scalars
from reconciler.manifests.schemas import judge_of
from reconciler.manifests.text import LoadFault
from reconciler.ports.source import ManifestFile

_LOADED_KEPT: Final = 8
"""Files whose places are kept at hand while findings are placed: one, and those that hints point to."""


@dataclass(slots=True, kw_only=True)
class FileReading:
    """What one file says, and what is wrong with it before others are looked at."""

    file: ManifestFile
    documents: tuple[Document, ...]
    findings: tuple[Finding, ...]
    excuses: tuple[Excuse, ...]
    """Of its documents, as far as they fit their schema."""
    is_whole: bool
    """False when it may hold documents of which nothing is known."""


class FileReader:
    """Reads files; pure but for what it remembers."""

    def __init__(self, *, env_patterns: Sequence[str], max_file_bytes: int) -> None:
        self._env_patterns = tuple(env_patterns)
        self._max_file_bytes = max_file_bytes
        self._scalars = Scalars()
        self._loaded: OrderedDict[bytes, Loaded] = OrderedDict()

    def read(self, file: ManifestFile) -> FileReading:
        """Return what a file says; whatever is wrong with it is a finding."""
        problem = file.problem or self._too_large(file.content)
        if problem:
            finding = unreadable(file.path, problem)
            return FileReading(file=file, documents=(), findings=(finding,), excuses=(), is_whole=False)
        loaded = load(file.content, self._scalars)
        findings = [of_load(file.path, fault) for fault in loaded.faults]
        documents: list[Document] = []
        excuses: list[Excuse] = []
        for index, one in enumerate(loaded.documents):
            who = identify(one.value)
            place = FilePlace(reader=self, file=file, index=index, who=who)
            misfits = () if _is_sound(one.value) else tuple(_misfits(one))
            is_broken = bool(one.faults or misfits)
            # What the text has lost nobody knows, so of such a document nothing more is said.
            rest = one.value if not is_broken else _rest(one.value, misfits) if not one.faults else None
            faults = misfits if rest is None else (*misfits, *apart_from(tuple(self._examined(rest)), misfits))
            findings += (of_load(file.path, fault, one, who) for fault in one.faults)
            findings += (fault.at(LoadedPlace(file.path, one, who)) for fault in faults)
            documents.append(_document(one.value, place, faults, is_broken=is_broken))
            if rest is not None:
                excuses += excuses_of(_annotations(rest), place, file.path)
        return FileReading(
            file=file,
            documents=tuple(documents),
            findings=tuple(findings),
            excuses=tuple(excuses),
            is_whole=loaded.is_whole,
        )

    def loaded(self, content: bytes) -> Loaded:
        """Return a file with its places, again: they are not kept, for they would fill the memory of a large tree."""
        found = self._loaded.pop(content, None) or load(content, self._scalars)
        self._loaded[content] = found
        if len(self._loaded) > _LOADED_KEPT:
            self._loaded.popitem(last=False)
        return found

    def forget_places(self) -> None:
        """Let go of the places at hand; called when all findings are placed."""
        self._loaded.clear()

    def _too_large(self, content: bytes) -> str:
        return f"it has more than {self._max_file_bytes} bytes" if len(content) > self._max_file_bytes else ""

    def _examined(self, value: Any) -> Iterator[Fault]:
        """Return what is wrong with a document that fits its schema; it can be decoded all the same."""
        if value["kind"] in POLICIES:
            return policies.examine(value)
        return (examine.flow if value["kind"] == FLOW else examine.output)(value, self._env_patterns)


def _is_sound(value: object) -> bool:
    """Return whether a document fits its schema: nearly all do, and that is quickly told."""
    kind = value.get("kind") if isinstance(value, dict) else None
    return isinstance(kind, str) and kind in SCHEMAS and judge_of(SCHEMAS[kind])(value)


def _rest(value: object, misfits: Sequence[Fault]) -> Any:
    """Return what fits of a document that does not as such, so that all is mended at once; None when nothing is."""
    rest = pruned(value, misfits) if misfits else None
    return rest if _is_sound(rest) else None


def _misfits(document: LoadedDocument) -> Iterator[Fault]:
    """Return why a document does not fit its schema, but for what the faults of its text explain."""
    value: Any = document.value
    if not document.marks:
        # No YAML: what was saved of it is for others to refer to, and says nothing itself.
        return
    spoilt = [document.path_to(fault.node) for fault in document.faults if fault.node is not None]
    header = tuple(faults_of_header(value))
    if header:
        # A header that was spoilt is no second fault.
        yield from () if any(len(path) <= 1 for path in spoilt) else header
        return
    schema = SCHEMAS[value["kind"]]
    if not judge_of(schema)(value):
        yield from explain(value, schema, unreliable=spoilt)


@dataclass(frozen=True, slots=True)
class LoadedPlace:
    """A document whose places are at hand."""

    path: str
    document: LoadedDocument
    who: Identity = NOBODY

    @property
    def resource(self) -> str:
        """Return the address of the resource, "" when it cannot be told."""
        return self.who.resource

    def at(self, path: Path, *, on_key: bool = False) -> Position:
        """Return where the value at `path` is, or its key."""
        return Position(self.path, *self.document.at(path, on_key=on_key))


@dataclass(slots=True, kw_only=True, eq=False)
class FilePlace:
    """Where a document is: its file is loaded again when somebody asks for a line."""

    reader: FileReader
    file: ManifestFile
    index: int
    who: Identity

    @property
    def resource(self) -> str:
        """Return the address of the resource, "" when it cannot be told."""
        return self.who.resource

    def at(self, path: Path, *, on_key: bool = False) -> Position:
        """Return where the value at `path` is, or its key; the nearest value around it when it is not there."""
        document = self.reader.loaded(self.file.content).documents[self.index]
        return Position(self.file.path, *document.at(path, on_key=on_key))


def _annotations(value: Any) -> Mapping[str, Any]:
    """Return the annotations of a document that fits its schema."""
    found: Mapping[str, Any] = value["metadata"].get("annotations", {})
    return found


def _document(value: Any, place: FilePlace, faults: Sequence[Fault], *, is_broken: bool) -> Document:
    who = place.who
    if who.kind == FLOW:
        flow: FlowDraft | None = None if is_broken else decode.flow(value)
        return FlowDocument(place=place, name=who.name, draft=flow)
    if who.kind == OUTPUT:
        output: OutputDraft | None = None if is_broken else decode.output(value)
        return OutputDocument(place=place, name=who.name, flow=who.flow, draft=output)
    if who.kind in POLICIES:
        # A date that no calendar has cannot be a value; what is odd about a flow can.
        is_broken = is_broken or any(fault.rule.severity is Severity.ERROR for fault in faults)
        policy, flows = (None, ()) if is_broken else (policies.decode(value), policies.flows(value))
        return PolicyDocument(place=place, kind=str(who.kind), name=who.name, policy=policy, flows=flows)
    return LostDocument(place=place, name=who.name)


def unreadable(path: str, problem: str) -> Finding:
    """Return the finding of a file that could not be read, and why."""
    return Finding(rule=UNREADABLE, at=Position(path, 1, 1), message=f"the file cannot be read: {problem}")


def of_load(path: str, fault: LoadFault, document: LoadedDocument | None = None, who: Identity = NOBODY) -> Finding:
    """Return the finding of what is wrong with the text itself."""
    spoilt: Path = document.path_to(fault.node) if document is not None and fault.node is not None else ()
    at = Position(path, fault.line, fault.column)
    return Finding(
        rule=fault.rule,
        at=at,
        message=fault.message,
        hint=fault.hint,
        pointer=pointer(spoilt),
        resource=who.resource,
    )
