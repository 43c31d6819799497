"""Calls that are lost, late, refused or throttled: nothing is made twice, and what could not be is said."""

import asyncio

import httpx
import pytest

from reconciler.domain.changes import Create, FlowAt
from reconciler.domain.marks import Owner
from reconciler.domain.model import Region
from reconciler.relay.faults.knobs import (
    Delay,
    Drop,
    InternalError,
    Throttle,
    When,
)
from reconciler.sources.clock import SystemClock
from reconciler.streamlink.backend import StreamLinkBackend
from reconciler.streamlink.client import ClientSettings, StreamLinkClient
from tests.endtoend.commands import DEADLINE_S
from tests.endtoend.studio import (
    CREATE_FLOW,
    CREATE_OUTPUT,
    START,
    Studio,
    once,
)
from tests.fakes.samples import SRT_FLOW

pytestmark = pytest.mark.anyio


LOST = pytest.mark.parametrize("kind", [Drop, InternalError], ids=["dropped", "InternalError"])


@LOST
async def test_a_create_whose_answer_is_lost_is_made_once(studio: Studio, kind: type[Drop | InternalError]) -> None:
    """What was made is found by its mark within the same apply, and not made again."""
    studio.faults.turn(once(kind, When.AFTER_COMMIT, CREATE_FLOW), once(kind, When.AFTER_COMMIT, CREATE_OUTPUT))

    applied = await studio.apply()

    assert applied.status == 0, applied.everything
    assert (studio.relay.calls[CREATE_FLOW], studio.relay.calls[CREATE_OUTPUT]) == (1, 2)
    assert (await studio.outputs()).keys() == {"tower", "platform"}
    assert not await studio.differs()


@LOST
async def test_a_create_that_was_not_made_is_looked_for_before_it_is_made_again(
    studio: Studio, kind: type[Drop | InternalError]
) -> None:
    """Who cannot know sends nothing more for a while, for lists may be late; then it is made, once."""
    studio.faults.turn(once(kind, When.BEFORE_COMMIT, CREATE_FLOW))

    first = await studio.apply()
    sent = studio.writes
    second = await studio.apply()
    waited = studio.writes
    # What stands for the time that goes by: without the journal nobody knows of the create.
    for file in studio.reconciler.state.glob("journal.sqlite3*"):
        file.unlink()
    third = await studio.apply()

    assert (first.status, sent) == (1, 1), first.everything
    assert "may have been carried out" in first.everything
    assert (second.status, waited) == (4, 1), second.everything
    assert "waiting flow/news: a create of it was sent" in second.everything
    assert third.status == 0, third.everything
    assert (await studio.outputs()).keys() == {"tower", "platform"}


async def test_a_pass_that_dies_within_a_create_leaves_nothing_to_be_made_twice(studio: Studio) -> None:
    """The flow was made and nobody heard of it: the next pass finds its own mark, and completes what is there."""
    studio.faults.turn(Delay(when=When.AFTER_COMMIT, seconds=60, actions=frozenset({CREATE_FLOW})))
    dying = await studio.reconciler.start("apply", studio.tree, "--auto-approve")
    try:
        await asyncio.wait_for(studio.delayed.wait(), DEADLINE_S)
    finally:
        dying.kill()
        await dying.communicate()
    studio.released.set()

    applied = await studio.apply()

    assert applied.status == 0, applied.everything
    assert studio.relay.calls[CREATE_FLOW] == 1
    assert (await studio.outputs()).keys() == {"tower", "platform"}


async def test_a_create_that_is_answered_too_late_is_found(studio: Studio) -> None:
    """Who stops waiting looks for what was made, and sends no second create."""
    studio.faults.turn(Delay(when=When.AFTER_COMMIT, seconds=60, actions=frozenset({CREATE_FLOW})))
    relay, clock = studio.relay, SystemClock()
    patience = ClientSettings(
        credentials=relay.credentials, endpoint=relay.address, timeout=httpx.Timeout(10.0, read=1.0)
    )
    client = StreamLinkClient(patience, clock=clock, random_fraction=lambda: 0.0)
    backend = StreamLinkBackend(client, owner=Owner("local"), regions=(Region("local"),), clock=clock)
    at = FlowAt(Region("local"), SRT_FLOW.live_name)

    await backend.apply(Create(key=SRT_FLOW.key, at=at, wanted=SRT_FLOW))

    (found,) = await backend.observe(Region("local"))
    await backend.close()
    assert (found.spec, relay.calls[CREATE_FLOW]) == (SRT_FLOW.spec, 1)


@LOST
@pytest.mark.parametrize("when", When)
async def test_an_edit_and_a_delete_are_sent_until_they_are_answered(
    studio: Studio, kind: type[Drop | InternalError], when: When
) -> None:
    """Both may be repeated, and a delete of what is gone is done."""
    await studio.apply()
    studio.set_latency(333)
    (studio.tree / "platform.yaml").unlink()
    edit, delete = "ModifyStreamLinkOutputInfo", "DeleteStreamLinkOutput"
    studio.faults.turn(once(kind, when, edit), once(kind, when, delete))

    applied = await studio.apply()

    outputs = await studio.outputs()
    assert applied.status == 0, applied.everything
    assert (studio.relay.calls[edit], studio.relay.calls[delete]) == (2, 2)
    assert {name: output.SRTSettings.Latency for name, output in outputs.items()} == {"tower": 333}


@LOST
async def test_a_start_whose_answer_is_lost_is_not_sent_again(studio: Studio, kind: type[Drop | InternalError]) -> None:
    """The state tells that it was carried out."""
    studio.faults.turn(once(kind, When.AFTER_COMMIT, START))

    applied = await studio.apply()

    assert (applied.status, studio.relay.calls[START]) == (0, 1), applied.everything
    assert (await studio.flow()).State == "RUNNING"


async def test_throttled_calls_are_sent_again_and_succeed(studio: Studio) -> None:
    """Creates too: what is throttled was not carried out."""
    studio.faults.turn(Throttle(times=2, actions=frozenset({CREATE_OUTPUT})), Throttle(every=2))

    applied = await studio.apply()

    assert applied.status == 0, applied.everything
    assert (await studio.outputs()).keys() == {"tower", "platform"}


async def test_what_is_throttled_for_long_fails_alone(studio: Studio) -> None:
    """The rest is done, the reason is said, and the next pass makes what is missing, once."""
    studio.faults.turn(Throttle(actions=frozenset({CREATE_OUTPUT})))

    first = await studio.apply()
    studio.faults.turn()
    second = await studio.apply()

    assert (first.status, second.status) == (5, 0), first.everything
    assert "RequestLimitExceeded" in first.everything
    assert (await studio.outputs()).keys() == {"tower", "platform"}
