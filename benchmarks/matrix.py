"""
`make matrix`: every input with every output that it may feed, carried by the relay and counted at the far end.

The rows are manifests, applied by the command itself. A test picture goes in; receivers that share no code with the
engines count what comes out: frames, and discontinuities. A row holds with more than 100 frames and no discontinuity.
"""

import argparse
import asyncio
import contextlib
import secrets
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import yaml
from rich.table import Table

from benchmarks.stage.publishing import published
from benchmarks.stage.relay import REGION, StagedRelay, StageError
from benchmarks.stage.terminal import console, say
from reconciler.cli import logs
from reconciler.domain.model import FoundOutput, RtmpPush, Rtp
from reconciler.media.far_ends import probe_source
from reconciler.media.probe import ProbeSource, Receiver
from reconciler.media.rtmp_server import RtmpServers

WANTED_FRAMES: Final = 101
PATIENCE_S: Final = 60.0
KEY_LENGTHS: Final = (0, 16, 24, 32)
_PORTS: Final = 42_000

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Leg:
    """One output of a flow, as the table names it."""

    name: str
    words: str
    manifest: Json


@dataclass(frozen=True, slots=True)
class Trial:
    """A flow, and all outputs that are tried with it."""

    name: str
    words: str
    manifest: Json
    legs: tuple[Leg, ...]


@dataclass(slots=True)
class Row:
    """What one far end has counted."""

    source: str
    output: str
    frames: int = 0
    discontinuities: int = 0
    picture: str = ""
    why: str = ""

    @property
    def holds(self) -> bool:
        """Whether enough came, and nothing lacked."""
        return self.frames >= WANTED_FRAMES and not self.discontinuities


