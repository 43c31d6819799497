"""What every backend does: with `test_meanwhile.py`, the definition of `ports.backend.Backend`."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.domain.changes import Call, Create, Start, Stop
from reconciler.domain.errors import NotFoundError, RejectedError, WrongStateError
from reconciler.domain.marks import Mark, Owner
from reconciler.domain.model import Address, Flow, FlowState, FoundOutput, Output, OutputKey, RtmpPush, Srt
from reconciler.domain.protocols import Protocol, SrtMode
from reconciler.domain.resolution import secret_versions
from reconciler.domain.secrets import Secret
from reconciler.ports.backend import Backend
from tests.contract.calls import at, create, delete, edit, made, only, output_named
from tests.fakes import samples
from tests.fakes.samples import AWAY, FLOW_OF, REGION, RTMP_FLOW, RTMP_PUSH, SRT_CALLER, SRT_FLOW, SRT_LISTENER

pytestmark = pytest.mark.anyio


async def test_an_empty_account_has_regions_and_no_flows(backend: Backend) -> None:
    """The regions are sorted, and reading one with nothing in it is no error."""
    assert await backend.regions() == (AWAY, REGION)
    assert await backend.observe(REGION) == ()


@pytest.mark.parametrize("wanted", samples.FLOWS, ids=lambda flow: flow.key.name)
async def test_a_flow_is_found_as_it_was_made(backend: Backend, wanted: Flow) -> None:
    """Every input that manifests can say comes back the same, idle, with our mark."""
    found = await made(backend, wanted)

    assert (found.live_name, found.state, found.spec, found.outputs) == (
        wanted.live_name,
        FlowState.IDLE,
        wanted.spec,
        (),
    )
    assert found.mark == Mark(owner=Owner("tests"), name=wanted.key.name, secret_versions=secret_versions(wanted.spec))


@pytest.mark.parametrize("wanted", samples.OUTPUTS, ids=lambda output: output.key.name)
async def test_an_output_is_found_as_it_was_made(backend: Backend, wanted: Output) -> None:
    """Every output that manifests can say comes back the same, with our mark."""
    found = await made(backend, FLOW_OF[wanted.key.flow_key], wanted)

    (output,) = found.outputs
    assert (output.live_name, output.spec) == (wanted.live_name, wanted.spec)
    assert output.mark == Mark(owner=Owner("tests"), name=wanted.key.name, secret_versions=secret_versions(wanted.spec))


@pytest.mark.parametrize("wanted", samples.OUTPUTS, ids=lambda output: output.key.name)
async def test_what_is_pulled_has_an_address(backend: Backend, wanted: Output) -> None:
    """Receivers of a pulled output are told where; a pushing one has nothing to tell."""
    found = await made(backend, FLOW_OF[wanted.key.flow_key], wanted)

    assert bool(found.outputs[0].pull_urls) is (wanted.spec.allowlist is not None)


async def test_a_listening_input_has_an_address_that_stays(backend: Backend) -> None:
    """Other flows call the input by its address, which survives start and stop."""
    before = await made(backend, SRT_FLOW, SRT_CALLER)

    await backend.apply(Start(key=SRT_FLOW.key, at=at(SRT_FLOW)))
    await backend.apply(Stop(key=SRT_FLOW.key, at=at(SRT_FLOW)))

    assert before.input_addresses
    assert (await only(backend)).input_addresses == before.input_addresses


async def test_regions_are_apart(backend: Backend) -> None:
    """A flow is in its own region, and the same name may be in another."""
    there = replace(SRT_FLOW, spec=replace(SRT_FLOW.spec, region=AWAY))

    await backend.apply(Create(key=there.key, at=at(there), wanted=there))
    here = await made(backend, SRT_FLOW)

    assert here.region == REGION
    assert (await only(backend, AWAY)).id != here.id


async def test_an_edit_of_an_output_leaves_its_sibling(backend: Backend) -> None:
    """What was edited is as wanted, and its sibling as it was."""
    before = await made(backend, SRT_FLOW, SRT_LISTENER, SRT_CALLER)
    calls = Srt(mode=SrtMode.CALLER, latency_ms=300, peer=Address("tower.example", 9100))
    wanted = replace(SRT_CALLER, spec=replace(SRT_CALLER.spec, settings=calls, description=""))

    await backend.apply(edit(wanted, output_named(before, "caller"), of=SRT_FLOW))

    after = await only(backend)
    assert output_named(after, "caller").spec == wanted.spec
    assert output_named(after, "caller").id == output_named(before, "caller").id
    assert output_named(after, "listener") == output_named(before, "listener")


async def test_an_edit_can_turn_encryption_off_and_clear_the_allowlist(backend: Backend) -> None:
    """What is empty is sent too, or the former value would stay for ever."""
    before = await made(backend, SRT_FLOW, SRT_LISTENER)
    plain = replace(SRT_LISTENER.spec, settings=Srt(mode=SrtMode.LISTENER), allowlist=())
    wanted = replace(SRT_LISTENER, spec=plain)

    await backend.apply(edit(wanted, before.outputs[0], of=SRT_FLOW))

    assert (await only(backend)).outputs[0].spec == plain


async def test_an_edit_carries_new_secrets_and_says_so_in_the_mark(backend: Backend) -> None:
    """The versions in the mark are those of the secrets that were sent last."""
    before = await made(backend, SRT_FLOW, RTMP_PUSH)
    assert isinstance(RTMP_PUSH.spec.settings, RtmpPush)
    first = replace(RTMP_PUSH.spec.settings.destinations[0], stream_key=Secret("another-key", version=7))
    wanted = replace(RTMP_PUSH, spec=replace(RTMP_PUSH.spec, settings=RtmpPush(destinations=(first,), chunk_size=4096)))

    await backend.apply(edit(wanted, before.outputs[0], of=SRT_FLOW))

    (output,) = (await only(backend)).outputs
    assert output.spec == wanted.spec
    assert output.mark is not None
    assert output.mark.secret_versions == 7


async def test_an_output_can_be_renamed(backend: Backend) -> None:
    """The name on the backend changes; whose it is does not."""
    before = await made(backend, SRT_FLOW, SRT_CALLER)
    wanted = replace(SRT_CALLER, live_name="Tower north")

    await backend.apply(edit(wanted, before.outputs[0], of=SRT_FLOW))

    (output,) = (await only(backend)).outputs
    assert (output.id, output.live_name, output.mark) == (before.outputs[0].id, "Tower north", before.outputs[0].mark)


async def test_a_flow_can_be_renamed_and_edited_at_once(backend: Backend) -> None:
    """The input is as wanted, the name too, and calls may name the flow as it is called now."""
    before = await made(backend, SRT_FLOW, SRT_CALLER)
    listens = Srt(mode=SrtMode.LISTENER, latency_ms=500)
    wanted = replace(
        SRT_FLOW,
        live_name="Stadium",
        spec=replace(SRT_FLOW.spec, input=replace(SRT_FLOW.spec.input, settings=listens, allowlist=())),
    )

    await backend.apply(edit(wanted, before, of=SRT_FLOW))
    await backend.apply(Start(key=wanted.key, at=at(wanted)))

    after = await only(backend)
    assert (after.id, after.live_name, after.outputs) == (before.id, "Stadium", before.outputs)
    assert after.spec == replace(wanted.spec, state=FlowState.RUNNING)


async def test_a_flow_starts_and_stops_and_twice_is_no_error(backend: Backend) -> None:
    """A start of what runs and a stop of what is idle are done already."""
    await made(backend, SRT_FLOW, SRT_CALLER)

    states = []
    for call in (Start, Start, Stop, Stop):
        await backend.apply(call(key=SRT_FLOW.key, at=at(SRT_FLOW)))
        states.append((await only(backend)).state)

    assert states == [FlowState.RUNNING, FlowState.RUNNING, FlowState.IDLE, FlowState.IDLE]


async def test_a_flow_without_outputs_does_not_start(backend: Backend) -> None:
    """The service refuses it until the manifests change."""
    await made(backend, SRT_FLOW)

    with pytest.raises(RejectedError):
        await backend.apply(Start(key=SRT_FLOW.key, at=at(SRT_FLOW)))


async def test_outputs_come_and_go_while_the_flow_runs(backend: Backend) -> None:
    """One output is added and another removed, and the flow runs on."""
    before = await made(backend, SRT_FLOW, SRT_CALLER)
    await backend.apply(Start(key=SRT_FLOW.key, at=at(SRT_FLOW)))

    await backend.apply(create(SRT_LISTENER))
    await backend.apply(delete(SRT_CALLER, before.outputs[0]))

    after = await only(backend)
    assert after.state is FlowState.RUNNING
    assert [output.live_name for output in after.outputs] == ["listener"]


async def test_what_is_gone_is_deleted(backend: Backend) -> None:
    """A delete of an output or a flow that is not there any more is done, not an error."""
    before = await made(backend, SRT_FLOW, SRT_CALLER)

    for _ in range(2):
        await backend.apply(delete(SRT_CALLER, before.outputs[0]))
    for _ in range(2):
        await backend.apply(delete(SRT_FLOW, before))
    await backend.apply(delete(SRT_CALLER, before.outputs[0]))

    assert await backend.observe(REGION) == ()


async def test_a_running_flow_is_not_deleted(backend: Backend) -> None:
    """Viewers are never cut by a delete: the flow has to be stopped first."""
    before = await made(backend, SRT_FLOW, SRT_CALLER)
    await backend.apply(Start(key=SRT_FLOW.key, at=at(SRT_FLOW)))

    with pytest.raises(WrongStateError):
        await backend.apply(delete(SRT_FLOW, before))

    assert (await only(backend)).state is FlowState.RUNNING


async def test_a_flow_can_be_made_anew_under_its_name(backend: Backend) -> None:
    """After a delete the name is free, and means the new flow."""
    before = await made(backend, SRT_FLOW)
    await backend.apply(delete(SRT_FLOW, before))

    after = await made(backend, SRT_FLOW, SRT_CALLER)

    assert after.id != before.id
    assert [output.live_name for output in after.outputs] == ["caller"]


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(create(SRT_CALLER), id="an output of a flow that is not there"),
        pytest.param(Start(key=SRT_FLOW.key, at=at(SRT_FLOW)), id="the start of a flow that is not there"),
        pytest.param(
            edit(SRT_CALLER, FoundOutput(id="0" * 28, live_name="x", mark=None, spec=SRT_CALLER.spec), of=SRT_FLOW),
            id="the edit of an output whose flow is not there",
        ),
    ],
)
async def test_what_is_not_there_is_not_found(backend: Backend, call: Call) -> None:
    """A call on what is gone says so, and the caller looks again."""
    with pytest.raises(NotFoundError):
        await backend.apply(call)


async def test_an_output_that_the_input_cannot_feed_is_rejected(backend: Backend) -> None:
    """The matrix is the service's too, and the flow says what it allows."""
    found = await made(backend, RTMP_FLOW)
    wanted = replace(SRT_CALLER, key=OutputKey(RTMP_FLOW.key.name, "caller"))

    with pytest.raises(RejectedError):
        await backend.apply(create(wanted))

    assert found.allowed_outputs in (frozenset(), {Protocol.RTMP_PUSH, Protocol.RTMP_PULL})


