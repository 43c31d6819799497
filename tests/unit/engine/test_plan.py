"""Tests of `engine.plan`."""

import asyncio
import threading
from dataclasses import replace

import pytest

from reconciler.domain.changes import Action
from reconciler.domain.errors import SourceUnreadableError
from reconciler.domain.model import Encryption, Srt
from reconciler.domain.secrets import Secret, SecretRef, SecretSource
from reconciler.engine.plan import preview
from tests.builders import flow, found_flow, found_output, output
from tests.unit.engine.worlds import BROKEN, MemoryVault, a_world

pytestmark = pytest.mark.anyio


async def test_a_preview_shows_and_sends_nothing() -> None:
    """The plan holds what would be sent, and the backend is as it was."""
    small = a_world()
    small.source.write("one", flow(), output())

    shown = await preview(small.world)

    assert shown.plan is not None
    assert [change.action for change in shown.plan.changes] == [Action.CREATE, Action.CREATE, Action.START]
    assert small.backend.sent == []


async def test_a_tree_with_errors_has_no_plan() -> None:
    """What does not validate is not planned, and the backend is not even asked."""
    small = a_world()
    small.source.break_it("broken")

    shown = await preview(small.world)

    assert shown.plan is None
    assert shown.tree.verdict.findings == (BROKEN,)
    assert small.backend.observed == 0


async def test_an_empty_tree_is_braked_in_a_preview_too() -> None:
    """A plan never shows deletes that `apply` would refuse."""
    small = a_world()
    wanted = flow()
    small.backend.hold(found_flow(wanted, found_output(output())))
    small.source.write("empty")

    shown = await preview(small.world)

    assert shown.plan is not None
    assert shown.plan.changes == ()
    assert [blocked.key for blocked in shown.plan.blocked] == [wanted.key]


async def test_a_tree_that_cannot_be_read_is_a_failure() -> None:
    """Nothing known of what is desired is no empty desire."""
    small = a_world()
    small.source.problem = "the folder is gone"

    with pytest.raises(SourceUnreadableError, match="the folder is gone"):
        await preview(small.world)


async def test_a_vault_that_takes_its_time_holds_nobody_else_up() -> None:
    """A program that opens secrets may hang; whoever asks for health meanwhile is answered."""
    asked, answered = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    class Slow(MemoryVault):
        waits = True

        def resolve(self, ref: SecretRef) -> Secret:
            loop.call_soon_threadsafe(asked.set)
            # On the loop itself nobody would be left to answer.
            assert answered.wait(20)
            return super().resolve(ref)

    small = a_world()
    settings = output().spec.settings
    assert isinstance(settings, Srt)
    secret = SecretRef(source=SecretSource.ENV, name="STREAM_TOWER")
    settings = replace(settings, encryption=Encryption(key_length=16, passphrase=secret))
    small.source.write("one", flow(), replace(output(), spec=replace(output().spec, settings=settings)))

    looking = asyncio.create_task(preview(replace(small.world, vault=Slow())))
    await asked.wait()
    answered.set()
    shown = await looking

    assert shown.plan is not None
    assert shown.plan.failed == ()
