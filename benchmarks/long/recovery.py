"""
How long it takes until all is well again, after what goes wrong in a night.

Everything is done with the command itself, by processes that are really killed, and measured from outside: at
receivers, at the relay, or by the moment at which an event was heard.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from rich.table import Table

from benchmarks.long import following, restarting, returning
from benchmarks.long.timings import Timing, has_recovered
from benchmarks.stage.relay import StageError
from benchmarks.stage.terminal import console, say

Scene = Callable[[Callable[[str], Timing], int], Awaitable[None]]
SCENES: Final[Mapping[str, Scene]] = {
    "restart": restarting.restarts,
    "button": restarting.buttons,
    "swap": restarting.swaps,
    "poll": following.polls,
    "webhook": following.webhooks,
    "engine": returning.engines,
    "trial": returning.trials,
}


def show(*, rounds: int, only: Sequence[str] = ()) -> bool:
    """Run the scenes, print what each took, and return whether everything recovered, each time."""
    timings = asyncio.run(_run([name for name in SCENES if not only or name in only], rounds))
    table = Table(title=f"Recovery, {rounds} times each", title_justify="left")
    table.add_column("", overflow="fold")
    for heading in ("times", "median s", "longest s"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in timings:
        table.add_row(f"[red]{one.name}[/red]" if one.trouble else one.name, *one.cells)
    shown = console()
    shown.print(table)
    for one in filter(lambda timing: timing.trouble, timings):
        shown.print(f"{one.name}: {one.trouble}", style="red", markup=False)
    return has_recovered(timings, rounds=rounds)


async def _run(names: Sequence[str], rounds: int) -> list[Timing]:
    timings: list[Timing] = []

    def timing(name: str) -> Timing:
        timings.append(Timing(name))
        return timings[-1]

    for name in names:
        say(f"{name}: {rounds} times")
        try:
            await SCENES[name](timing, rounds)
        except StageError as error:
            if not timings:
                timing(name)
            timings[-1].trouble = f"{name}: {error}"
    say("")
    return timings
