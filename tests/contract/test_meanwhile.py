"""What every backend refuses because of what changed meanwhile: with `test_backend.py`, its definition."""

from dataclasses import replace

import pytest

from reconciler.domain.changes import Start
from reconciler.domain.errors import NotFoundError, RejectedError
from reconciler.domain.marks import Mark
from reconciler.domain.model import Address, Care, FlowState, Srt
from reconciler.domain.protocols import SrtMode
from reconciler.ports.backend import Backend
from tests.contract.calls import at, create, delete, edit, made, mark, only, stop
from tests.contract.conftest import OTHERS
from tests.fakes.samples import RTMP_PUSH, SRT_CALLER, SRT_FLOW, SRT_LISTENER

pytestmark = pytest.mark.anyio

PEER = Address("192.0.2.7", 9000)


async def test_an_output_that_went_meanwhile_is_not_edited(backend: Backend) -> None:
    """An edit never makes anything."""
    before = await made(backend, SRT_FLOW, SRT_CALLER)
    await backend.apply(delete(SRT_CALLER, before.outputs[0]))

    with pytest.raises(NotFoundError):
        await backend.apply(edit(replace(SRT_CALLER, live_name="other"), before.outputs[0], of=SRT_FLOW))

    assert (await only(backend)).outputs == ()


async def test_an_output_that_somebody_changed_meanwhile_is_not_edited(backend: Backend) -> None:
    """What was changed since it was read would be changed back unseen: it stays, and whoever edits looks again."""
    before = await made(backend, SRT_FLOW, SRT_CALLER)
    theirs = replace(SRT_CALLER, spec=replace(SRT_CALLER.spec, settings=Srt(mode=SrtMode.CALLER, peer=PEER)))
    await backend.apply(edit(theirs, before.outputs[0], of=SRT_FLOW))

    with pytest.raises(RejectedError):
        await backend.apply(edit(replace(SRT_CALLER, live_name="other"), before.outputs[0], of=SRT_FLOW))

    (output,) = (await only(backend)).outputs
    assert (output.live_name, output.spec) == (SRT_CALLER.live_name, theirs.spec)


async def test_an_input_that_somebody_changed_meanwhile_is_not_edited(backend: Backend) -> None:
    """As with an output."""
    before = await made(backend, SRT_FLOW)
    received = SRT_FLOW.spec.input
    theirs = replace(SRT_FLOW, spec=replace(SRT_FLOW.spec, input=replace(received, allowlist=())))
    await backend.apply(edit(theirs, before, of=SRT_FLOW))
    mine = replace(SRT_FLOW, spec=replace(SRT_FLOW.spec, input=replace(received, description="mine")))

    with pytest.raises(RejectedError):
        await backend.apply(edit(mine, before, of=SRT_FLOW))

    assert (await only(backend)).spec == theirs.spec


async def test_an_output_that_is_not_ours_any_more_is_left_alone(backend: Backend, others: Backend) -> None:
    """Who took it over since it was read decides about it: it is neither deleted nor edited nor marked."""
    before = (await made(backend, SRT_FLOW, SRT_CALLER)).outputs[0]
    await mark(others, SRT_CALLER, before, path="description")

    for call in (delete(SRT_CALLER, before), edit(replace(SRT_CALLER, live_name="mine"), before, of=SRT_FLOW)):
        with pytest.raises(RejectedError):
            await backend.apply(call)
    with pytest.raises(RejectedError):
        await mark(backend, SRT_CALLER, before)

    (output,) = (await only(backend)).outputs
    assert (output.id, output.live_name, output.mark) == (
        before.id,
        SRT_CALLER.live_name,
        Mark(owner=OTHERS, name=SRT_CALLER.key.name),
    )


async def test_a_flow_that_is_not_ours_any_more_is_neither_stopped_nor_deleted(
    backend: Backend, others: Backend
) -> None:
    """The same of a flow, whether or not the stop says what it was; but a start is no harm, and puts things back."""
    before = await made(backend, SRT_FLOW, SRT_CALLER)
    await backend.apply(Start(key=SRT_FLOW.key, at=at(SRT_FLOW)))
    await mark(others, SRT_FLOW, before, path="input.description")

    for call in (stop(before), stop(), delete(SRT_FLOW, before)):
        with pytest.raises(RejectedError):
            await backend.apply(call)
    await backend.apply(Start(key=SRT_FLOW.key, at=at(SRT_FLOW)))

    assert (await only(backend)).state is FlowState.RUNNING


async def test_what_somebody_changed_meanwhile_is_not_deleted(backend: Backend) -> None:
    """Nobody has decided to lose what it has become."""
    before = await made(backend, SRT_FLOW, SRT_CALLER)
    await backend.apply(edit(replace(SRT_CALLER, live_name="theirs"), before.outputs[0], of=SRT_FLOW))
    received = replace(SRT_FLOW.spec.input, allowlist=())
    await backend.apply(edit(replace(SRT_FLOW, spec=replace(SRT_FLOW.spec, input=received)), before, of=SRT_FLOW))

    for call in (delete(SRT_CALLER, before.outputs[0]), delete(SRT_FLOW, before), stop(before)):
        with pytest.raises(RejectedError):
            await backend.apply(call)

    assert [output.live_name for output in (await only(backend)).outputs] == ["theirs"]


async def test_what_somebody_protected_meanwhile_is_not_deleted(backend: Backend) -> None:
    """The mark says so, and is read again."""
    before = await made(backend, SRT_FLOW, SRT_CALLER)
    care = Care(protected=True)
    await mark(backend, replace(SRT_CALLER, care=care), before.outputs[0])
    await mark(backend, replace(SRT_FLOW, care=care), before)

    for call in (delete(SRT_CALLER, before.outputs[0]), delete(SRT_FLOW, before)):
        with pytest.raises(RejectedError):
            await backend.apply(call)

    assert (await only(backend)).outputs


async def test_a_flow_is_not_stopped_with_what_others_made_meanwhile(backend: Backend, others: Backend) -> None:
    """Nobody has decided to take that off air; what others had when it was read was seen, and so was what we make."""
    before = await made(backend, SRT_FLOW, SRT_CALLER)
    await backend.apply(Start(key=SRT_FLOW.key, at=at(SRT_FLOW)))
    await others.apply(create(SRT_LISTENER))

    with pytest.raises(RejectedError):
        await backend.apply(stop(before))
    assert (await only(backend)).state is FlowState.RUNNING

    seen = await only(backend)
    await backend.apply(create(RTMP_PUSH))
    await backend.apply(stop(seen))
    assert (await only(backend)).state is FlowState.IDLE


async def test_a_flow_is_not_deleted_with_what_was_made_meanwhile(backend: Backend) -> None:
    """Nor are outputs deleted with it that nobody had seen, whoever's they are."""
    before = await made(backend, SRT_FLOW)
    await backend.apply(create(SRT_CALLER))

    with pytest.raises(RejectedError):
        await backend.apply(delete(SRT_FLOW, before))

    assert len((await only(backend)).outputs) == 1
