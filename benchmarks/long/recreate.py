"""
Everything that cannot be edited is made anew, by the command itself, with somebody at each far end.

What receivers call or pull is made beside the old one: the old one serves until the new one has carried as much for a
while. What can be there only once breaks, for as short as can be. Without an approval, nothing happens at all.
"""

import asyncio
import socket
from collections.abc import Sequence

from rich.table import Table

from benchmarks.long.breaking import Broken, break_, breaks
from benchmarks.long.moving import Abandoned, Moved, abandon, move, trials
from benchmarks.stage.account import HERE
from benchmarks.stage.terminal import console, say


def show(*, only: Sequence[str] = ()) -> bool:
    """Run the show, print its tables, and return whether nobody saw a gap where none has to be."""
    return asyncio.run(_run([word.lower() for word in only]))


async def _run(only: Sequence[str]) -> bool:
    def is_wanted(name: str) -> bool:
        return not only or any(word in name.lower() for word in only)

    moved: list[Moved] = []
    left: list[Abandoned] = []
    for trial in filter(lambda one: is_wanted(one.name), trials(free_port)):
        say(trial.name)
        moved.append(await move(trial))
        say(f"{trial.name}, and nobody comes")
        left.append(await abandon(trial))
    broken: list[Broken] = []
    for one in filter(lambda one: is_wanted(one.name), breaks(free_port)):
        say(one.name)
        broken.append(await break_(one))
    say("")
    return _report(moved, left, broken)


def free_port() -> int:
    """Return a port of this machine that is free for TCP and UDP."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind((HERE, 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind((HERE, port))
            except OSError:
                continue
            return port


def _report(moved: Sequence[Moved], left: Sequence[Abandoned], broken: Sequence[Broken]) -> bool:
    shown = console()
    if moved:
        shown.print(_beside(moved))
    if left:
        shown.print(_nobody(left))
    if broken:
        shown.print(_in_a_break(broken))
    verdicts = [one.is_clean for one in moved], [one.is_clean for one in left], [one.is_clean for one in broken]
    return all(map(all, verdicts))


def _beside(moved: Sequence[Moved]) -> Table:
    table = _table("Made anew beside the old one", "both served, s", "gap, s", "seen at the old", "at a sibling")
    for one in moved:
        seen = (str(one.old_discontinuities), str(one.sibling_discontinuities))
        _add(table, one, f"{one.both_s:.2f}", f"{one.gap_s:.2f}", *seen)
    return table


def _nobody(left: Sequence[Abandoned]) -> Table:
    table = _table("Nobody comes to the new one", "seen at the old", "left")
    for one in left:
        _add(table, one, str(one.old_discontinuities), ", ".join(one.left))
    return table


def _in_a_break(broken: Sequence[Broken]) -> Table:
    table = _table("Made anew in a break", "gap at the far end, s", "seen at a sibling")
    for one in broken:
        _add(table, one, f"{one.gap_s:.2f}", "stops, too" if one.takes_all else str(one.sibling_discontinuities))
    return table


def _add(table: Table, one: Moved | Abandoned | Broken, *cells: str) -> None:
    verdict = "[green]clean[/green]" if one.is_clean else "[red]not clean[/red]"
    table.add_row(one.name, f"{one.blocked.status}, then {one.done.status}", *cells, verdict)


def _table(title: str, *headings: str) -> Table:
    """Return a table; `seen` are discontinuities, and exit statuses are those without and with an approval."""
    table = Table(title=title, title_justify="left")
    for heading in ("", "exit", *headings, ""):
        table.add_column(heading, no_wrap=True)
    return table
