"""The calls that the tests of the contract make, and what is found after them."""

from reconciler.domain import properties
from reconciler.domain.changes import MARK, Create, Delete, Edit, FlowAt, Stop
from reconciler.domain.impact import Impact
from reconciler.domain.model import Flow, FlowSpec, FoundFlow, FoundOutput, Output, OutputSpec, Region
from reconciler.domain.properties import PropertyChange
from reconciler.ports.backend import Backend
from tests.fakes.samples import FLOW_OF, REGION, SRT_FLOW


def at(flow: Flow) -> FlowAt:
    """Return where the flow is."""
    return FlowAt(flow.spec.region, flow.live_name)


def create(wanted: Flow | Output) -> Create:
    """Return the call that makes something of the samples."""
    flow = wanted if isinstance(wanted, Flow) else FLOW_OF[wanted.key.flow_key]
    return Create(key=wanted.key, at=at(flow), wanted=wanted)


def edit(wanted: Flow | Output, found: FoundFlow | FoundOutput, *, of: Flow) -> Edit:
    """Return the call that brings what was found to what is wanted."""
    assert found.spec is not None
    if isinstance(wanted, Flow):
        assert isinstance(found.spec, FlowSpec)
        before, after = (
            properties.of_flow(found.live_name, found.spec),
            properties.of_flow(wanted.live_name, wanted.spec),
        )
    else:
        assert isinstance(found.spec, OutputSpec)
        before = properties.of_output(found.live_name, found.spec)
        after = properties.of_output(wanted.live_name, wanted.spec)
    changed = properties.differences(after, before, new_secrets=False)
    return Edit(key=wanted.key, at=at(of), wanted=wanted, found=found, differences=changed, impact=Impact.NONE)


def delete(wanted: Flow | Output, found: FoundFlow | FoundOutput) -> Delete:
    """Return the call that removes something of the samples."""
    flow = wanted if isinstance(wanted, Flow) else FLOW_OF[wanted.key.flow_key]
    return Delete(key=wanted.key, at=at(flow), found=found, impact=Impact.NONE)


def stop(found: FoundFlow | None = None) -> Stop:
    """Return the call that stops the flow of the samples."""
    return Stop(key=SRT_FLOW.key, at=at(SRT_FLOW), found=found)


async def mark(backend: Backend, wanted: Flow | Output, found: FoundFlow | FoundOutput, *, path: str = MARK) -> None:
    """Write the mark that this backend makes: alone, or with a property that is as it was."""
    changed = (PropertyChange(path=path, found="", wanted=""),)
    call = Edit(key=wanted.key, at=at(SRT_FLOW), wanted=wanted, found=found, differences=changed, impact=Impact.NONE)
    await backend.apply(call)


async def made(backend: Backend, *wanted: Flow | Output) -> FoundFlow:
    """Make all of it, and return the one flow as it is found then."""
    for each in wanted:
        await backend.apply(create(each))
    return await only(backend)


async def only(backend: Backend, region: Region = REGION) -> FoundFlow:
    """Return the only flow of a region."""
    (flow,) = await backend.observe(region)
    return flow


def output_named(flow: FoundFlow, live_name: str) -> FoundOutput:
    """Return the output with this name."""
    (found,) = [output for output in flow.outputs if output.live_name == live_name]
    return found
