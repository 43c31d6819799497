"""
The loop beside a relay that fails one call in a hundred, while somebody changes manifests every few seconds.

Both are the commands as people run them, each a process of its own. The memory and the descriptors of `run` should be
flat; the journal should tell of each write what the relay's log tells; and at the end nothing is left to do.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import IO, Any, Final

from rich.table import Table

from benchmarks.stage.costs import Usage, of_process, slope_per_minute
from benchmarks.stage.relay import StagedRelay, StageError
from benchmarks.stage.terminal import console, say
from reconciler.journal.reader import JournalReader
from reconciler.journal.schema import FILE_NAME
from reconciler.ports.journal import Settled
from reconciler.relay import credentials
from reconciler.streamlink.codes import Code
from tests.production.soak.day import Dice

FLOWS: Final = 100
EVERY_S: Final = 3.0
SAMPLE_S: Final = 10.0
WARM_UP_SHARE: Final = 0.25
"""Of the show: buffers fill and caches warm up; what is judged begins afterwards."""
FLAT_MIB_PER_MINUTE: Final = 0.25
FLAT_DESCRIPTORS_PER_MINUTE: Final = 0.5
_ONE_IN: Final = 400
"""Of all calls, one meets each of four faults: one in a hundred fails."""
_FAULTS: Final = {
    "throttle": [{"every": _ONE_IN}],
    "drop": [{"when": "beforeCommit", "every": _ONE_IN}, {"when": "afterCommit", "every": _ONE_IN}],
    "internalError": [{"when": "afterCommit", "every": _ONE_IN}],
}
_REST_S: Final = 120.0
_STOP_S: Final = 60.0
_EVERYTHING: Final = 1_000_000
_MEANT: Final = """\
---
apiVersion: reconciler/v1
kind: Override
metadata: {{name: {kind}_{action}}}
spec:
  kind: {kind}
  action: {action}
  lifts: [budget, tree]
  reason: it changes all the time
  expires: 2099-01-01T00:00:00Z
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """One moment of `run`."""

    at_s: float
    usage: Usage


@dataclass(slots=True)
class Seen:
    """What the show has seen."""

    samples: list[Sample] = field(default_factory=list)
    commits: int = 0
    plan_status: int = -1
    """How `plan --detailed-exitcode` ended when the faults were over."""
    plan: str = ""
    """The last that it said."""
    rested_s: float = 0.0
    """After the faults were over, until it said that nothing was to be done."""
    run_status: int = -1
    calls: Counter[str] = field(default_factory=Counter)
    """What the journal and the relay tell of the writes."""
    faults: Counter[str] = field(default_factory=Counter)


def show(*, seed: int, minutes: float) -> bool:
    """Run the show, print what was seen, and return whether nothing grew and both tell the same."""
    return _report(asyncio.run(_run(seed, minutes)), minutes)


async def _run(seed: int, minutes: float) -> Seen:
    seen = Seen()
    port = _free_port()
    relay = StagedRelay("--media", "none", "--faults", "faults.json", "--listen", f"127.0.0.1:{port}")
    stage = _Stage(relay, port)
    (relay.home / "faults.json").write_text(json.dumps(_FAULTS), encoding="utf-8")
    writer = _Writer(relay.home / "manifests", Dice(seed))
    async with relay:
        until_s = time.monotonic() + 60 * minutes
        async with _running(stage, seen) as pid:
            sampling = asyncio.create_task(_sample(pid, seen))
            while time.monotonic() < until_s:
                writer.change()
                seen.commits += 1
                say(f"{seen.commits} commits, {max(0.0, until_s - time.monotonic()):.0f} s to go")
                await asyncio.sleep(EVERY_S)
            sampling.cancel()
            await asyncio.wait({sampling})
            await _rest(stage, seen)
        _compare(relay, seen)
    return seen


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class _Writer:
    """Changes a directory of manifests, a file at a time."""

    def __init__(self, root: Path, dice: Random) -> None:
        self._root = root
        self._dice = dice
        self._made = 0
        self._outputs: dict[str, dict[str, int]] = {}
        """The latency of each output, by flow."""
        root.mkdir()
        for _ in range(FLOWS):
            self._add()
        # What changes all the time would use up what one difference may delete and edit.
        meant = [
            _MEANT.format(kind=kind, action=action) for kind in ("Flow", "Output") for action in ("delete", "edit")
        ]
        self._put("policies", "".join(meant))

    def change(self) -> None:
        """Add, remove or edit something."""
        name = self._dice.choice(sorted(self._outputs))
        outputs = self._outputs[name]
        match self._dice.randrange(10):
            case 0:
                self._add()
            case 1 if len(self._outputs) > FLOWS * 0.9:
                del self._outputs[name]
                (self._root / f"{name}.yaml").unlink()
                return
            case 2:
                outputs[self._new("tower")] = 120
            case 3 if len(outputs) > 1:
                del outputs[min(outputs)]
            case _:
                outputs[self._dice.choice(sorted(outputs))] = self._dice.randrange(100, 400)
        self._write(name)

    def _add(self) -> None:
        name = self._new("studio")
        self._outputs[name] = {self._new("tower"): 120, self._new("tower"): 200}
        self._write(name)

    def _new(self, word: str) -> str:
        self._made += 1
        return f"{word}_{self._made}"

    def _write(self, name: str) -> None:
        state = "idle" if int(name.rpartition("_")[2]) % 2 else "running"
        outputs = (_output(name, output, latency) for output, latency in self._outputs[name].items())
        self._put(name, _flow(name, state) + "".join(outputs))

    def _put(self, name: str, text: str) -> None:
        draft = self._root / f".{name}.draft"
        draft.write_text(text, encoding="utf-8")
        draft.replace(self._root / f"{name}.yaml")


