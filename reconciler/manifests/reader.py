"""All files of a tree: every finding, and the desired state when none of them is an error."""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import attrgetter

from reconciler.domain.documents import Document, FlowDocument, OutputDocument, Place
from reconciler.domain.findings import Finding, has_errors, in_order
from reconciler.domain.rules.excuses import sifted
from reconciler.domain.rules.families import Family, family
from reconciler.domain.rules.links import NO_EGRESS, Egress
from reconciler.domain.rules.secret_names import DEFAULT_ENV_PATTERNS
from reconciler.domain.rules.tree import judge
from reconciler.manifests.quoting import Quoter
from reconciler.manifests.reading import FileReader, FileReading
from reconciler.ports.source import MAX_FILE_BYTES, ManifestFile, Verdict


class ManifestReader:
    """
    Turns the files of a tree into desired state; implements `ports.source.Reader`.

    It remembers what files and families said, so that after a small change only that change costs something. A
    verdict depends on the files that were given and on nothing else.
    """

    def __init__(
        self,
        *,
        secrets_env: Sequence[str] = DEFAULT_ENV_PATTERNS,
        egress: Egress = NO_EGRESS,
        max_file_bytes: int = MAX_FILE_BYTES,
    ) -> None:
        self._egress = egress
        self._reader = FileReader(env_patterns=secrets_env, max_file_bytes=max_file_bytes)
        self._readings: dict[str, FileReading] = {}
        self._families: dict[str, Family] = {}
        self._quoted: tuple[ManifestFile, Quoter] | None = None
        """The file whose lines were asked for last: findings come in the order of their files."""

    def read(self, files: Sequence[ManifestFile]) -> Verdict:
        """Return every finding of every file, and the desired state when there is no error among them."""
        with _without_collection():
            return self._read(files)

    def source_of(self, finding: Finding) -> str | None:
        """Return the line that a finding of the last verdict is at; None when it may hold a secret."""
        reading = self._readings.get(finding.at.file)
        if reading is None or reading.file.problem:
            return None
        file = reading.file
        if self._quoted is None or self._quoted[0] is not file:
            self._quoted = file, Quoter(file.content, self._reader.loaded(file.content))
        return self._quoted[1].line(finding.at.line)

    def places(self) -> Mapping[str, Sequence[Place]]:
        """Return where the last verdict's flows and outputs are described, by address; two where one is named twice."""
        found: dict[str, list[Place]] = {}
        for reading in self._readings.values():
            for document in reading.documents:
                if isinstance(document, FlowDocument | OutputDocument) and document.place.resource:
                    found.setdefault(document.place.resource, []).append(document.place)
        return found

    def _read(self, files: Sequence[ManifestFile]) -> Verdict:
        self._readings = {file.path: self._reading(file) for file in sorted(files, key=attrgetter("path"))}
        findings: list[Finding] = []
        documents: list[Document] = []
        is_whole = True
        for reading in self._readings.values():
            if reading.findings:
                findings += reading.findings
            documents += reading.documents
            is_whole = is_whole and reading.is_whole
        remembered, self._families = self._families, {}
        judgement = judge(
            documents,
            lambda flow, outputs: self._family(flow, outputs, remembered),
            is_whole=is_whole,
            egress=self._egress,
        )
        findings += judgement.findings
        standing, excused = sifted(findings, [excuse for one in self._readings.values() for excuse in one.excuses])
        self._reader.forget_places()
        return Verdict(
            findings=in_order(standing),
            excused=excused,
            desired=None if has_errors(standing) else judgement.desired,
            policies=judgement.policies,
            sound=judgement.desired,
        )

    def _reading(self, file: ManifestFile) -> FileReading:
        known = self._readings.get(file.path)
        # A source gives the same value again where nothing changed, and to compare ten thousand takes its time.
        if known is not None and (known.file is file or known.file == file):
            return known
        return self._reader.read(file)

    def _family(self, flow: FlowDocument, outputs: Sequence[OutputDocument], remembered: dict[str, Family]) -> Family:
        name = flow.name or ""
        known = remembered.get(name)
        # Documents are equal only when they are one object: the very reading that the family was judged by.
        if known is None or known.flow is not flow or known.outputs != tuple(outputs):
            known = family(flow, outputs)
        self._families[name] = known
        return known


@contextmanager
def _without_collection() -> Iterator[None]:
    """Pause the garbage collector: a large tree makes a million values and no cycles, and looking costs a third."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
