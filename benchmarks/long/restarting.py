"""`run` that is killed, stopped, halted, and turned to another tree, before a relay with a hundred flows."""

import json
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from signal import SIGKILL
from typing import Final

import yaml

from benchmarks.long.timings import Timing
from benchmarks.stage.desk import Desk, flow_document, output_document
from benchmarks.stage.hearing import Program
from benchmarks.stage.relay import Json, StagedRelay, StageError
from benchmarks.stage.working import state_of, working

FLOWS: Final = 100
QUEUED: Final = 50
"""Edits that wait for their turn when the button is pressed."""
RATE_PER_S: Final = 10.0
OUTPUT: Final = "players"
_LATER_S: Final = 86_400
"""Of timers that have no part in this."""


def documents(version: int, *, edited: int = 1) -> tuple[Json, ...]:
    """Return a hundred flows with an output each; of so many of those, another version."""
    found: list[Json] = []
    for number in range(FLOWS):
        name = f"flow_{number}"
        said = {"description": f"version {version}"} if number < edited else {}
        found.append(flow_document(name, {"protocol": "RTMP"}))
        found.append(output_document(name, OUTPUT, {"protocol": "RTMP_PULL", **said}))
    return tuple(found)


async def restarts(timings: Callable[[str], Timing], rounds: int) -> None:
    """Kill it, start it again while an edit waits, and stop it when that is made."""
    killed = timings(f"run killed (-9), started again -> first pass over, an edit made ({FLOWS} flows)")
    stopped = timings("SIGTERM -> run ended, at rest")
    async with StagedRelay("--media", "none") as relay:
        desk = Desk(relay)
        desk.write(documents(0))
        await desk.must_apply()
        for turn in range(rounds):
            async with working(relay, desk, desk.tree) as before:
                await before.event("tree.accepted")
                await before.end(SIGKILL)
            desk.write(documents(turn + 1))
            began_s = time.monotonic()
            async with working(relay, desk, desk.tree) as again:
                killed.took((await again.event("reconcile.pass_finished", edits=1)).at_s - began_s)
                stopped.took(await again.end())


async def buttons(timings: Callable[[str], Timing], rounds: int) -> None:
    """Press the red button while fifty edits wait; lift it, and stop the process in the middle of the rest."""
    pressed = timings(f"red button (STATE/HALT made) -> last write, {QUEUED} queued at {RATE_PER_S:g} a second")
    stopped = timings("SIGTERM -> run ended, in the middle of writing")
    async with StagedRelay("--media", "none") as relay:
        desk = Desk(relay)
        desk.write(documents(0, edited=QUEUED))
        await desk.must_apply()
        halt = state_of(relay) / "HALT"
        for turn in range(rounds):
            desk.write(documents(turn + 1, edited=QUEUED))
            async with working(relay, desk, desk.tree, backend={"ratePerS": RATE_PER_S}) as at_work:
                since_s = (await at_work.event("change.applied")).at_s
                halt.touch()
                at = time.time()
                await at_work.event("reconcile.pass_finished", since_s=since_s)
                lifted, lifted_s = time.time(), time.monotonic()
                halt.unlink()
                await at_work.event("change.applied", since_s=lifted_s)
                stopped.took(await at_work.end())
            written = list(writes(relay.home / "relay.log"))
            if not any(moment > lifted for moment in written):
                raise StageError("nothing was written after the button was lifted, so this does not tell")
            pressed.took(max((moment for moment in written if at <= moment <= lifted), default=at) - at)


async def swaps(timings: Callable[[str], Timing], rounds: int) -> None:
    """Swap the link that leads to the manifests, as git-sync does."""
    swapped = timings(f"the root, a link, leads elsewhere -> applied ({FLOWS} flows)")
    async with StagedRelay("--media", "none") as relay:
        desk = Desk(relay)
        desk.write(documents(0))
        await desk.must_apply()
        root = relay.home / "current"
        _release(root, 0)
        loop = {"rescanS": _LATER_S, "observeS": _LATER_S}
        async with working(relay, desk, root, loop=loop) as at_work:
            await at_work.event("tree.accepted")
            for turn in range(rounds):
                began_s = _release(root, turn + 1)
                swapped.took(await edited_s(at_work, since_s=began_s) - began_s)


async def edited_s(at_work: Program, *, since_s: float) -> float:
    """Return when the edit of the first output was made."""
    line = await at_work.event("change.applied", since_s=since_s, resource=f"output/flow_0/{OUTPUT}")
    return line.at_s


def writes(log: Path) -> Iterable[float]:
    """Yield when the relay has answered each call that changes something, in seconds since 1970, by its own log."""
    for line in log.read_text().splitlines():
        event = json.loads(line) if line.startswith("{") else {}
        if event.get("event") == "relay.request_finished" and not event["action"].startswith("Describe"):
            yield datetime.fromisoformat(event["timestamp"]).timestamp()


def _release(root: Path, version: int) -> float:
    """Have the link lead to another folder with this version; return when it did."""
    folder = root.with_name(f"release-{version}")
    folder.mkdir()
    stated = ({"apiVersion": "reconciler/v1", **each} for each in documents(version))
    (folder / "tree.yaml").write_text(yaml.safe_dump_all(stated))
    draft = root.with_name("draft-link")
    draft.symlink_to(folder)
    began_s = time.monotonic()
    draft.replace(root)
    return began_s
