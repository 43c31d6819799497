"""Export and adoption, where not all is well."""

from dataclasses import replace

import pytest

from reconciler.domain.errors import UnavailableError, UsageError
from reconciler.domain.exporting import Wish
from reconciler.domain.model import FlowKey, FoundFlow, FoundOutput, OutputSpec, Region
from reconciler.domain.protocols import Protocol
from reconciler.engine.adopt import survey, take_over
from reconciler.engine.apply import Result, Terms
from reconciler.engine.export import Tools, Written, export
from reconciler.manifests.reader import ManifestReader
from reconciler.manifests.writing import ManifestWriter
from tests.builders import US, flow, found_flow
from tests.fakes.backend import FakeBackend
from tests.fakes.clock import FakeClock
from tests.unit.engine.worlds import a_world

pytestmark = pytest.mark.anyio


def account(*outputs: FoundOutput) -> FakeBackend:
    """Return an account with a flow of these outputs that people made, and a region that cannot be read."""
    backend = FakeBackend(regions=("local", "eu-frankfurt"))
    spec = flow().spec
    settings = replace(spec.input, protocol=Protocol.RTMP, settings=None)
    backend.flows["f"] = FoundFlow(
        id="f",
        region=spec.region,
        live_name="news",
        mark=None,
        state=spec.state,
        spec=replace(spec, input=settings),
        outputs=outputs,
    )
    backend.unreadable[Region("eu-frankfurt")] = UnavailableError("no answer", maybe_applied=False)
    return backend


async def exported(backend: FakeBackend, *only: str) -> Written:
    """Return the export of an account."""
    tools = Tools(writer=ManifestWriter(), reader=ManifestReader())
    return await export(backend, Wish(owner=US, flows=frozenset(only)), tools, clock=FakeClock(auto=False))


def player(name: str, max_concurrent: int | None, allowlist: tuple[str, ...] = ()) -> FoundOutput:
    """Return an output that players pull from."""
    spec = OutputSpec(
        region=Region("local"), protocol=Protocol.RTMP_PULL, allowlist=allowlist, max_concurrent=max_concurrent
    )
    return FoundOutput(id=name, live_name=name, mark=None, spec=spec)


async def test_what_would_not_come_back_the_same_is_left_out() -> None:
    """Neither what the rules refuse, nor what a default would change."""
    backend = account(player("told", 3), player("untold", None), player("bare", 4, ("203.0.113.7",)))

    written = await exported(backend)

    assert [output.live_name for output in written.texts[0].exported.outputs] == ["told"]
    bare, untold = written.export.left_out
    assert "SL203" in bare.why
    assert untold.why == "manifests cannot say maxConcurrent as it is there, and would change it"
    assert written.unreadable == ("eu-frankfurt: no answer",)


async def test_a_flow_that_is_not_there_is_said_with_what_was_not_read() -> None:
    """It may be in the region that could not be read."""
    with pytest.raises(UsageError, match=r"no flow 'sport' \(not read: eu-frankfurt: no answer\)"):
        await exported(account(), "sport")


async def test_nothing_is_adopted_by_a_tree_with_errors() -> None:
    """Nobody knows what it says."""
    small = a_world()
    small.source.break_it("broken")

    found = await survey(small.world, chosen=None, sends_secrets=False)

    assert found.adoption is None


async def test_what_a_manifest_describes_is_adopted_by_its_mark_alone() -> None:
    """What people made as the manifest has it becomes ours, and is otherwise as it was."""
    small = a_world()
    small.source.write("1", flow())
    theirs = found_flow(flow(), owner=None)
    small.backend.hold(theirs)

    seen = await survey(small.world, chosen=None, sends_secrets=False)
    before = small.backend.flow()
    done = await take_over(small.world, seen, terms=Terms())

    assert [outcome.result for outcome in done.outcomes] == [Result.DONE]
    after = small.backend.flow()
    assert after.mark is not None
    assert after.mark.owner == US
    assert replace(after, mark=None) == before


async def test_what_no_manifest_describes_is_not_adopted() -> None:
    """The way to a manifest is said."""
    small = a_world()
    small.source.write("1", flow())

    with pytest.raises(UsageError, match=r"flow/sport. `reconciler export`"):
        await survey(small.world, chosen={FlowKey("sport")}, sends_secrets=False)
