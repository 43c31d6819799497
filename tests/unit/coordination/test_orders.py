"""Orders as files that people may write and break by hand."""

import asyncio
import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.coordination.orders import MOST_BYTES, OrdersInDirectory
from reconciler.domain.errors import EnvironmentFailedError
from reconciler.domain.model import FlowKey, OutputKey
from reconciler.domain.orders import Given, Halt, Pause
from tests.fakes.clock import FakeClock

TOWER = OutputKey("news", "tower")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state directory."""
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


def a_book(state: Path) -> OrdersInDirectory:
    """Return a book, as another process has it too."""
    return OrdersInDirectory(state, FakeClock(auto=False))


def a_pause() -> Pause:
    """Return a pause."""
    return Pause(resource=TOWER, given=Given(author="anna", reason="", at=FakeClock().now(), until=None))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "", id="touched"),
        pytest.param("storm in Frankfurt\n", "storm in Frankfurt", id="a word about why"),
        pytest.param("{broken", "{broken", id="half of a document"),
        pytest.param("\x1b[31mred", "\\u001b[31mred", id="what would steer a terminal"),
        pytest.param("[" * 100_000, "[" * 500, id="nested too deep"),
    ],
)
def test_a_file_of_that_name_stops_all_writes(state: Path, text: str, reason: str) -> None:
    """Whoever cannot run the command makes the file, whatever stands in it."""
    (state / "HALT").write_text(text)

    halt = a_book(state).read().halt

    assert halt is not None
    assert (halt.given.author, halt.given.reason) == ("", reason)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("{", id="cut short"),
        pytest.param("[]", id="another form"),
        pytest.param('{"resource": "output/news/tower"}', id="words are missing"),
        pytest.param('{"resource": "nonsense", "author": "", "reason": "", "at": "x", "until": null}', id="no address"),
        pytest.param("x" * (MOST_BYTES + 1), id="too long"),
        pytest.param('{"resource": 5}', id="an address of another kind"),
        pytest.param(
            '{"resource": "output/news/tower", "author": "", "reason": "", "at": "2026-01-01T00:00:00Z", '
            '"until": "9999-12-31T23:59:59-05:00"}',
            id="an end beyond all time",
        ),
    ],
)
def test_an_order_that_cannot_be_read_stops_all_writes(state: Path, text: str) -> None:
    """Nobody knows what it forbids, so nothing is written until somebody has looked; the reason names the file."""
    book = a_book(state)
    book.give(a_pause())
    path = state / "orders" / "pause.output.news.tower.json"
    path.write_text(text)

    halt = a_book(state).read().halt

    assert halt is not None
    assert str(path) in halt.given.reason


def test_a_file_that_is_touched_again_is_a_new_halt(state: Path) -> None:
    """What a command once stopped for an hour is over; whoever touches the file that is left means now."""
    at = datetime(2025, 1, 1, tzinfo=UTC)
    a_book(state).give(Halt(given=Given(author="anna", reason="storm", at=at, until=at + timedelta(hours=1))))
    path = state / "HALT"
    over = a_book(state).read().halt
    path.touch()

    again = a_book(state).read().halt

    assert over is None
    assert again is not None
    assert again.given.until is None


def test_an_order_under_a_name_that_is_not_its_own_stops_all_writes(state: Path) -> None:
    """A file that was copied by hand says one thing by its name and another by its text."""
    a_book(state).give(a_pause())
    folder = state / "orders"
    (folder / "pause.output.news.tower.json").rename(folder / "pause.flow.sport.json")

    assert a_book(state).read().halt is not None


def test_what_another_process_orders_holds_at_once(state: Path) -> None:
    """One process reads what another one gives, changes and lifts; nothing that was read before stands in the way."""
    reader, writer = a_book(state), a_book(state)
    seen = [reader.read().pause_of(TOWER)]
    for reason in ("one", "two"):
        given = Given(author="anna", reason=reason, at=FakeClock().now(), until=None)
        writer.give(Pause(resource=FlowKey("news"), given=given))
        seen.append(reader.read().pause_of(TOWER))
    writer.lift(Pause, FlowKey("news"))
    seen.append(reader.read().pause_of(TOWER))

    assert [None if one is None else one.given.reason for one in seen] == [None, "one", "two", None]


def test_what_has_expired_is_gone_with_the_next_order(state: Path) -> None:
    """Files that nobody lifts do not pile up for years; what holds stays, and so does what cannot be read."""
    clock = FakeClock(auto=False)
    book = OrdersInDirectory(state, clock)
    soon = Given(author="anna", reason="", at=clock.now(), until=clock.now() + timedelta(seconds=1))
    book.give(Pause(resource=FlowKey("news"), given=soon))
    book.give(a_pause())
    (state / "orders" / "pin.flow.news.json").write_text("{")
    asyncio.run(clock.advance(2))
    book.give(Pause(resource=FlowKey("sport"), given=a_pause().given))

    left = {path.name for path in (state / "orders").iterdir()}
    assert left == {"pause.output.news.tower.json", "pin.flow.news.json", "pause.flow.sport.json"}


def test_orders_are_private_and_whole(state: Path) -> None:
    """The file is its owner's, holds what people would look for, and leaves no draft beside it."""
    a_book(state).give(a_pause())
    (path,) = (state / "orders").iterdir()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["resource"] == "output/news/tower"


def test_what_cannot_be_written_says_what_else_stops_writes(state: Path) -> None:
    """At 2 a.m. with a broken folder, there is still a file that anybody can make."""
    (state / "orders").write_text("a file where the folder should be")

    with pytest.raises(EnvironmentFailedError, match=r"touch .*HALT"):
        a_book(state).give(a_pause())
    assert a_book(state).read().halt is not None


def test_a_halt_is_lifted_whoever_made_it(state: Path) -> None:
    """A file that was touched is taken away as one that the command wrote."""
    (state / "HALT").touch()

    assert isinstance(a_book(state).lift(Halt), Halt)
    assert not (state / "HALT").exists()


@pytest.mark.anyio
async def test_what_cannot_be_read_is_the_same_halt_each_time(state: Path) -> None:
    """Else whoever looks every two seconds would tell of another one every two seconds."""
    clock = FakeClock(auto=False)
    book = OrdersInDirectory(state, clock)
    (state / "orders").mkdir()
    broken = state / "orders" / "pause.output.news.tower.json"
    broken.write_text("{")
    first = book.read()
    await clock.advance(60)

    again = book.read()
    broken.unlink()
    mended = book.read()

    assert first.halt is not None
    assert again == first
    assert mended.halt is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes for somebody else")
def test_what_root_orders_is_the_services_to_read(state: Path) -> None:
    """Whoever presses as root at night must not stop more than was meant, by files that the service cannot open."""
    os.chown(state, 64_001, 64_002)

    a_book(state).give(a_pause())
    a_book(state).give(Halt(given=a_pause().given))

    made = [path.stat() for path in sorted(state.rglob("*"))]
    assert len(made) == 3
    assert {(each.st_uid, each.st_gid) for each in made} == {(64_001, 64_002)}
