"""
The matrix: an apply killed at every point of every write, and what is true after each death.

    python -m tests.crash.matrix STATE BEFORE AFTER LOG [EVERY [FIRST]]

A relay runs on STATE in another process and writes its log into LOG. This one forks for every apply, so that each dies
for itself. Every EVERY-th point is tried, from the FIRST on; figures are printed, and what was broken.
"""

import asyncio
import json
import logging
import os
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

import structlog

from reconciler import wiring
from reconciler.domain import marks
from reconciler.domain.changes import Create, FlowAt
from reconciler.domain.marks import Owner
from reconciler.relay.catalogue import FILE_NAME
from reconciler.relay.flows import Flow
from reconciler.relay.store import Store
from reconciler.streamlink.backend import StreamLinkBackend
from reconciler.streamlink.wire import ACTIONS
from tests.builders import LOCAL, US, flow, output
from tests.crash import driver
from tests.crash.driver import Place
from tests.crash.fate import Fate, Point

POINTS: Final = tuple(Point)
_OK: Final = 0
_MOST_BROKEN: Final = 20
_MODIFIES: Final = ("ModifyStreamLinkInput", "ModifyStreamLinkOutputInfo")


@dataclass(slots=True)
class Matrix:
    """All of it, and what was seen."""

    state: Path
    before: Path
    after: Path
    log: Path
    tried: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    writes: int = 0
    """In an apply that nobody kills."""
    recorded: int = 0
    """Writes that the relay carried out."""

    def run(self, *, every: int, first: int) -> None:
        """Try the points, each from the same tree to the same other one."""
        _in_child(lambda: _strangers_come(self.state))
        for number in count():
            write, point = number // len(POINTS) + 1, POINTS[number % len(POINTS)]
            if number % every != first:
                continue
            self._finish(self.before, "on the way back")
            if len(self.broken) > _MOST_BROKEN or not self._try(write, point):
                self.writes = write - 1
                return

    def _try(self, write: int, point: Point) -> bool:
        """Kill an apply at one point and finish it with another one; return whether there was such a write."""
        others, where = self._others(), f"write {write}, {point}"
        began, intended = len(_requests(self.log)), self._intended()
        status = _in_child(lambda: driver.apply(Place(state=self.state, tree=self.after), Fate(write, point)))
        if status == -signal.SIGKILL:
            self.tried[point] += 1
            self._look(f"after death at {where}")
        elif status != _OK:
            self.broken.append(f"{where}: the apply ended with {status}")
        self._finish(self.after, where)
        self._look(f"at last after {where}")
        if self._others() != others:
            self.broken.append(f"{where}: what is not ours was changed")
        self._demand_explained(_requests(self.log)[began:], self._intended() - intended, where)
        return status != _OK

    def _finish(self, tree: Path, where: str) -> None:
        if _in_child(lambda: driver.apply(Place(state=self.state, tree=tree), Fate())) != _OK:
            self.broken.append(f"{where}: it was not finished")

    def _look(self, where: str) -> None:
        """Count what bears one name."""
        for name, number in _named(self._flows()).items():
            if number > 1:
                self.broken.append(f"{where}: {number} times {name}")

    def _flows(self) -> list[Flow]:
        store = Store(self.state / FILE_NAME)
        try:
            return list(store.flows().values())
        finally:
            store.close()

    def _others(self) -> list[Flow]:
        return [each for each in self._flows() if _mark(each.inputs[0].asked) != US]

    def _intended(self) -> Counter[str]:
        settings = wiring.load_settings(flags={"state": self.state}, environment={})
        journal = wiring.reading_journal(settings)
        try:
            return Counter(written.intent.action for written in journal.calls(limit=1_000_000))
        finally:
            journal.close()

    def _demand_explained(self, requests: list[Mapping[str, Any]], intended: Counter[str], where: str) -> None:
        """Demand that every write of the relay was intended, and that no create was refused."""
        done = Counter(each["action"] for each in requests if not each["code"])
        self.recorded += done.total()
        asked = {
            "create": done["CreateStreamLinkFlow"] + done["CreateStreamLinkOutputInfo"],
            "delete": done["DeleteStreamLinkFlow"] + done["DeleteStreamLinkOutput"],
            "edit": sum(done[name] for name in _MODIFIES),
            "start": done["StartStreamLinkFlow"],
            "stop": done["StopStreamLinkFlow"],
        }
        for action, number in asked.items():
            if number > intended[action]:
                self.broken.append(f"{where}: {number} times {action}, and {intended[action]} intended")
        refused = [each for each in requests if each["code"] and each["action"].startswith("Create")]
        self.broken.extend(f"{where}: {each['action']} was refused, {each['code']}" for each in refused)

    def told(self) -> Iterator[str]:
        """Yield what was seen, in words."""
        points = ", ".join(f"{number} {point}" for point, number in self.tried.items())
        yield f"{self.tried.total()} deaths around {self.writes} writes ({points}); {self.recorded} writes in all"
        yield f"{len(self.broken)} broken promises"
        yield from self.broken


def _in_child(work: Callable[[], Coroutine[Any, Any, object]]) -> int:
    """Return how a child ended that did the work: its status, or minus the signal that killed it."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        asyncio.run(work())
        status = _OK
    finally:
        if status:
            traceback.print_exc()
            sys.stderr.flush()
        # Nothing of the parent's is tidied up twice.
        os._exit(status)


async def _strangers_come(state: Path) -> None:
    """Have a flow of somebody else there."""
    clock = wiring.clock()
    client = driver.client_of(state, Fate(), clock)
    backend = StreamLinkBackend(client, owner=Owner("others"), regions=(LOCAL,), clock=clock)
    wanted, end = flow("kept", live_name="theirs"), output("twinned", of="kept")
    at = FlowAt(LOCAL, "theirs")
    await backend.apply(Create(key=wanted.key, at=at, wanted=wanted))
    await backend.apply(Create(key=end.key, at=at, wanted=end))
    await backend.close()


def _requests(log: Path) -> list[Mapping[str, Any]]:
    """Return the writes that a relay's log tells of."""
    lines = (json.loads(line) for line in log.read_text().splitlines() if line.startswith("{"))
    return [line for line in lines if line.get("action") in ACTIONS and ACTIONS[line["action"]].writes]


def _named(flows: list[Flow]) -> Counter[str]:
    found: Counter[str] = Counter()
    for each in flows:
        mark = marks.split(each.inputs[0].asked.get("Description") or "")[1]
        if mark is None or mark.owner != US:
            continue
        found[f"flow {mark.name} twin={mark.twin}"] += 1
        for end in each.outputs:
            own = marks.split(end.asked.get("Description") or "")[1]
            found[f"output {own.name if own else '?'} twin={own and own.twin} in {each.id}"] += 1
    return found


def _mark(asked: Mapping[str, Any]) -> Owner | None:
    mark = marks.split(asked.get("Description") or "")[1]
    return None if mark is None else mark.owner


def main(*words: str) -> int:
    """Run the matrix, print what was seen, and return 1 where a promise was broken."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    state, before, after, log, *numbers = words
    every, first, *_ = (*map(int, numbers), *(1, 0)[len(numbers) :])
    matrix = Matrix(Path(state), Path(before), Path(after), Path(log))
    matrix.run(every=every, first=first)
    sys.stdout.write("".join(f"{line}\n" for line in matrix.told()))
    return int(bool(matrix.broken))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