def _flow(name: str, state: str) -> str:
    """Return a flow that looks like no other: what goes while its like comes would be held back as another name."""
    number = int(name.rpartition("_")[2])
    allowlist = f"[10.{number // 250}.{number % 250}.0/24]"
    own = f"allowlist: {allowlist}, srt: {{latency: {100 + number % 900}}}"
    return (
        f"---\napiVersion: reconciler/v1\nkind: Flow\nmetadata: {{name: {name}}}\n"
        f"spec: {{region: local, state: {state}, description: of {name}, input: {{protocol: SRT, {own}}}}}\n"
    )


def _output(flow: str, name: str, latency_ms: int) -> str:
    srt = f"{{mode: caller, latency: {latency_ms}, destination: {{host: {name}.example, port: 9000}}}}"
    return (
        f"---\napiVersion: reconciler/v1\nkind: Output\nmetadata: {{name: {name}}}\n"
        f"spec: {{flow: {flow}, protocol: SRT, srt: {srt}}}\n"
    )


@dataclass(frozen=True, slots=True)
class _Stage:
    """The relay, and where it answers also after it was started anew."""

    relay: StagedRelay
    port: int

    async def start(self, *words: str, log: int | IO[bytes]) -> asyncio.subprocess.Process:
        """Start a verb that uses the relay, on a state of its own."""
        keys = credentials.load(self.relay.state)
        if keys is None:
            raise StageError("the relay made no credentials")
        backend = ("--backend", "relay", "--endpoint", f"http://127.0.0.1:{self.port}", "--region", "local")
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "reconciler", "--state", "run", *words, *backend, "manifests"),
            cwd=self.relay.home,
            env={**os.environ, "TENCENTCLOUD_SECRET_ID": keys.secret_id, "TENCENTCLOUD_SECRET_KEY": keys.secret_key},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


@contextlib.asynccontextmanager
async def _running(stage: _Stage, seen: Seen) -> AsyncIterator[int]:
    """Lend the pid of `run`, and end it as an operator would."""
    told = stage.relay.home / "run.log"
    with told.open("ab") as log:
        process = await stage.start("run", log=log)
    try:
        yield process.pid
        if process.returncode is not None:
            raise StageError(f"run has ended with {process.returncode}:\n{_tail(told)}")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        seen.run_status = await asyncio.wait_for(process.wait(), _STOP_S)


async def _sample(pid: int, seen: Seen) -> None:
    began_s = time.monotonic()
    while True:
        usage = await asyncio.to_thread(of_process, pid)
        seen.samples.append(Sample(time.monotonic() - began_s, usage))
        await asyncio.sleep(SAMPLE_S)


