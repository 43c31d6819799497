"""What every book of orders keeps, wherever it is."""

from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from reconciler.coordination.orders import OrdersInDirectory
from reconciler.domain.model import FlowKey, OutputKey
from reconciler.domain.orders import Given, Halt, Orders, Pause, Pin, Trial
from reconciler.ports.orders import OrderBook
from tests.fakes.clock import FakeClock
from tests.fakes.orders import MemoryOrders

NEWS, TOWER = FlowKey("news"), OutputKey("news", "tower")
SPAN: Final = timedelta(hours=2)


@pytest.fixture
def clock() -> FakeClock:
    """Return the time by which orders end."""
    return FakeClock(auto=False)


@pytest.fixture(params=["directory", "memory"])
def book(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> OrderBook:
    """Return a book in which nothing stands."""
    return OrdersInDirectory(tmp_path / "state", clock) if request.param == "directory" else MemoryOrders(clock)


def given(clock: FakeClock, *, reason: str = "the partner's ünïcode ☂ works", span: timedelta | None = SPAN) -> Given:
    """Return who gives an order now."""
    return Given(
        author="anna@studio", reason=reason, at=clock.now(), until=None if span is None else clock.now() + span
    )


def orders(clock: FakeClock) -> tuple[Halt, Pause, Pin, Trial]:
    """Return one order of each kind, as people give them."""
    pin = Pin(resource=TOWER, revision="a1b2", manifest="kind: Output\nname: ☂\n", against="", given=given(clock))
    trial = Trial(resource=TOWER, revision="", manifest="", against="0123456789ab", given=given(clock, span=None))
    return Halt(given=given(clock)), Pause(resource=NEWS, given=given(clock, span=None)), pin, trial


def test_nothing_holds_where_nobody_ordered_anything(book: OrderBook) -> None:
    """A new book is empty, and to lift what is not there is no error."""
    assert book.read() == Orders()
    assert book.lift(Halt) is None
    assert book.lift(Pause, NEWS) is None


def test_what_is_given_holds_as_it_was_given(book: OrderBook, clock: FakeClock) -> None:
    """Every word of an order comes back as it was."""
    halt, pause, pin, trial = orders(clock)
    for order in (halt, pause, pin, trial):
        book.give(order)

    assert book.read() == Orders(halt=halt, pauses=(pause,), pins=(pin,), trials=(trial,))


def test_what_is_lifted_holds_no_more(book: OrderBook, clock: FakeClock) -> None:
    """Lifting one order returns it, and leaves the others."""
    halt, pause, pin, trial = orders(clock)
    for order in (halt, pause, pin, trial):
        book.give(order)

    assert book.lift(Trial, TOWER) == trial
    assert [book.lift(Halt), book.lift(Pause, NEWS), book.lift(Pause, TOWER)] == [halt, pause, None]
    assert book.read() == Orders(pins=(pin,))


def test_a_new_order_takes_the_place_of_the_old_one(book: OrderBook, clock: FakeClock) -> None:
    """One resource has one pause: whoever pauses it again says how long from now on."""
    book.give(Pause(resource=NEWS, given=given(clock)))
    again = Pause(resource=NEWS, given=given(clock, reason="longer", span=2 * SPAN))
    book.give(again)

    assert book.read().pauses == (again,)


async def _pass(clock: FakeClock, span: timedelta) -> None:
    await clock.advance(span.total_seconds())


@pytest.mark.anyio
async def test_an_order_ends_by_itself(book: OrderBook, clock: FakeClock) -> None:
    """Nobody has to remember what was paused for two hours."""
    for order in (Halt(given=given(clock)), Pause(resource=NEWS, given=given(clock))):
        book.give(order)

    await _pass(clock, SPAN - timedelta(seconds=1))
    before = book.read()
    await _pass(clock, timedelta(seconds=1))

    assert (before.halt is None, len(before.pauses)) == (False, 1)
    assert book.read() == Orders()
