"""What the marks say besides whose something is: protection, and which of two is the newer one."""

from dataclasses import replace

import pytest

from reconciler.domain.changes import Create
from reconciler.domain.marks import Mark
from reconciler.domain.model import Address, Care, Flow, FoundFlow, FoundOutput, Output, Srt
from reconciler.domain.protocols import SrtMode
from reconciler.ports.backend import Backend
from tests.contract.calls import at, create, edit, made, only, output_named
from tests.fakes.samples import SRT_CALLER, SRT_FLOW, SRT_LISTENER

pytestmark = pytest.mark.anyio

PROTECTED = Care(protected=True)
CALLS = Srt(mode=SrtMode.CALLER, latency_ms=300, peer=Address("tower.example", 9100))


def mark_of(found: FoundFlow | FoundOutput) -> Mark:
    """Return the mark that something bears."""
    assert found.mark is not None
    return found.mark


def otherwise(wanted: Output) -> Output:
    """Return an output with other settings."""
    return replace(wanted, spec=replace(wanted.spec, settings=CALLS))


@pytest.mark.parametrize("care", [PROTECTED, Care()])
async def test_what_is_protected_is_made_so(backend: Backend, care: Care) -> None:
    """A flow says it in its input's Description, an output in its own."""
    found = await made(backend, replace(SRT_FLOW, care=care), replace(SRT_CALLER, care=care))

    assert mark_of(found).protected is care.protected
    assert mark_of(found.outputs[0]).protected is care.protected
    assert not mark_of(found).twin


async def test_protection_comes_and_goes_with_an_edit(backend: Backend) -> None:
    """The first commit of two takes it away, and nothing else."""
    before = await made(backend, replace(SRT_FLOW, care=PROTECTED), replace(SRT_CALLER, care=PROTECTED))

    await backend.apply(edit(otherwise(SRT_CALLER), before.outputs[0], of=SRT_FLOW))
    await backend.apply(edit(replace(SRT_FLOW, live_name="Stadium"), before, of=SRT_FLOW))
    without = await only(backend)
    stadium = replace(SRT_FLOW, live_name="Stadium")
    again = replace(otherwise(SRT_CALLER), care=PROTECTED, spec=SRT_CALLER.spec)
    await backend.apply(edit(again, without.outputs[0], of=stadium))

    assert not mark_of(without.outputs[0]).protected
    assert mark_of((await only(backend)).outputs[0]).protected


async def test_an_edit_keeps_protection(backend: Backend) -> None:
    """What the manifests still protect is protected after any edit of it."""
    before = await made(backend, SRT_FLOW, replace(SRT_CALLER, care=PROTECTED))

    await backend.apply(edit(replace(otherwise(SRT_CALLER), care=PROTECTED), before.outputs[0], of=SRT_FLOW))

    assert mark_of((await only(backend)).outputs[0]).protected


async def test_a_twin_says_so_and_keeps_its_name(backend: Backend) -> None:
    """It stands beside the old one under a temporary name; the mark has the name of the manifest."""
    await made(backend, SRT_FLOW, SRT_LISTENER)
    twin = replace(SRT_LISTENER, live_name="listener_t")
    await backend.apply(replace(create(twin), is_twin=True))

    found = await only(backend)

    assert mark_of(output_named(found, "listener_t")).twin
    assert not mark_of(output_named(found, "listener")).twin
    assert mark_of(output_named(found, "listener_t")).name == "listener"


async def test_an_edit_keeps_a_twin_one(backend: Backend) -> None:
    """Nothing else tells why its live name is another one than its own."""
    await made(backend, SRT_FLOW)
    twin = replace(SRT_CALLER, live_name="caller_t")
    await backend.apply(replace(create(twin), is_twin=True))
    before = await only(backend)

    await backend.apply(edit(replace(otherwise(twin), care=PROTECTED), before.outputs[0], of=SRT_FLOW))

    after = (await only(backend)).outputs[0]
    assert after.spec is not None
    assert after.spec.settings == CALLS
    assert mark_of(after) == replace(mark_of(before.outputs[0]), protected=True, secret_versions=0)
    assert mark_of(after).twin


async def test_a_flow_may_be_a_twin_too(backend: Backend) -> None:
    """And stays one when its input is edited."""
    twin: Flow = replace(SRT_FLOW, live_name="srt_in_t")
    await backend.apply(Create(key=twin.key, at=at(twin), wanted=twin, is_twin=True))
    before = await only(backend)
    listens = replace(twin.spec.input, settings=Srt(mode=SrtMode.LISTENER, latency_ms=500))

    await backend.apply(edit(replace(twin, spec=replace(twin.spec, input=listens)), before, of=twin))

    after = await only(backend)
    assert mark_of(before).twin
    assert mark_of(after).twin
    assert (after.live_name, mark_of(after).name) == ("srt_in_t", "srt_in")
