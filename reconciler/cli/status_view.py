"""How flows and outputs are doing, as people and programs read it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import click

from reconciler.cli.formats.values import safe
from reconciler.cli.health import EndView, FlowView, Overview

_HEADS: Final = ("", "PROTOCOL", "STATE", "BITRATE", "RTT", "LOSS", "PEERS", "UP")
_LEFT: Final = 3
"""Columns that begin at the left; the others hold figures."""
_STATES: Final = {"Connected": "green", "Waiting": "yellow", "Idle": "bright_black"}
_INDENT: Final = "  "
_GAP: Final = 2
_SHORTEST_NAME: Final = 9
_LONGEST_NAME: Final = 32
_FIGURES: Final = 70
"""Columns that everything but the name takes, with figures of the usual length."""
_NOTHING: Final = "-"
_LEAST_SHARE: Final = 0.001
"""Below it, a share would show as 0.0 %."""


def text(view: Overview, *, now: datetime, width: int | None) -> Iterator[str]:
    """
    Yield the lines of an overview: a table for each flow, and below an end what went wrong and where it is reached.

    Args:
        view: what is shown.
        now: tells how long ago something went wrong.
        width: columns of the terminal; None where nothing is to be cut.

    """
    longest = _LONGEST_NAME if width is None else max(_SHORTEST_NAME, min(_LONGEST_NAME, width - _FIGURES))
    tables = {flow: [_HEADS, *(_cells(end, longest) for end in flow.ends)] for flow in view.flows}
    # One width for all, so that the columns of several flows stand below each other.
    rows = [row for table in tables.values() for row in table]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(len(_HEADS))]
    for number, (flow, table) in enumerate(tables.items()):
        if number:
            yield ""
        yield _headline(flow)
        if flow.why:
            yield _cut(f"{_INDENT}! {safe(flow.why)}", width, "red")
        elif flow.ends:
            yield click.style(_line(table[0], widths).rstrip(), fg="bright_black")
            for end, row in zip(flow.ends, table[1:], strict=True):
                yield _colored(end, _line(row, widths))
                yield from _below(end, now, width)
    for region, why in view.unreadable:
        yield _cut(f"{region} could not be read: {safe(why)}", None, "red")
    if not view.flows and not view.unreadable:
        yield "There are no flows."


def ordered(orders: tuple[str, ...]) -> Iterator[str]:
    """Yield what people have ordered beside git, above everything else."""
    for sentence in orders:
        yield click.style(f"! {safe(sentence)}", fg="yellow")
    if orders:
        yield ""


def document(view: Overview, *, backend: str, orders: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return an overview as JSON says it."""
    return {
        "version": 1,
        "backend": backend,
        "orders": list(orders),
        "flows": [_flow_json(flow) for flow in view.flows],
        "unreadable": [{"region": region, "why": why} for region, why in view.unreadable],
    }


def _headline(flow: FlowView) -> str:
    color = "green" if flow.state == "running" else "bright_black"
    return f"{click.style(safe(flow.name), bold=True)}  {safe(flow.region)}  {click.style(flow.state, fg=color)}"


def _cells(end: EndView, longest: int) -> tuple[str, ...]:
    name = safe(end.name)
    name = name if len(name) <= longest else f"{name[: longest - 1]}…"
    status = end.status
    if status is None:
        return (name, end.protocol, "unknown", *[_NOTHING] * 5)
    if status.state != "Connected":
        return (name, end.protocol, status.state, *[_NOTHING] * 5)
    return (
        name,
        end.protocol,
        status.state,
        f"{status.bitrate_bps / 1e6:.2f} Mb/s",
        _NOTHING if status.rtt_ms is None else f"{status.rtt_ms} ms",
        _NOTHING if status.loss is None else _percent(status.loss),
        _NOTHING if end.sessions is None else str(end.sessions),
        _duration(status.connected_ms // 1000),
    )


def _percent(share: float) -> str:
    """Return a share of the packets; a loss is never rounded to none."""
    return "<0.1 %" if 0 < share < _LEAST_SHARE else f"{100 * share:.1f} %"


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = [
        cell.ljust(width) if column < _LEFT else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return _INDENT + (" " * _GAP).join(cells)


def _colored(end: EndView, line: str) -> str:
    state = end.status.state if end.status is not None else "unknown"
    before, word, after = line.partition(f" {state} ")
    return f"{before}{click.style(word, fg=_STATES.get(state, 'yellow'))}{after}" if word else line


def _below(end: EndView, now: datetime, width: int | None) -> Iterator[str]:
    if end.live_name:
        yield click.style(f"{_INDENT * 2}under the live name {safe(end.live_name)}", fg="cyan")
    if end.trouble is not None:
        ago = _duration(max(0, int((now - end.trouble.at).total_seconds())))
        yield _cut(f"{_INDENT * 2}! {safe(end.trouble.message)} ({ago} ago)", width, "red")
    for url in end.urls:
        # A URL is there to be copied: it goes over the edge rather than being cut.
        yield click.style(f"{_INDENT * 2}{safe(url)}", fg="bright_black")


def _cut(line: str, width: int | None, color: str) -> str:
    """Return a line that goes on below, further in, where it is wider than the terminal."""
    if width is None or len(line) <= width:
        return click.style(line, fg=color)
    import textwrap

    return "\n".join(
        click.style(part, fg=color)
        for part in textwrap.wrap(line, width, subsequent_indent=_INDENT * 3, drop_whitespace=True)
    )


def _duration(seconds: int) -> str:
    days, seconds = divmod(seconds, 86_400)
    hours, seconds = divmod(seconds, 3600)
    clock = f"{hours}:{seconds // 60:02}:{seconds % 60:02}"
    return f"{days}d {clock}" if days else clock


def _flow_json(flow: FlowView) -> dict[str, Any]:
    return {
        "resource": f"flow/{flow.name}",
        "region": flow.region,
        "state": flow.state,
        "why": flow.why,
        "ends": [_end_json(flow, end) for end in flow.ends],
    }


def _end_json(flow: FlowView, end: EndView) -> dict[str, Any]:
    status, trouble = end.status, end.trouble
    return {
        "resource": f"flow/{flow.name}" if end.is_input else f"output/{flow.name}/{end.name}",
        "type": "input" if end.is_input else "output",
        "live_name": end.live_name or None,
        "protocol": end.protocol,
        "state": None if status is None else status.state,
        "bitrate_bps": None if status is None else status.bitrate_bps,
        "connected_ms": None if status is None else status.connected_ms,
        "reconnections": None if status is None else status.reconnections,
        "rtt_ms": None if status is None else status.rtt_ms,
        "loss": None if status is None else status.loss,
        "retransmitted": None if status is None else status.retransmitted,
        "packets_dropped": None if status is None else status.packets_dropped,
        "encrypted": None if status is None else status.encrypted,
        "video_fps": None if status is None else status.video_fps,
        "sessions": end.sessions,
        "error": None if trouble is None else {"at": trouble.at.isoformat(), "message": trouble.message},
        "urls": list(end.urls),
    }
