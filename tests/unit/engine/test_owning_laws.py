"""Laws of export and adoption, over accounts that nobody thought of."""

import asyncio
from dataclasses import replace

import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain import planning
from reconciler.domain.exporting import ToSet, Wish
from reconciler.domain.impact import Capabilities
from reconciler.domain.model import (
    Desired,
    Flow,
    FlowKey,
    FoundFlow,
    FoundOutput,
    Key,
    Output,
    OutputKey,
)
from reconciler.domain.resolution import resolve
from reconciler.domain.secrets import Secret, SecretRef
from reconciler.engine.adopt import survey, take_over
from reconciler.engine.apply import Result, Terms
from reconciler.engine.export import Tools, Written, export
from reconciler.engine.guard import Guard
from reconciler.engine.observe import observe
from reconciler.engine.world import World
from reconciler.manifests.reader import ManifestReader
from reconciler.manifests.writing import ManifestWriter
from reconciler.ports.source import ManifestFile, Revision, Snapshot
from tests import strategies
from tests.builders import US
from tests.fakes.backend import FakeBackend
from tests.fakes.clock import FakeClock
from tests.fakes.journal import MemoryJournal
from tests.unit.engine.worlds import MemorySource, keeper

TRAPS = (
    "no", "NO", "y", "null", "~", "017", "08", "0o17", "0x1F", "1:30", "1e3", ".5", "1_000", "2024-01-02", "=", "<<",
    "- a", "a: b", "a #b", "#a", "&a", "*a", "!a", "%a", "@a", "`a", "'a", '"a', "[a", "{a", "a,", "?", "|", ">", " a",
    "a ", "---", "...", "true", "\u00e9", "\u65e9", "\U0001f3a5", "\u2028x", "\u00a0",
)  # fmt: skip
"""Text that some reader of YAML takes for something else."""

texts = st.sampled_from(TRAPS) | st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=12)
"""Text that people could have typed."""


@st.composite
def accounts(draw: st.DrawFn) -> tuple[FoundFlow, ...]:
    """Draw what people made by hand: valid, with any names, and with secrets that are told or masked."""
    desired = draw(strategies.desireds(strategies.found_secrets))
    count = len(desired.flows) + len(desired.outputs)
    names = draw(st.lists(texts, min_size=count, max_size=count, unique=True))
    keys: list[FlowKey | OutputKey] = [flow.key for flow in desired.flows]
    keys += [output.key for output in desired.outputs]
    given_names = dict(zip(keys, names, strict=True))
    return tuple(_found(flow, desired, given_names) for flow in desired.flows)


def _found(flow: Flow, desired: Desired, names: dict[FlowKey | OutputKey, str]) -> FoundFlow:
    outputs = [output for output in desired.outputs if output.key.flow_key == flow.key]
    spec = replace(flow.spec, input=replace(flow.spec.input, description=names[flow.key]))
    return FoundFlow(
        id=f"id-{flow.key.name}",
        region=flow.spec.region,
        live_name=names[flow.key],
        mark=None,
        state=spec.state,
        spec=spec,
        outputs=tuple(
            FoundOutput(
                id=f"id-{output.key.flow}-{output.key.name}",
                live_name=names[output.key],
                mark=None,
                spec=replace(output.spec, description=names[output.key]),
            )
            for output in outputs
        ),
    )


def account_of(flows: tuple[FoundFlow, ...]) -> FakeBackend:
    """Return an account that has these flows."""
    backend = FakeBackend(regions=sorted({"local", *(flow.region for flow in flows)}))
    backend.flows = {flow.id: flow for flow in flows}
    return backend


class Drawer:
    """Knows what an export refers to; implements `ports.secrets.Vault`. What is masked is made up."""

    waits = False

    def __init__(self, secrets: tuple[ToSet, ...]) -> None:
        self._values = {secret.ref.name: secret.value or Secret("made up by hand") for secret in secrets}

    def resolve(self, ref: SecretRef) -> Secret:
        """Return the value, with the version that the reference says."""
        return Secret(self._values[ref.name].reveal(), version=ref.version)


