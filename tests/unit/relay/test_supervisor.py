"""Flows whose input no engine carries."""

from pathlib import Path

import pytest

from reconciler.domain.secrets import Secret
from reconciler.relay.media import (
    EndId,
    EndState,
    FlowMedia,
    InputMedia,
    NotCarried,
    OutputMedia,
    RtmpDestination,
    RtmpPush,
)
from reconciler.relay.supervisor import Supervisor

pytestmark = pytest.mark.anyio

INPUT, RIST, PUSH = EndId("input"), EndId("rist"), EndId("push")
DESTINATION = RtmpDestination(url="rtmp://h/app", stream_key=Secret("key"))
FLOW = FlowMedia(
    id="../flow",
    input=InputMedia(id=INPUT, end=NotCarried(protocol="RTP")),
    outputs=(
        OutputMedia(id=RIST, end=NotCarried(protocol="RIST")),
        OutputMedia(id=PUSH, end=RtmpPush(destinations=(DESTINATION,))),
    ),
)


def names_in(folder: Path) -> list[str]:
    """Return the names in a folder."""
    return [entry.name for entry in folder.iterdir()]


async def test_what_is_not_carried_is_kept_and_says_so(tmp_path: Path) -> None:
    """Each end is listed: one that no engine carries is idle and named, the others wait for their input."""
    supervisor = Supervisor(state=tmp_path)

    await supervisor.carry(FLOW)
    health = await supervisor.health(FLOW.id)
    await supervisor.close()

    assert {end: (found.state, found.last_error) for end, found in health.items()} == {
        INPUT: (EndState.IDLE, "RTP is not carried by the engines of this relay"),
        RIST: (EndState.IDLE, "RIST is not carried by the engines of this relay"),
        PUSH: (EndState.WAITING, "the input of this flow is not carried"),
    }


async def test_flows_that_are_not_carried_are_nothing(tmp_path: Path) -> None:
    """An unknown flow has no health, and dropping it is no error."""
    supervisor = Supervisor(state=tmp_path)

    await supervisor.drop("unknown")
    health = await supervisor.health("unknown")
    await supervisor.close()

    assert health == {}


async def test_files_of_a_flow_stay_within_the_state_and_go_with_the_flow(tmp_path: Path) -> None:
    """Whatever a flow is called, its folder is ours alone, below the state, and removed when the flow is dropped."""
    state = tmp_path / "state"
    supervisor = Supervisor(state=state)

    await supervisor.carry(FLOW)
    homes = names_in(state / "media")
    mode = (state / "media" / homes[0]).stat().st_mode & 0o777
    await supervisor.drop(FLOW.id)
    left = names_in(state / "media")
    await supervisor.close()
    beside = names_in(tmp_path)

    assert homes == ["flow-..%2Fflow"]
    assert mode == 0o700
    assert left == []
    assert beside == ["state"]
