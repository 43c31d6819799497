"""Flows whose input no engine carries."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

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
from reconciler.relay.supervisor import NoEngine, Supervisor

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


class Faulty(NoEngine):
    """An engine with a bug: every second look at it fails."""

    def __init__(self, *, closes: bool = True) -> None:
        super().__init__()
        self.looks = 0
        self.looked = asyncio.Event()
        self._closes = closes

    async def sample(self) -> None:
        """Fail, or not, and tell of the third look."""
        self.looks += 1
        if self.looks > 2:
            self.looked.set()
        if self.looks % 2:
            raise ZeroDivisionError

    async def close(self) -> None:
        """End, or fail to."""
        if not self._closes:
            raise OSError("stuck")


async def test_a_flow_is_looked_after_whatever_a_look_comes_to(tmp_path: Path) -> None:
    """A fault in one look is told by its place, and the next look comes all the same."""
    engine = Faulty()
    supervisor = Supervisor(state=tmp_path, new_engine=lambda *_: engine)

    with capture_logs() as logs:
        await supervisor.carry(FLOW)
        async with asyncio.timeout(20):
            await engine.looked.wait()
        health = await supervisor.health(FLOW.id)
        await supervisor.close()

    assert set(health) == {INPUT, RIST, PUSH}
    assert {(line["event"], line["kind"]) for line in logs} == {("relay.look_failed", "ZeroDivisionError")}


async def test_one_flow_that_does_not_end_keeps_no_other_from_it(tmp_path: Path) -> None:
    """Every flow is ended, and then the failure is told."""
    ended = Faulty()
    engines = {"stuck": Faulty(closes=False), "other": ended}
    supervisor = Supervisor(state=tmp_path, new_engine=lambda flow, _: engines[flow.id])
    for name in engines:
        await supervisor.carry(replace(FLOW, id=name))

    with pytest.raises(OSError, match="stuck"), capture_logs():
        await supervisor.close()

    assert names_in(tmp_path / "media") == ["flow-stuck"]
