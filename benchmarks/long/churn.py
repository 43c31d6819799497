"""
Many SRT outputs with a receiver each, while one more output is made and removed every 2 s.

What should stay flat is printed as a slope: the descriptors and the memory of the flow's engine and of the control
plane. What should be nothing is counted at the receivers: continuity errors and lost connections.
"""

import asyncio
import secrets
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from rich.table import Table

from benchmarks.stage import film
from benchmarks.stage.account import Account, latency, secured, source, srt_listener
from benchmarks.stage.costs import Usage, of_process, of_sessions, slope_per_minute
from benchmarks.stage.receivers import Received, over_srt
from benchmarks.stage.relay import Json, StagedRelay, StageError
from benchmarks.stage.terminal import console, say

EVERY_S: Final = 2.0
SAMPLE_S: Final = 5.0
WARM_UP_S: Final = 60.0
"""Buffers fill and caches warm up; what is judged begins afterwards."""
FLAT_MIB_PER_MINUTE: Final = 0.5
FLAT_DESCRIPTORS_PER_MINUTE: Final = 0.5
_SETTLE_S: Final = 60.0
_LATENCY_MS: Final = 500
_PASSPHRASE: Final = secrets.token_hex(16)
_SETTINGS: Final = {**secured(_PASSPHRASE, 16), **latency(_LATENCY_MS)}
_OPTIONS: Final = (f"passphrase={_PASSPHRASE}", f"latency={_LATENCY_MS}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How large the show is."""

    outputs: int
    mbps: float
    minutes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One moment: the flow's engine, and the control plane."""

    at_s: float
    engine: Usage
    control: Usage


@dataclass(slots=True)
class Seen:
    """What the show has seen."""

    receivers: list[Received] = field(default_factory=list)
    lost: int = 0
    """How many of them had lost their connection by the end."""
    samples: list[Sample] = field(default_factory=list)
    rounds: int = 0
    served: int = 0
    """Rounds in which the short-lived output delivered to a receiver of its own."""
    calls_ms: list[float] = field(default_factory=list)

    @property
    def errors(self) -> int:
        """Continuity errors of all receivers that stayed."""
        return sum(one.continuity.errors for one in self.receivers)

    def count_lost(self) -> int:
        """Count who has lost the connection by now."""
        self.lost = sum(one.ended for one in self.receivers)
        return self.lost


def show(scale: Scale) -> bool:
    """Run the show, print what was seen, and return whether nobody saw a gap and nothing grew."""
    return _report(scale, asyncio.run(_run(scale)))


async def _run(scale: Scale) -> Seen:
    seen = Seen()
    async with StagedRelay("--media", "engines") as relay, AsyncExitStack() as stack:
        path = await asyncio.to_thread(film.make, relay.home / "film.ts", mbps=scale.mbps)
        account = Account(relay)
        kept = [srt_listener(f"kept_{number}", **_SETTINGS) for number in range(scale.outputs)]
        flow = await account.running("churn", source("SRT", SRTSettings={"Mode": "LISTENER", **_SETTINGS}), kept)
        port = flow["InputGroup"][0]["InputAddressList"][0]["Port"]
        url = f"srt://127.0.0.1:{port}?mode=caller&passphrase={_PASSPHRASE}&pbkeylen=16&latency={_LATENCY_MS}"
        await stack.enter_async_context(film.sent_over_srt(path, url))
        for output in flow["OutputGroup"]:
            seen.receivers.append(await stack.enter_async_context(over_srt(_port_of(output), *_OPTIONS)))
        await _all_served(seen, relay)
        sampling = asyncio.create_task(_sample(relay, seen))
        await _churn(account, flow["FlowId"], seen, until_s=time.monotonic() + 60 * scale.minutes)
        seen.count_lost()
        sampling.cancel()
        await asyncio.wait({sampling})
    return seen


def _port_of(output: Json) -> int:
    return int(output["SRTSettings"]["SourceAddresses"][0]["Port"])


async def _all_served(seen: Seen, relay: StagedRelay) -> None:
    until_s = time.monotonic() + _SETTLE_S
    while not all(one.octets for one in seen.receivers):
        if time.monotonic() > until_s or seen.count_lost():
            served = sum(bool(one.octets) for one in seen.receivers)
            raise StageError(f"{served} of {len(seen.receivers)} receivers were served:\n{relay.said()}")
        await asyncio.sleep(0.1)


async def _churn(account: Account, flow_id: str, seen: Seen, *, until_s: float) -> None:
    """Make an output, let somebody receive from it, and remove it under the receiver, again and again."""
    while (began_s := time.monotonic()) < until_s:
        output = await account.add(flow_id, srt_listener(f"short_{seen.rounds}", **_SETTINGS))
        seen.calls_ms.append(1000 * (time.monotonic() - began_s))
        async with over_srt(_port_of(output), *_OPTIONS) as received:
            await asyncio.sleep(EVERY_S / 2)
            await account.remove(flow_id, output["OutputId"])
        seen.served += received.octets > 0
        seen.rounds += 1
        _progress(seen, until_s)
        await asyncio.sleep(max(0.0, began_s + EVERY_S - time.monotonic()))


def _progress(seen: Seen, until_s: float) -> None:
    so_far = f"{seen.rounds} rounds, {seen.errors} continuity errors, {seen.count_lost()} connections lost"
    say(f"{so_far}, {max(0.0, until_s - time.monotonic()):.0f} s to go")


async def _sample(relay: StagedRelay, seen: Seen) -> None:
    began_s = time.monotonic()
    while True:
        engine, control = await asyncio.to_thread(lambda: (of_sessions(relay.leaders), of_process(relay.pid)))
        seen.samples.append(Sample(at_s=time.monotonic() - began_s, engine=engine, control=control))
        await asyncio.sleep(SAMPLE_S)


def _report(scale: Scale, seen: Seen) -> bool:
    shown = console()
    judged = [sample for sample in seen.samples if sample.at_s >= min(WARM_UP_S, seen.samples[-1].at_s / 2)]
    title = (
        f"{scale.outputs} SRT outputs of {scale.mbps:g} Mb/s, {seen.rounds} made and removed in {scale.minutes:g} min"
    )
    table = Table(title=title, title_justify="left")
    for heading in ("", "first", "last", "slope a minute", ""):
        table.add_column(heading, no_wrap=True)
    flat = True
    for name, kind in (("engine", "engine"), ("control plane", "control")):
        for figure, limit in (("descriptors", FLAT_DESCRIPTORS_PER_MINUTE), ("pss_mib", FLAT_MIB_PER_MINUTE)):
            line = [(sample.at_s, float(getattr(getattr(sample, kind), figure))) for sample in judged]
            slope = slope_per_minute(line)
            flat = flat and slope <= limit
            label = f"{name}: {'memory, MiB' if figure == 'pss_mib' else figure}"
            verdict = "flat" if slope <= limit else f"above {limit:g}"
            table.add_row(label, f"{line[0][1]:.1f}", f"{line[-1][1]:.1f}", f"{slope:+.3f}", verdict)
    say("")
    shown.print(table)
    share = 100 * (judged[-1].engine.cpu_s - judged[0].engine.cpu_s) / (judged[-1].at_s - judged[0].at_s)
    gap_s = max(one.longest_gap_s for one in seen.receivers)
    shown.print(
        f"engine: {share:.1f} % of a core, {share / scale.outputs:.2f} % an output\n"
        f"a create took {median(seen.calls_ms):.0f} ms in the median, {max(seen.calls_ms):.0f} ms at most; "
        f"{seen.served} of {seen.rounds} short-lived outputs delivered to a receiver of their own\n"
        f"{len(seen.receivers)} receivers that stayed: {seen.errors} continuity errors, {seen.lost} connections lost, "
        f"longest silence {gap_s:.2f} s"
    )
    return flat and not seen.errors and not seen.lost
