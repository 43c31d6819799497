"""Documents for the rules, made by hand; a place says only which file and how deep."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reconciler.domain.documents import (
    Distance,
    Document,
    FlowDocument,
    FlowDraft,
    OutputDocument,
    OutputDraft,
    Path,
)
from reconciler.domain.findings import Finding, Position
from reconciler.domain.model import (
    Address,
    Encryption,
    Flow,
    FlowKey,
    FlowLink,
    FlowSpec,
    FlowState,
    InputSettings,
    InputSpec,
    OutputKey,
    OutputSettings,
    Region,
    Srt,
)
from reconciler.domain.protocols import Protocol, SrtMode
from reconciler.domain.rules.families import family
from reconciler.domain.rules.tree import judge
from reconciler.domain.secrets import SecretRef, SecretSource


@dataclass(frozen=True)
class InFile:
    """Somewhere in a file."""

    file: str
    line: int = 1
    resource: str = ""

    def at(self, path: Path, *, on_key: bool = False) -> Position:
        """Return a position that grows with the depth of the path."""
        return Position(self.file, self.line, 2 * len(path) + (not on_key))


LISTENER = Srt(mode=SrtMode.LISTENER)
CALLER = Srt(mode=SrtMode.CALLER, peer=Address("tower.example", 9000))
SINGAPORE = Region("ap-singapore")
FRANKFURT = Region("eu-frankfurt")


def env(name: str, *, version: int = 0) -> SecretRef:
    """Return a reference to an environment variable."""
    return SecretRef(source=SecretSource.ENV, name=name, version=version)


def encrypted(srt: Srt, name: str = "STREAM_KEY", *, key_length: int = 16, version: int = 0) -> Srt:
    """Return the same end, encrypted."""
    return replace(srt, encryption=Encryption(key_length=key_length, passphrase=env(name, version=version)))


def calling(flow: str, srt: Srt = CALLER) -> Srt:
    """Return an end that calls a flow."""
    return replace(srt, peer=FlowLink(FlowKey(flow)))


def flow(  # noqa: PLR0913 -- every part of a small world can be replaced by name.
    name: str = "news",
    *,
    file: str = "a.yaml",
    protocol: Protocol = Protocol.SRT,
    settings: InputSettings = LISTENER,
    region: Region = SINGAPORE,
    state: FlowState = FlowState.IDLE,
    live_name: str | None = None,
) -> FlowDocument:
    """Return the document of a flow."""
    spec = FlowSpec(
        region=region,
        max_bandwidth_bps=10_000_000,
        state=state,
        input=InputSpec(protocol=protocol, settings=settings, allowlist=()),
    )
    draft = FlowDraft(flow=Flow(key=FlowKey(name), live_name=live_name or name, spec=spec), distance=None)
    return FlowDocument(place=InFile(file), name=name, draft=draft)


def output(  # noqa: PLR0913 -- every part of a small world can be replaced by name.
    name: str = "tower",
    *,
    of: str = "news",
    file: str = "b.yaml",
    protocol: Protocol = Protocol.SRT,
    settings: OutputSettings | None = None,
    region: Region | None = None,
    distance: Distance | None = None,
    live_name: str | None = None,
) -> OutputDocument:
    """Return the document of an output; one that is told nothing else calls a tower of its own."""
    if settings is None and protocol is Protocol.SRT:
        settings = replace(CALLER, peer=Address(f"{name}.{of}.{file}.example".lower(), 9000))
    draft = OutputDraft(
        key=OutputKey(of, name),
        live_name=live_name or name,
        region=region,
        protocol=protocol,
        settings=settings,
        distance=distance,
        description="",
        allowlist=None,
        max_concurrent=None,
    )
    return OutputDocument(place=InFile(file), name=name, flow=of, draft=draft)


def found(*documents: Document, is_whole: bool = True) -> Sequence[Finding]:
    """Return what the rules find in documents."""
    return judge(documents, family, is_whole=is_whole).findings


def ids(*documents: Document, is_whole: bool = True) -> list[str]:
    """Return the ids of the rules that the documents break."""
    return [finding.rule.id for finding in found(*documents, is_whole=is_whole)]
