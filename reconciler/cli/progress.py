"""How far an apply has come: in place on a terminal, elsewhere a line for each thing that went wrong."""

import asyncio
import contextlib
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Final

import click

from reconciler.cli import render
from reconciler.engine.apply import Outcome, Result

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.text import Text

    from reconciler.domain.changes import Action, Change
    from reconciler.domain.model import Key
    from reconciler.ports.clock import Clock

_PATIENCE_S: Final = 0.5
"""Seconds before there is anything to see."""
_REFRESH_S: Final = 0.25
_BAR: Final = 16
"""Columns of the bar."""
_MOST_IN_FLIGHT: Final = 4
"""Changes in flight that are named; there may be as many as flows are worked on at once."""
_ENOUGH: Final = 5
"""Changes that must have ended before a pace means anything."""


class Progress:
    """What was begun and what has ended, of so many changes."""

    def __init__(self, total: int, *, clock: "Clock") -> None:
        self._expected = total
        self._clock = clock
        self._began_s = clock.monotonic_s()
        self._in_flight: dict[tuple[Key, Action], float] = {}
        self._ended: Counter[Result] = Counter()

    @property
    def in_flight(self) -> int:
        """Return how many changes wait for an answer."""
        return len(self._in_flight)

    @property
    def total(self) -> int:
        """Return how many changes there are; what had to wait for others adds to what was planned at first."""
        return max(self._expected, self._ended.total() + self.in_flight)

    def begin(self, change: "Change") -> None:
        """Take down that a change is about to be sent."""
        self._in_flight[change.key, change.action] = self._clock.monotonic_s()

    def end(self, outcome: Outcome) -> None:
        """Take down what became of a change."""
        self._in_flight.pop((outcome.change.key, outcome.change.action), None)
        self._ended[outcome.result] += 1

    def lines(self) -> Iterator[str]:
        """Yield how far it has come, and what is in flight."""
        ended, total = self._ended.total(), self.total
        full = round(_BAR * ended / total) if total else _BAR
        bar = click.style("█" * full, fg="green") + click.style("░" * (_BAR - full), dim=True)
        failed = self._ended[Result.FAILED] + self._ended[Result.UNKNOWN]
        words = [
            f"{bar} {ended}/{total}",
            click.style(f"{failed} failed", fg="red") if failed else "",
            click.style(f"{self._ended[Result.SKIPPED]} not sent", fg="yellow") if self._ended[Result.SKIPPED] else "",
            _clock_face(self._now_s() - self._began_s),
            self._left(),
        ]
        yield "  ".join(filter(None, words))
        now_s = self._now_s()
        flights = list(self._in_flight.items())
        for (key, action), since_s in flights[:_MOST_IN_FLIGHT]:
            yield f"  {action} {key}  {now_s - since_s:.0f} s"
        if len(flights) > _MOST_IN_FLIGHT:
            yield f"  and {len(flights) - _MOST_IN_FLIGHT} more in flight"

    def _left(self) -> str:
        """Return how long the rest takes at the pace so far, or "" while there is none."""
        ended = self._ended.total()
        if ended < _ENOUGH or ended >= self.total:
            return ""
        left_s = (self._now_s() - self._began_s) / ended * (self.total - ended)
        return f"about {_clock_face(left_s)} left"

    def _now_s(self) -> float:
        return self._clock.monotonic_s()


class Teller:
    """Says on stderr how far an apply has come, and what became of each change."""

    def __init__(self, progress: Progress, console: "Console | None", *, redirect: Callable[[], None]) -> None:
        """
        Tell of one apply.

        Args:
            progress: how far it has come.
            console: the terminal, on which it is shown in place; None where there is none.
            redirect: has events written to what is stderr at that moment.

        """
        self.progress = progress
        self._console = console
        self._redirect = redirect
        self._told: dict[tuple[Key, Action], str] = {}

    def begin(self, change: "Change") -> None:
        """Take down that a change is about to be sent."""
        self.progress.begin(change)

    def end(self, outcome: Outcome) -> None:
        """Tell what became of a change; what was not sent is told at the end, together, and what is no news never."""
        self.progress.end(outcome)
        is_news = outcome.result is not Result.SKIPPED and (outcome.why or self._console is not None)
        place, line = (outcome.change.key, outcome.change.action), render.outcome_line(outcome)
        # What is made anew is looked at every few seconds, until receivers have come to it.
        if is_news and self._told.get(place) != line:
            self._told[place] = line
            self._say(line)

    def stopping(self) -> None:
        """Say that nothing more is sent, and how to stop waiting for what is in flight."""
        count = self.progress.in_flight
        calls = f"finishing {count} call{'s' * (count != 1)} in flight" if count else "nothing is in flight"
        self._say(f"Stopping: {calls}; once more to stop waiting.")

    @contextlib.asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """Show the progress in place meanwhile, where there is a terminal."""
        if self._console is None:
            yield
            return
        from rich import live

        # What is told meanwhile goes by way of the live display, which stands below it.
        with live.Live(console=self._console, auto_refresh=False, transient=True, redirect_stdout=False) as display:
            self._redirect()
            drawing = asyncio.create_task(self._draw(display))
            try:
                yield
            finally:
                drawing.cancel()
                await asyncio.wait({drawing})
        self._redirect()

    async def _draw(self, display: "Live") -> None:
        # What is over at once needs no picture.
        await asyncio.sleep(_PATIENCE_S)
        while True:
            display.update(self._picture(), refresh=True)
            await asyncio.sleep(_REFRESH_S)

    def _picture(self) -> "RenderableType":
        picture = _text("\n".join(self.progress.lines()), self._console)
        picture.no_wrap, picture.overflow = True, "ellipsis"
        return picture

    def _say(self, line: str) -> None:
        if self._console is None:
            click.echo(line, err=True)
        else:
            # By way of the console, which keeps the picture below what is said.
            self._console.print(_text(line, self._console), soft_wrap=True)


def _text(told: str, console: "Console | None") -> "Text":
    from rich.text import Text

    return Text(click.unstyle(told)) if console is None or console.no_color else Text.from_ansi(told)


def console_for(*, color: bool | None) -> "Console | None":
    """Return the terminal behind stderr; None where there is none."""
    from rich.console import Console

    console = Console(stderr=True, no_color=color is False, highlight=False)
    # The stream itself is asked: rich takes a log for a terminal where FORCE_COLOR is set.
    return console if sys.stderr.isatty() and not console.is_dumb_terminal else None


def _clock_face(seconds: float) -> str:
    whole = max(0, round(seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
