"""How long a receiver goes without a picture when an engine, the control plane or a passphrase is lost."""

import asyncio
import contextlib
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from benchmarks.long.recreate import free_port
from benchmarks.long.timings import Timing
from benchmarks.stage.account import HERE
from benchmarks.stage.arrivals import Arrivals, arriving, longest_pause_s
from benchmarks.stage.desk import Desk, flow_document, output_document
from benchmarks.stage.hearing import Program
from benchmarks.stage.publishing import published
from benchmarks.stage.relay import Json, StagedRelay, StageError, until_there
from benchmarks.stage.working import state_of, working
from reconciler.domain.model import FoundFlow
from reconciler.media.far_ends import probe_source

TRIAL_S: Final = 10
"""`guard.trialS` of the show: how long a changed output may be dark until it is put back."""
_SETTLED_FRAMES: Final = 50
_AFTERWARDS_S: Final = 5.0
"""How long is looked for a gap after the control plane is back."""
_ID: Final = re.compile(r"--approve \S+:([0-9a-f]{12})")


async def engines(timings: Callable[[str], Timing], rounds: int) -> None:
    """Kill the engine of one flow after the other, then the control plane; somebody watches each flow."""
    gaps = {name: timings(f"engine of an {name} flow killed (-9) -> picture again") for name in _DOCUMENTS}
    answers = timings("control plane of the relay killed (-9), started again -> API answers")
    seen = timings("  meanwhile, longest time without a frame at the worst of three receivers")
    async with _watched() as (relay, flows, watched):
        for _ in range(rounds):
            for name, arrivals in watched.items():
                gaps[name].took(await _killed(relay, flows[name.lower()], arrivals))
        for _ in range(rounds):
            since_s = time.monotonic()
            connections = [one.reception.connections for one in watched.values()]
            await relay.kill()
            began_s = time.monotonic()
            await relay.start()
            await relay.call("DescribeStreamLinkFlows", PageNum=1, PageSize=10)
            answers.took(time.monotonic() - began_s)
            await asyncio.sleep(_AFTERWARDS_S)
            for one in watched.values():
                await one.more(1)
            if connections != [one.reception.connections for one in watched.values()]:
                raise StageError("a receiver was cut when the control plane was killed")
            seen.took(max(longest_pause_s(one.moments_s, since_s=since_s) for one in watched.values()))


async def trials(timings: Callable[[str], Timing], rounds: int) -> None:
    """Give an output on air a passphrase that its receiver has not, and wait until it is put back."""
    gap = timings(f"a wrong passphrase on air -> put back, picture again (guard.trialS {TRIAL_S})")
    async with StagedRelay() as relay, AsyncExitStack() as stack:
        desk, port = Desk(relay), free_port()
        settings = {
            "guard": {"trialS": TRIAL_S},
            "loop": {"observeS": 2},
            "secrets": {"dir": str(_vault(relay, rounds))},
        }
        desk.write(_calling(port, "right"))
        at_work = await stack.enter_async_context(working(relay, desk, desk.tree, **settings))
        await at_work.event("change.applied", action="start")
        flow = (await relay.flows())["news"]
        await stack.enter_async_context(published(flow))
        arrivals = await stack.enter_async_context(arriving(probe_source(flow.outputs[0])))
        for turn in range(rounds):
            await arrivals.more(_SETTLED_FRAMES)
            since_s = await _approved(at_work, desk, lambda *more, turn=turn: (*_calling(port, f"wrong_{turn}"), *more))
            back_s = (await at_work.event("trial.failed", since_s=since_s)).at_s
            await at_work.event("change.applied", since_s=back_s, action="edit")
            await arrivals.more(_SETTLED_FRAMES)
            gap.took(longest_pause_s(arrivals.moments_s, since_s=since_s - 1))
            desk.write(_calling(port, "right"))


