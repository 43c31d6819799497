"""
From an empty account to what the manifests say, at just the limit of the API: how much of it is used.

Everything is counted at the service: a relay without media that takes 20 calls of an action within any second, and
writes down each call that it takes and each that it refuses. The reconciler is the command itself.
"""

import asyncio
import json
import os
import sys
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from rich.table import Table

from benchmarks.measure import Cost, run
from benchmarks.stage.costs import of_process
from benchmarks.stage.relay import REGION, StagedRelay
from benchmarks.stage.terminal import console
from reconciler.streamlink.listing import PAGE_SIZE
from reconciler.streamlink.wire import ACTIONS

LIMIT_PER_S: Final = 20
AT_LEAST: Final = 0.98
OUTPUTS: Final = 4
LIST: Final = "DescribeStreamLinkFlows"
_FLOWS_A_FILE: Final = 20

_FLOW: Final = """\
---
apiVersion: reconciler/v1
kind: Flow
metadata: {{name: studio_{number}}}
spec:
  region: {region}
  input: {{protocol: SRT, allowlist: [203.0.113.0/28], srt: {{mode: listener, latency: 120}}}}
"""
_OUTPUT: Final = """\
---
apiVersion: reconciler/v1
kind: Output
metadata: {{name: tower_{index}}}
spec:
  flow: studio_{number}
  protocol: SRT
  srt: {{mode: caller, latency: 200, destination: {{host: tower-{index}.site-{number}.example, port: 9000}}}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the service saw."""

    taken_s: dict[str, list[float]] = field(default_factory=dict)
    """By action: when each call was taken, seconds, in order."""
    throttled: Counter[str] = field(default_factory=Counter)
    """By action: calls that were refused for being too many."""

    def rate(self, action: str) -> float:
        """Return the calls a second between the first and the last of an action."""
        times = self.taken_s[action]
        return (len(times) - 1) / (times[-1] - times[0])

    @property
    def most_called(self) -> str:
        """Return the action that takes longest: it was called most."""
        return max(self.taken_s, key=lambda action: len(self.taken_s[action]))

    @property
    def writes(self) -> int:
        """Return how many calls changed something."""
        return sum(len(times) for action, times in self.taken_s.items() if ACTIONS[action].writes)


def seen_in(lines: Iterable[str]) -> Seen:
    """Return what the lines of the relay's log tell."""
    seen = Seen()
    for line in lines:
        event = json.loads(line) if line.startswith("{") else {}
        match event:
            case {"event": "relay.fault_injected", "knob": "throttle", "action": str(action)}:
                seen.throttled[action] += 1
            case {"event": "relay.fault_injected", "action": str(action), "timestamp": str(at)}:
                seen.taken_s.setdefault(action, []).append(datetime.fromisoformat(at).timestamp())
            case _:
                pass
    return seen


def busiest_second(times_s: Sequence[float]) -> int:
    """Return how many of these moments, in order, lie within one second at most."""
    return max(bisect_left(times_s, start_s + 1.0) - first for first, start_s in enumerate(times_s))


def measure(*, flows: int, delay_s: float) -> None:
    """Converge once, look once more, and print both."""
    asyncio.run(_measure(flows, delay_s))


async def _measure(flows: int, delay_s: float) -> None:
    # A delay is told for each call that meets it, so with all of them the log is a list of all calls; it may be of 0 s.
    faults = {"throttle": [{"perS": LIMIT_PER_S}], "delay": [{"when": "beforeCommit", "seconds": delay_s}]}
    relay = StagedRelay("--media", "none", "--faults", "faults.json")
    settings = {"backend": {"kind": "relay", "ratePerS": LIMIT_PER_S}}
    _written(relay.home / "faults.json", json.dumps(faults))
    _written(relay.home / "reconciler.yaml", json.dumps(settings))
    _write_tree(relay.home / "manifests", flows)
    async with relay:
        log = relay.home / "relay.log"
        built = await _applied(relay)
        first = seen_in(log.read_text().splitlines())
        used = of_process(relay.pid)
        told = log.stat().st_size
        looked = await _applied(relay)
        second = seen_in(log.read_bytes()[told:].decode().splitlines())
    console().print(_table(first, f"{flows} flows with {OUTPUTS} outputs each, {delay_s:g} s more for every call"))
    for line in _verdicts(flows, first, second):
        console().print(line)
    console().print(
        f"CPU: {built.cpu_s:.1f} s to converge and {looked.cpu_s:.1f} s to look once more ({built.peak_mib:.0f} MiB "
        f"at most), the relay {used.cpu_s:.1f} s; {os.cpu_count()} cores"
    )


async def _applied(relay: StagedRelay) -> Cost:
    program = (sys.executable, "-m", "reconciler", "--state", str(relay.state), "apply", "--auto-approve")
    return await asyncio.to_thread(run, program, cwd=relay.home)


def _write_tree(root: Path, flows: int) -> None:
    root.mkdir()
    for first in range(0, flows, _FLOWS_A_FILE):
        documents = [
            text.format(region=REGION, number=number, index=index)
            for number in range(first, min(flows, first + _FLOWS_A_FILE))
            for index, text in enumerate((_FLOW, *(_OUTPUT,) * OUTPUTS))
        ]
        _written(root / f"studios_{first:04}.yaml", "".join(documents))


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _table(seen: Seen, title: str) -> Table:
    table = Table("action", "calls", "a second", "busiest second", "throttled", title=title, title_justify="left")
    for action, times in sorted(seen.taken_s.items(), key=lambda item: -len(item[1])):
        rate = f"{seen.rate(action):.2f}" if len(times) > 1 else ""
        table.add_row(action, str(len(times)), rate, str(busiest_second(times)), str(seen.throttled[action]))
    return table


def _verdicts(flows: int, first: Seen, second: Seen) -> Iterator[str]:
    """Yield each number beside the one to hold."""
    share = first.rate(first.most_called) / LIMIT_PER_S
    throttles, pages = first.throttled.total() + second.throttled.total(), -(-flows // PAGE_SIZE)
    lists = len(second.taken_s.get(LIST, []))
    for what, holds in (
        (f"{share:.4f} of {LIMIT_PER_S} calls a second, at least {AT_LEAST:g}", share >= AT_LEAST),
        (f"{throttles} throttles, none", throttles == 0),
        (f"looking once more: {lists} list calls, {pages}", lists == pages),
        (f"looking once more: {second.writes} writes, none", second.writes == 0),
    ):
        yield f"{what}: {'held' if holds else 'NOT held'}"
