"""What is kept at an older spec than its manifest's."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.domain.conditions import generation_of
from reconciler.domain.model import Flow, FlowKey, FlowLink, Output, OutputKey, Srt
from reconciler.domain.order_words import BY_ITSELF
from reconciler.domain.orders import Given, Orders, Pin
from reconciler.engine.pinning import in_force, is_over, manifest_of, needed_by, spec_of
from reconciler.manifests.reader import ManifestReader
from reconciler.manifests.writing import ManifestWriter
from tests.builders import flow, output, resolved
from tests.unit.engine.loops import TIMING, running
from tests.unit.engine.test_board import rows
from tests.unit.engine.worlds import Worldlet, a_world

pytestmark = pytest.mark.anyio

NEWS, TOWER = FlowKey("news"), OutputKey("news", "tower")
HOUR = timedelta(hours=1)


def text_of(resource: Flow | Output, *beside: Flow) -> str:
    """Return the manifests of a pin."""
    return manifest_of(resource, beside or (flow(),), ManifestWriter())


def pin(small: Worldlet, resource: Flow | Output, *, against: str = "", author: str = "anna") -> Pin:
    """Keep a resource at a spec for an hour."""
    given = Given(author=author, reason="the new one is dark", at=small.clock.now(), until=small.clock.now() + HOUR)
    made = Pin(resource=resource.key, revision="a1", manifest=text_of(resource), against=against, given=given)
    small.orders.give(made)
    return made


async def test_a_pinned_resource_is_kept_as_it_was() -> None:
    """Its manifest says otherwise, its siblings follow theirs, and it is said who pinned it, to what and why."""
    small = a_world()
    small.source.write("one", flow(), output(), output("north"))

    async with running(small) as run:
        pin(small, output())
        small.source.write("two", flow(), output(latency_ms=500), output("north", latency_ms=500))
        await run.prove()
        status = run.loop.board.resources()[TOWER]

        assert (small.backend.latency_ms(), small.backend.latency_ms("north")) == (120, 500)
        assert rows(run.loop.board)["Ready"] == ("False", "Pinned")
        assert rows(run.loop.board)["Stalled"] == ("False", "Pinned")
        assert status.pin is not None
        assert status.pin.revision == "a1"


async def test_a_pinned_flow_is_kept_as_it_was() -> None:
    """Its input stays, and its outputs follow their manifests."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        pin(small, flow())
        small.source.write("two", flow(latency_ms=500), output(latency_ms=500))
        await run.prove()

        assert small.backend.flow().spec == flow().spec
        assert small.backend.latency_ms() == 500
        assert rows(run.loop.board, NEWS)["Ready"] == ("False", "Pinned")


async def test_what_is_pinned_is_put_right_to_its_pin() -> None:
    """Drift of a pinned resource goes back to the pin, not to the manifest."""
    small = a_world()
    small.source.write("one", flow(), output(latency_ms=500))

    async with running(small) as run:
        pin(small, output(latency_ms=200))
        await run.pass_time(2 * TIMING.observe_s)

        assert small.backend.latency_ms() == 200


async def test_a_pin_ends_at_its_time() -> None:
    """Then the manifest counts again, and nobody has to remember."""
    small = a_world()
    small.source.write("one", flow(), output(latency_ms=500))
    pin(small, output())

    async with running(small) as run:
        before = small.backend.latency_ms()
        await run.pass_time(HOUR.total_seconds() + 2 * TIMING.observe_s)

        assert (before, small.backend.latency_ms()) == (120, 500)
        assert rows(run.loop.board)["Ready"] == ("True", "InStep")


@pytest.mark.parametrize(
    ("against", "wanted", "ends"),
    [
        pytest.param("", output(latency_ms=500), False, id="by its time alone"),
        pytest.param(generation_of(output(latency_ms=500)), output(latency_ms=500), False, id="the same manifest"),
        pytest.param(generation_of(output(latency_ms=500)), output(latency_ms=600), True, id="another manifest"),
        pytest.param("", output("north"), True, id="no manifest any more"),
    ],
)
def test_a_pin_stands_against_one_generation(against: str, wanted: Output, *, ends: bool) -> None:
    """What was put back stays so until the manifest is another one; whoever deletes the manifest deletes the pin."""
    given = Given(author=BY_ITSELF, reason="", at=a_world().clock.now(), until=None)
    made = Pin(resource=TOWER, revision="a1", manifest=text_of(output()), against=against, given=given)
    desired = resolved(flow(), wanted).desired

    assert is_over(made, desired) is ends
    assert (in_force(Orders(pins=(made,)), desired).pins == ()) is ends


async def test_a_pin_that_cannot_be_read_holds_up_its_resource_alone() -> None:
    """After an upgrade that reads it no more, that resource stays as it is, and says so."""
    small = a_world()
    small.source.write("one", flow(), output(), output("north"))

    async with running(small) as run:
        small.orders.give(replace(pin(small, output()), manifest="apiVersion: reconciler/v9\n"))
        small.source.write("two", flow(), output(latency_ms=500), output("north", latency_ms=500))
        await run.prove()
        (failed,) = run.passes[-1].left.failed

        assert (small.backend.latency_ms(), small.backend.latency_ms("north")) == (120, 500)
        assert failed.key == TOWER
        assert "cannot be read by this version" in failed.why


def test_a_pinned_manifest_says_what_it_needs() -> None:
    """An output is read with its flow, and with the flow that it calls."""
    calls = output("link")
    assert isinstance(calls.spec.settings, Srt)
    settings = replace(calls.spec.settings, peer=FlowLink(FlowKey("far")))
    calls = replace(calls, spec=replace(calls.spec, settings=settings))

    text = text_of(calls, flow(), flow("far"))

    assert needed_by(calls) == (NEWS, FlowKey("far"))
    assert needed_by(output()) == (NEWS,)
    assert spec_of(text, calls.key, ManifestReader()) == calls
    assert spec_of(text_of(flow()), NEWS, ManifestReader()) == flow()