class Files(MemorySource):
    """A tree of given files."""

    def __init__(self, files: tuple[ManifestFile, ...]) -> None:
        super().__init__()
        self._files = files

    async def snapshot(self) -> Snapshot:
        """Return them."""
        return Snapshot(revision=Revision("exported"), files=self._files)


def exported(backend: FakeBackend) -> Written:
    """Return the export of an account."""
    tools = Tools(writer=ManifestWriter(), reader=ManifestReader())
    return asyncio.run(export(backend, Wish(owner=US), tools, clock=FakeClock(auto=False)))


def files_of(written: Written) -> tuple[ManifestFile, ...]:
    """Return the files of an export."""
    writer = ManifestWriter()
    return tuple(
        ManifestFile(
            path=f"{text.exported.flow.key.name}.yaml",
            content=writer.file(text.documents, head=[f"flow {text.exported.flow.live_name}"]).encode(),
        )
        for text in written.texts
    )


@given(flows=accounts())
def test_what_is_exported_is_read_back_as_it_was(flows: tuple[FoundFlow, ...]) -> None:
    """Everything is written, the files have no error, and they mean the same to a reader of YAML 1.1."""
    written = exported(account_of(flows))

    files = files_of(written)
    verdict = ManifestReader().read(files)

    assert verdict.desired is not None, verdict.findings
    # The one rule that these accounts break: an output into its own input.
    assert all("SL311" in one.why for one in written.export.left_out), written.export.left_out
    read: list[Flow | Output] = [*verdict.desired.flows, *verdict.desired.outputs]
    found: dict[Key, Flow | Output] = {}
    for text in written.texts:
        found[text.exported.flow.key] = text.exported.flow
        found.update((output.key, output) for output in text.exported.outputs)
    assert {one.key: one for one in read} == found
    for file in files:
        for document in yaml.safe_load_all(file.content):
            spec = document["spec"]
            name = document["metadata"]["name"]
            one = found[FlowKey(name) if document["kind"] == "Flow" else OutputKey(spec["flow"], name)]
            assert spec.get("liveName", name) == one.live_name


@given(flows=accounts())
def test_the_same_account_gives_the_same_bytes(flows: tuple[FoundFlow, ...]) -> None:
    """In whatever order the backend lists."""
    turned = tuple(replace(flow, outputs=flow.outputs[::-1]) for flow in flows[::-1])

    assert files_of(exported(account_of(turned))) == files_of(exported(account_of(flows)))


@given(flows=accounts())
def test_nothing_is_left_to_do_after_adoption(flows: tuple[FoundFlow, ...]) -> None:
    """Whatever was exported and adopted has an empty plan, and what was told of it is what it was."""
    backend = account_of(flows)
    before = dict(backend.flows)
    written = exported(backend)
    drawer = Drawer(written.export.secrets)
    clock = FakeClock(auto=False)
    journal = MemoryJournal(clock)
    world = World(
        source=Files(files_of(written)),
        reader=ManifestReader(),
        pin_reader=ManifestReader(),
        writer=ManifestWriter(),
        vault=drawer,
        backend=backend,
        clock=clock,
        journal=journal,
        guard=Guard(keeper(backend, clock, journal)),
        owner=US,
    )

    found = asyncio.run(survey(world, chosen=None, sends_secrets=True))
    assert found.adoption is not None
    done = asyncio.run(take_over(world, found, terms=Terms()))

    assert (found.adoption.refused, found.adoption.absent, found.adoption.already) == ((), (), ())
    assert {outcome.result for outcome in done.outcomes} <= {Result.DONE}
    assert not any(one.differences for one in found.adoption.adopted)
    desired = found.tree.verdict.desired
    assert desired is not None
    actual = asyncio.run(observe(backend, clock=FakeClock(auto=False)))
    plan = planning.plan(resolve(desired, drawer.resolve), actual, owner=US, capabilities=Capabilities())
    assert plan.is_empty, plan
    for flow in backend.flows.values():
        _same_but_for_marks(flow, before[flow.id])


def _same_but_for_marks(flow: FoundFlow, was: FoundFlow) -> None:
    outputs = tuple(replace(output, mark=None) for output in flow.outputs)
    now = replace(flow, mark=None, outputs=outputs)
    # What was masked is known to this backend from then on; two such secrets are as good as equal.
    assert repr(now) == repr(was)