class Secrets:
    """Secrets that manifests name, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, mode=0o700)

    def make(self, name: str) -> Json:
        """Make one up, and return how a manifest refers to it."""
        path = self._folder / name
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(16))
        return {"file": name}


class Ports:
    """Ports of this machine at which far ends are, each given once."""

    def __init__(self) -> None:
        self._next = _PORTS

    def take(self) -> int:
        """Return another one."""
        self._next += 1
        return self._next


def trials(vault: Secrets) -> Iterator[Trial]:
    """Yield every row of the matrix, grouped by flow."""
    ports = Ports()
    for mode in ("listener", "caller"):
        for key_length in KEY_LENGTHS:
            yield _srt(mode, key_length, vault, ports)
    yield Trial("rtmp", "RTMP", {"protocol": "RTMP"}, _rtmp_legs(vault, ports))
    pulled = {"url": f"rtmp://127.0.0.1:{ports.take()}/live", "streamKey": vault.make("origin")}
    yield Trial("rtmp_pull", "RTMP_PULL", {"protocol": "RTMP_PULL", "rtmpPull": pulled}, _rtmp_legs(vault, ports))
    yield Trial("rtp", "RTP", {"protocol": "RTP"}, _rtp_legs(ports))
    origin = {"protocol": "RTSP", "rtsp": {"url": f"rtsp://127.0.0.1:{ports.take()}/live"}}
    yield Trial("rtsp", "RTSP", origin, (Leg("players", "RTSP", {"protocol": "RTSP"}),))


def _srt(mode: str, key_length: int, vault: Secrets, ports: Ports) -> Trial:
    words, settings = f"SRT {mode}, {_secured(key_length)}", {"mode": mode, **_encryption(key_length, vault)}
    if mode == "caller":
        settings["source"] = {"host": "127.0.0.1", "port": ports.take()}
    listener = {"protocol": "SRT", "srt": {"mode": "listener", **_encryption(key_length, vault)}}
    destination = {"destination": {"host": "127.0.0.1", "port": ports.take()}}
    caller = {"protocol": "SRT", "srt": {"mode": "caller", **destination, **_encryption(key_length, vault)}}
    legs = (
        Leg("listener", f"SRT listener, {_secured(key_length)}", listener),
        Leg("caller", f"SRT caller, {_secured(key_length)}", caller),
        _push("push", 1, vault, ports),
    )
    return Trial(f"srt_{mode}_{key_length}", words, {"protocol": "SRT", "srt": settings}, legs)


def _secured(key_length: int) -> str:
    return f"AES-{8 * key_length}" if key_length else "plain"


def _encryption(key_length: int, vault: Secrets) -> Json:
    return {"encryption": {"keyLength": key_length, "passphrase": vault.make("passphrase")}} if key_length else {}


def _rtmp_legs(vault: Secrets, ports: Ports) -> tuple[Leg, ...]:
    return (
        Leg("players", "RTMP_PULL", {"protocol": "RTMP_PULL"}),
        _push("push", 1, vault, ports),
        _push("twins", 2, vault, ports),
    )


def _push(name: str, count: int, vault: Secrets, ports: Ports) -> Leg:
    destinations = [
        {"url": f"rtmp://127.0.0.1:{ports.take()}/live", "streamKey": vault.make("platform")} for _ in range(count)
    ]
    return Leg(name, "RTMP_PUSH", {"protocol": "RTMP_PUSH", "rtmpPush": {"destinations": destinations}})


def _rtp_legs(ports: Ports) -> tuple[Leg, ...]:
    return tuple(
        Leg(
            f"to_{count}",
            "RTP",
            {
                "protocol": "RTP",
                "rtp": {"destinations": [{"host": "127.0.0.1", "port": ports.take()} for _ in range(count)]},
            },
        )
        for count in (1, 2)
    )


def documents(trial: Trial) -> Iterator[Json]:
    """Yield the manifests of a flow and its outputs."""
    head = {"apiVersion": "reconciler/v1"}
    flow = {"region": REGION, "input": trial.manifest}
    yield {**head, "kind": "Flow", "metadata": {"name": trial.name}, "spec": flow}
    for leg in trial.legs:
        spec = {"flow": trial.name, **leg.manifest}
        yield {**head, "kind": "Output", "metadata": {"name": leg.name}, "spec": spec}


async def run(chosen: Sequence[str]) -> list[Row]:
    """Carry every trial, or those whose name holds one of the words, and return what came of each far end."""
    rows: list[Row] = []
    async with StagedRelay() as relay:
        vault = Secrets(relay.state / "secrets")
        wanted = [one for one in trials(vault) if not chosen or any(word in one.name for word in chosen)]
        for number, trial in enumerate(wanted, 1):
            say(f"{number} of {len(wanted)}: {trial.words}")
            rows += await _try(trial, relay)
    say("")
    return rows


async def _try(trial: Trial, relay: StagedRelay) -> list[Row]:
    tree = relay.home / "manifests"
    tree.mkdir(exist_ok=True)
    (tree / "trial.yaml").write_text(yaml.safe_dump_all(documents(trial)))
    await _apply(relay, tree)
    flow = (await relay.flows())[trial.name]
    words = {leg.name: leg.words for leg in trial.legs}
    servers = RtmpServers()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(published(flow))
        receivers = []
        for output in flow.outputs:
            for number, source in enumerate(sources := list(far_ends(output)), 1):
                which = f" {number} of {len(sources)}" if len(sources) > 1 else ""
                row = Row(trial.words, words[output.live_name] + which)
                receivers.append((row, await stack.enter_async_context(Receiver(source, servers=servers))))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.gather(*(receiver.frames(WANTED_FRAMES) for _, receiver in receivers))
        for row, receiver in receivers:
            now = receiver.reception
            row.frames, row.discontinuities, row.why = now.frames, now.discontinuities, now.last_error
            row.picture = f"{now.codec} {now.width}x{now.height} {now.fps:g} fps" if now.width else ""
        return [row for row, _ in receivers]


def far_ends(output: FoundOutput) -> Iterator[ProbeSource]:
    """Yield where an output is received: each of its destinations is an end of its own."""
    spec = output.spec
    if spec is None or not isinstance(spec.settings, RtmpPush | Rtp):
        yield probe_source(output)
        return
    for settings in _one_by_one(spec.settings):
        yield probe_source(replace(output, spec=replace(spec, settings=settings)))


def _one_by_one(settings: RtmpPush | Rtp) -> Iterator[RtmpPush | Rtp]:
    match settings:
        case RtmpPush():
            yield from (replace(settings, destinations=(each,)) for each in settings.destinations)
        case Rtp():
            yield from (replace(settings, destinations=(each,)) for each in settings.destinations)


async def _apply(relay: StagedRelay, tree: Path) -> None:
    # The flow before is gone from the tree, so it goes from the relay too; nothing asks anybody.
    command = (sys.executable, "-m", "reconciler", "--state", str(relay.state), "apply", str(tree), "--auto-approve")
    said = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    if said.returncode != 0:
        raise StageError(f"the manifests were not applied:\n{said.stdout}{said.stderr}")


def report(rows: Sequence[Row]) -> bool:
    """Print the table, and return whether every row holds."""
    shown = console()
    table = Table(title=f"Frames at the far end; a row holds with {WANTED_FRAMES} or more", title_justify="left")
    for heading in ("input", "output"):
        table.add_column(heading, no_wrap=True)
    for heading in ("frames", "discontinuities"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("picture", ""):
        table.add_column(heading, no_wrap=True)
    for row in rows:
        verdict = "[green]holds[/green]" if row.holds else f"[red]{row.why or 'does not hold'}[/red]"
        table.add_row(row.source, row.output, str(row.frames), str(row.discontinuities), row.picture, verdict)
    shown.print(table)
    held = sum(row.holds for row in rows)
    shown.print(f"{held} of {len(rows)} rows hold")
    return held == len(rows)


def main() -> None:
    """Print the table; the exit status is 1 where a row does not hold."""
    parser = argparse.ArgumentParser(prog="make matrix", description="Every input with every output, carried.")
    parser.add_argument("name", nargs="*", help="flows whose name holds this, such as srt_caller, rtmp, rtsp")
    chosen = parser.parse_args()
    logs.configure(None, level="warning")
    sys.exit(0 if report(asyncio.run(run(chosen.name))) else 1)


if __name__ == "__main__":
    main()
