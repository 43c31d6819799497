"""What Ctrl-C does to a verb that carries streams, and what would go off air with a relay."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from reconciler import wiring
from reconciler.cli.off_air import AGAIN_S, Ending, listed, on_air_at
from reconciler.domain.changes import Create, FlowAt, Start
from reconciler.relay import registration
from reconciler.relay.engines.none import NoMedia
from reconciler.relay.media import EndHealth, EndId, EndState
from reconciler.relay.service import Relay
from reconciler.relay.settings import MediaKind, RelaySettings
from tests.fakes.clock import FakeClock
from tests.fakes.samples import SRT_FLOW, SRT_LISTENER

pytestmark = pytest.mark.anyio
ON_AIR = "in news, output tower is on air (Connected, 5.0 Mb/s)"


class Show:
    """A verb that carries what is said to be on air."""

    def __init__(self, *on_air: str, on_terminal: bool = True) -> None:
        self.on_air = on_air
        self.clock = FakeClock()
        self.answers = asyncio.Event()
        self.answers.set()
        self.ended = 0
        self.ending = Ending(self._end, self.clock, on_terminal=on_terminal)
        self.ending.carries(self._look)

    async def interrupt(self) -> None:
        """Press Ctrl-C, and let come of it what comes."""
        self.ending.interrupted()
        for _ in range(5):
            await asyncio.sleep(0)

    def _end(self) -> None:
        self.ended += 1

    async def _look(self) -> tuple[str, ...]:
        await self.answers.wait()
        return self.on_air


async def test_the_first_says_what_goes_off_air_and_the_second_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Within ten seconds; what is said is on the terminal."""
    show = Show(ON_AIR)

    await show.interrupt()
    after_one = show.ended
    await show.clock.sleep(AGAIN_S)
    await show.interrupt()

    assert (after_one, show.ended) == (0, 1)
    said = capsys.readouterr().err
    assert f"  {ON_AIR}\n" in said
    assert "Ctrl-C once more within 10 s ends it" in said


async def test_one_that_comes_later_is_a_first_one_again() -> None:
    """Nobody is held to what was on air a while ago."""
    show = Show(ON_AIR)

    await show.interrupt()
    await show.clock.sleep(AGAIN_S + 0.1)
    await show.interrupt()
    late = show.ended
    await show.interrupt()

    assert (late, show.ended) == (0, 1)


async def test_with_nothing_on_air_it_ends_at_once() -> None:
    """Nobody is asked for nothing."""
    show = Show()

    await show.interrupt()

    assert show.ended == 1


async def test_whoever_was_not_told_yet_does_not_end_it() -> None:
    """A key that bounces is one word; the second counts from when it was said what is on air."""
    show = Show(ON_AIR)
    show.answers.clear()

    await show.interrupt()
    await show.interrupt()
    bounced = show.ended
    show.answers.set()
    await show.clock.sleep(0)
    await show.clock.sleep(0)
    await show.interrupt()

    assert (bounced, show.ended) == (0, 1)


async def test_without_a_terminal_it_ends_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody would read what is on air: a program that sends the signal means it."""
    show = Show(ON_AIR, on_terminal=False)

    await show.interrupt()

    assert show.ended == 1
    assert capsys.readouterr().err == ""


async def test_what_is_ending_already_is_not_said_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    """The relay takes its time over it, and cannot be asked any more."""
    show = Show(ON_AIR)

    show.ending.end()
    await show.interrupt()

    assert show.ended == 2
    assert capsys.readouterr().err == ""


def test_a_long_list_is_counted() -> None:
    """Ten are named."""
    assert listed(tuple(f"in f{number}" for number in range(12))).splitlines()[9:] == [
        "  in f9",
        "  2 more; `reconciler status` shows all",
    ]


class Watched(NoMedia):
    """Media whose every end has somebody at it."""

    async def health(self, flow_id: str) -> Mapping[EndId, EndHealth]:
        """Say that a picture goes through."""
        ends = await super().health(flow_id)
        return dict.fromkeys(ends, EndHealth(state=EndState.CONNECTED, bitrate_bps=5_000_000))


async def test_a_relay_says_what_would_go_off_air_with_it(tmp_path: Path) -> None:
    """Before a flow runs there is nothing; then each of its ends that carries something is named."""
    settings = RelaySettings(state=tmp_path, media=MediaKind.NONE)
    at = FlowAt(SRT_FLOW.spec.region, SRT_FLOW.live_name)

    async with Relay(settings, media=Watched()) as relay, wiring.relay_on(tmp_path) as backend:
        for wanted in (SRT_FLOW, SRT_LISTENER):
            await backend.apply(Create(key=wanted.key, at=at, wanted=wanted))
        before = await on_air_at(tmp_path)
        await backend.apply(Start(key=SRT_FLOW.key, at=at))
        await relay.settled()
        after = await on_air_at(tmp_path)

    assert before == ()
    assert after == ("in srt_in, the input (Connected, 5.0 Mb/s) and output listener (Connected, 5.0 Mb/s) are on air",)


async def test_a_relay_that_does_not_answer_may_carry_anything(tmp_path: Path) -> None:
    """Its silence is no proof, and is told."""
    async with Relay(RelaySettings(state=tmp_path, media=MediaKind.NONE)):
        pass
    nobody = registration.Registration(endpoint="http://127.0.0.1:9", pid=os.getpid(), regions=("local",))
    registration.write(tmp_path, nobody)

    (said,) = await on_air_at(tmp_path)

    assert "cannot be asked what is on air" in said