async def test_every_end_has_a_status(backend: Backend) -> None:
    """The realtime status names the input and each output."""
    found = await made(backend, SRT_FLOW, SRT_CALLER, SRT_LISTENER)

    ends = await backend.status(REGION, found.id)

    assert [end.is_input for end in ends].count(True) == 1
    assert {end.id for end in ends if not end.is_input} == {output.id for output in found.outputs}
    assert {end.state for end in ends} <= {"Connected", "Waiting", "Idle"}


async def test_a_flow_to_which_nothing_happened_has_no_events_and_no_sessions(backend: Backend) -> None:
    """The log and the count of connections are there, and empty, for an input and for outputs alike."""
    found = await made(backend, SRT_FLOW, SRT_CALLER)
    now = datetime(2026, 1, 1, tzinfo=UTC)

    events = await backend.events(REGION, found.id, since=now - timedelta(hours=20), until=now)
    counts = [
        await backend.sessions(REGION, found.id, end, at=now) for end in await backend.status(REGION, found.id)
    ]  # fmt: skip

    assert events == ()
    assert counts == [0, 0]


async def test_what_is_gone_has_no_events(backend: Backend) -> None:
    """The log of a flow that is not there is not found."""
    now = datetime(2026, 1, 1, tzinfo=UTC)

    with pytest.raises(NotFoundError):
        await backend.events(REGION, "0" * 28, since=now - timedelta(hours=1), until=now)


async def test_nothing_that_is_read_shows_a_secret(backend: Backend) -> None:
    """What was found may be printed whole, but for URLs, which hold keys by their nature."""
    found = await made(backend, SRT_FLOW, SRT_LISTENER, RTMP_PUSH)

    shown = f"{found.spec!r} {[output.spec for output in found.outputs]!r} {backend.name}"

    assert not any(canary in shown for canary in samples.CANARIES)