def _vault(relay: StagedRelay, rounds: int) -> Path:
    """Return a folder with a passphrase that is right, and with one that is wrong for each round."""
    vault = state_of(relay) / "secrets"
    vault.mkdir(parents=True, mode=0o700)
    for name in ("right", *(f"wrong_{turn}" for turn in range(rounds))):
        (vault / name).write_text(f"{name}-passphrase")
    return vault


async def _approved(at_work: Program, desk: Desk, documents: Callable[..., tuple[Json, ...]]) -> float:
    """Write documents and the approval that they take while they touch what is on air; return when that was made."""
    since_s = time.monotonic()
    desk.write(documents())
    held = await at_work.event("change.blocked", since_s=since_s, action="edit")
    found = _ID.search(held.event["release"])
    if found is None:
        raise StageError(f"nothing releases it: {held.text}")
    desk.write(documents(_approval(found[1])))
    return (await at_work.event("change.applied", since_s=since_s, action="edit")).at_s


_DOCUMENTS: Final[dict[str, Callable[[int], tuple[Json, Json]]]] = {
    "SRT": lambda _: ({"protocol": "SRT"}, {"protocol": "SRT", "srt": {"mode": "listener"}}),
    "RTMP": lambda _: ({"protocol": "RTMP"}, {"protocol": "RTMP_PULL"}),
    "RTSP": lambda port: (
        {"protocol": "RTSP", "rtsp": {"url": f"rtsp://{HERE}:{port}/live"}},
        {"protocol": "RTSP"},
    ),
}
"""A flow of each kind, and its output, asked by a free port."""


@asynccontextmanager
async def _watched() -> AsyncIterator[tuple[StagedRelay, dict[str, FoundFlow], dict[str, Arrivals]]]:
    """Lend a relay that carries a flow of each kind, and somebody who watches each."""
    async with StagedRelay() as relay, AsyncExitStack() as stack:
        desk = Desk(relay)
        made: list[Json] = []
        for name, ends in _DOCUMENTS.items():
            source, output = ends(free_port())
            made += [flow_document(name.lower(), source), output_document(name.lower(), "viewer", output)]
        desk.write(made)
        await desk.must_apply()
        flows = await relay.flows()
        for flow in flows.values():
            await stack.enter_async_context(published(flow))
        watched = {
            name: await stack.enter_async_context(arriving(probe_source(flows[name.lower()].outputs[0])))
            for name in _DOCUMENTS
        }
        for arrivals in watched.values():
            await arrivals.more(_SETTLED_FRAMES)
        yield relay, flows, watched


async def _killed(relay: StagedRelay, flow: FoundFlow, arrivals: Arrivals) -> float:
    """Kill all that carries a flow, and return how long its receiver had no picture."""
    await arrivals.more(_SETTLED_FRAMES)
    connections = arrivals.reception.connections
    leaders = relay.leaders_of(flow)
    if not leaders:
        raise StageError(f"nothing carries {flow.live_name}")
    since_s = time.monotonic()
    for pid in leaders:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)

    async def again() -> bool | None:
        return arrivals.reception.connections > connections or None

    await until_there(again, f"another connection to {flow.live_name}")
    await arrivals.more(_SETTLED_FRAMES)
    return longest_pause_s(arrivals.moments_s, since_s=since_s - 1)


def _calling(port: int, secret: str) -> tuple[Json, ...]:
    srt = {
        "mode": "caller",
        "destination": {"host": HERE, "port": port},
        "encryption": {"keyLength": 16, "passphrase": {"file": secret}},
    }
    return (
        flow_document("news", {"protocol": "SRT"}),
        output_document("news", "tower", {"protocol": "SRT", "srt": srt}),
    )


def _approval(change: str) -> Json:
    spec = {
        "resource": "output/news/tower",
        "action": "edit",
        "change": change,
        "reason": "it is a show",
        "expires": "2100-01-01T00:00:00Z",
    }
    return {"kind": "Approval", "metadata": {"name": "yes"}, "spec": spec}