async def _rest(stage: _Stage, seen: Seen) -> None:
    """Start the relay again without faults, and wait until another process says that nothing is left to do."""
    (stage.relay.home / "faults.json").write_text("{}", encoding="utf-8")
    await stage.relay.stop()
    await stage.relay.start()
    began_s = time.monotonic()
    while seen.plan_status != 0 and seen.rested_s < _REST_S:
        await asyncio.sleep(EVERY_S)
        with (stage.relay.home / "plan.log").open("wb") as log:
            plan = await stage.start("plan", "--detailed-exitcode", log=log)
            seen.plan_status = await plan.wait()
        seen.plan = _tail(stage.relay.home / "plan.log")
        seen.rested_s = time.monotonic() - began_s


def _compare(relay: StagedRelay, seen: Seen) -> None:
    """
    Compare what the journal tells of the writes with what the relay tells of them.

    A delete whose answer was lost is sent again and finds nothing: it is done, by the request that was refused so.
    """
    carried_out, found_gone = set[str](), set[str]()
    for line in (relay.home / "relay.log").read_text(errors="replace").splitlines():
        event: dict[str, Any] = json.loads(line) if line.startswith("{") else {}
        if event.get("event") == "relay.fault_injected":
            seen.faults[str(event["knob"])] += 1
        if event.get("event") == "relay.request_finished" and not event["code"]:
            carried_out.add(event["request_id"])
        if event.get("event") == "relay.request_finished" and _finds_nothing(event):
            found_gone.add(event["request_id"])
    journal = JournalReader(relay.home / "run" / FILE_NAME)
    calls = journal.calls(limit=_EVERYTHING)
    journal.close()
    done = {call.request_id for call in calls if call.settled is Settled.DONE and call.request_id}
    seen.calls.update(f"journal: {call.settled or 'open'}" for call in calls)
    seen.calls["relay: writes that it carried out"] = len(carried_out)
    seen.calls["done in the journal, and the relay knows nothing of it"] = len(done - carried_out - found_gone)
    seen.calls["done in the journal, and gone already at the relay"] = len(done & found_gone)
    seen.calls["carried out by the relay, and not done in the journal"] = len(carried_out - done)


def _finds_nothing(event: Mapping[str, Any]) -> bool:
    return str(event["action"]).startswith("Delete") and event["code"] in {Code.NOT_FOUND, Code.RESOURCE_NOT_FOUND}


def _tail(path: Path) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-15:])


def _report(seen: Seen, minutes: float) -> bool:
    say("")
    judged = [one for one in seen.samples if one.at_s >= WARM_UP_SHARE * seen.samples[-1].at_s]
    table = Table(title=f"run, {seen.commits} commits in {minutes:g} min", title_justify="left")
    for heading in ("", "first", "last", "most", "slope a minute", ""):
        table.add_column(heading, no_wrap=True)
    is_flat = True
    for name, figure, limit in (
        ("memory, MiB", "pss_mib", FLAT_MIB_PER_MINUTE),
        ("descriptors", "descriptors", FLAT_DESCRIPTORS_PER_MINUTE),
    ):
        line = [(one.at_s, float(getattr(one.usage, figure))) for one in judged]
        slope = slope_per_minute(line)
        is_flat = is_flat and slope <= limit
        most = max(value for _, value in line)
        verdict = "flat" if slope <= limit else f"above {limit:g}"
        table.add_row(name, f"{line[0][1]:.1f}", f"{line[-1][1]:.1f}", f"{most:.1f}", f"{slope:+.3f}", verdict)
    console().print(table)
    used_s = judged[-1].usage.cpu_s - judged[0].usage.cpu_s
    console().print(f"{100 * used_s / max(1e-9, judged[-1].at_s - judged[0].at_s):.1f} % of a core")
    for name, count in sorted({**seen.calls, **{f"fault: {kind}": n for kind, n in seen.faults.items()}}.items()):
        console().print(f"{name}: {count:,}", markup=False)
    console().print(
        f"faults off: plan --detailed-exitcode said {seen.plan_status} after {seen.rested_s:.0f} s; "
        f"run ended with {seen.run_status}"
    )
    if seen.plan_status:
        console().print(seen.plan, markup=False)
    return is_flat and seen.plan_status == 0 and seen.run_status == 0 and _tell_the_same(seen)


def _tell_the_same(seen: Seen) -> bool:
    """Return whether nothing is done in the journal alone, and the relay alone knows what answers were lost of."""
    lost = seen.faults["drop"] + seen.faults["internalError"]
    strangers = seen.calls["carried out by the relay, and not done in the journal"]
    return not seen.calls["done in the journal, and the relay knows nothing of it"] and strangers <= lost
