"""An output that an edit breaks is put back by the loop itself; one that is dark because its source died is not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from benchmarks.stage.desk import Desk, flow_document, output_document
from benchmarks.stage.relay import StagedRelay
from reconciler import wiring
from reconciler.domain.change_ids import change_id
from reconciler.domain.conditions import Aspect, Reason
from reconciler.domain.model import OutputKey
from reconciler.engine.loop import Loop, Timing, Watcher
from reconciler.engine.reconcile import PassOutcome
from tests.media.ends import killed, publisher, receiver
from tests.media.watching import SCENE_S, until_true

pytestmark = [pytest.mark.anyio, pytest.mark.media]

Json = dict[str, Any]
TOWER = OutputKey("news", "tower")
RIGHT, WRONG = "right-passphrase", "wrong-passphrase"
TRIAL_S = 6


def tree(port: int, secret: str, *more: Json) -> tuple[Json, ...]:
    """Return a flow that is pushed to, and an output that calls a receiver with a passphrase."""
    encryption = {"keyLength": 16, "passphrase": {"file": secret}}
    srt = {"mode": "caller", "destination": {"host": "127.0.0.1", "port": port}, "encryption": encryption}
    return (
        flow_document("news", {"protocol": "SRT"}),
        output_document("news", "tower", {"protocol": "SRT", "srt": srt}),
        *more,
    )


@dataclass
class Scene:
    """A loop at work on a relay that carries something."""

    desk: Desk
    loop: Loop
    passes: list[PassOutcome]

    def reason(self, aspect: Aspect = Aspect.READY) -> Reason | None:
        """Return why a condition of the output is as it is."""
        status = self.loop.board.resources().get(TOWER)
        return None if status is None or aspect not in status.conditions else status.conditions[aspect].reason

    async def approved(self, port: int, secret: str) -> None:
        """Commit another secret, and the approval that it takes while that is on air."""
        self.desk.write(tree(port, secret))
        await until_true(lambda: bool(self.passes and self.passes[-1].left.blocked))
        (held,) = self.passes[-1].left.blocked
        assert held.change is not None
        spec = {
            "resource": str(TOWER),
            "action": "edit",
            "change": change_id(held.change),
            "reason": "the partner has another passphrase",
            "expires": "2099-01-01T00:00:00Z",
        }
        self.desk.write(tree(port, secret, {"kind": "Approval", "metadata": {"name": "yes"}, "spec": spec}))
        await until_true(lambda: self.reason(Aspect.RECONCILING) is Reason.ON_TRIAL)


@asynccontextmanager
async def scene(relay: StagedRelay, desk: Desk) -> AsyncIterator[Scene]:
    """Have the loop at work meanwhile, with short deadlines."""
    secrets = relay.state / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "right").write_text(RIGHT)
    (secrets / "wrong").write_text(WRONG)
    settings = wiring.load_settings(flags={"state": relay.state, "guard.trialS": TRIAL_S}, environment={})
    async with wiring.existing_world(settings, [desk.tree]) as world:
        passes: list[PassOutcome] = []
        loop = Loop(world, Timing(observe_s=2.0), Watcher(jitter=lambda: 0.5, on_pass=passes.append))
        task = asyncio.create_task(loop.run())
        try:
            yield Scene(desk, loop, passes)
        finally:
            loop.stop()
            await task


async def test_a_wrong_passphrase_is_put_back(free_port: Callable[[], int]) -> None:
    """The receiver gets its picture again although git still says the wrong one, and the output is marked."""
    port = free_port()
    async with asyncio.timeout(SCENE_S), StagedRelay() as relay, AsyncExitStack() as stack:
        desk = Desk(relay)
        desk.write(tree(port, "right"))
        told = await stack.enter_async_context(
            receiver(port, f"passphrase={RIGHT}", "pbkeylen=16", mode="listener", again="yes")
        )
        at_work = await stack.enter_async_context(scene(relay, desk))
        await until_true(lambda: at_work.reason() is Reason.IN_STEP)
        flow = (await relay.flows())["news"]
        await stack.enter_async_context(publisher(flow.input_addresses[0].port))
        await until_true(lambda: at_work.reason(Aspect.ON_AIR) is Reason.DELIVERING)

        await at_work.approved(port, "wrong")
        await until_true(lambda: at_work.reason() is Reason.PUT_BACK)
        await until_true(told.more(200_000))
        await until_true(lambda: at_work.reason(Aspect.ON_AIR) is Reason.DELIVERING)
        pins = wiring.orders(wiring.load_settings(flags={"state": relay.state}, environment={})).read().pins

    assert [(pin.resource, pin.given.author) for pin in pins] == [(TOWER, "reconciler")]
    assert "file: right" in pins[0].manifest
    assert RIGHT not in pins[0].manifest


async def test_a_source_that_dies_in_a_trial_puts_nothing_back(free_port: Callable[[], int]) -> None:
    """The edit was right, and the publisher died right after it: nothing is changed back, and the trial waits."""
    port = free_port()
    async with asyncio.timeout(SCENE_S), StagedRelay() as relay, AsyncExitStack() as stack:
        desk = Desk(relay)
        desk.write(tree(port, "right"))
        await stack.enter_async_context(
            receiver(port, f"passphrase={RIGHT}", "pbkeylen=16", mode="listener", again="yes")
        )
        at_work = await stack.enter_async_context(scene(relay, desk))
        await until_true(lambda: at_work.reason() is Reason.IN_STEP)
        flow = (await relay.flows())["news"]
        sender = await stack.enter_async_context(publisher(flow.input_addresses[0].port))
        await until_true(lambda: at_work.reason(Aspect.ON_AIR) is Reason.DELIVERING)

        await at_work.approved(port, "wrong")
        await killed(sender)
        await until_true(lambda: at_work.reason(Aspect.ON_AIR) is Reason.NO_SOURCE)
        enough = len(at_work.passes) + TRIAL_S
        await until_true(lambda: len(at_work.passes) > enough)

    assert at_work.reason() is Reason.IN_STEP
    assert at_work.reason(Aspect.RECONCILING) is Reason.ON_TRIAL
