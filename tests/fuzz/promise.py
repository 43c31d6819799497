"""What is promised of any bytes that are read as manifests."""

from typing import Final

from reconciler.manifests.reader import ManifestReader
from reconciler.ports.source import ManifestFile

MOST_FINDINGS: Final = 20_000
"""Of one file: whatever it says, what is told of it is bounded."""


def keep(content: bytes) -> None:
    """
    Read the bytes as a file of manifests.

    Raises:
        AssertionError: a promise is not kept.

    """
    reader = ManifestReader()
    file = ManifestFile(path="fuzzed.yaml", content=content)
    verdict = reader.read([file])
    lines = content.decode("utf-8", errors="replace").splitlines(keepends=True) or [""]
    assert len(verdict.findings) <= MOST_FINDINGS
    for finding in verdict.findings:
        assert 1 <= finding.at.line <= len(lines) + 1, finding
        assert finding.at.column >= 1, finding
        assert finding.message, finding
        assert finding.message.isprintable(), finding
        assert finding.hint.isprintable(), finding
        reader.source_of(finding)
    if verdict.desired is None:
        assert verdict.findings
    assert reader.read([file]) == ManifestReader().read([file])
