"""What is done to the siblings of a kept output."""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

from benchmarks.long.families import LATENCY_MS, PASSPHRASE, SETTINGS
from benchmarks.stage.account import HERE, Account, latency, output, push, rtp, secured, srt_caller, srt_listener
from benchmarks.stage.relay import Json, StagedRelay
from reconciler.media.processes import load
from reconciler.media.programs import FFMPEG
from reconciler.relay.supervisor import FOLDER

_PAUSE_S: Final = 0.7
"""Between two things that are done."""
_STARVED_S: Final = 4.0
_SERVED_S: Final = 2.5
_NOBODY: Final = 9
"""A port on which nothing listens."""


@dataclass(slots=True)
class Disturbance:
    """Where it is done, and how often what was done."""

    relay: StagedRelay
    account: Account
    flow_id: str
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    counts: Counter[str] = field(default_factory=Counter)

    def did(self, what: str) -> None:
        """Count one more."""
        self.counts[what] += 1

    def summary(self) -> str:
        """Return what was done so far."""
        return ", ".join(f"{what} {count}" for what, count in self.counts.items()) or "nothing yet"

    async def add(self, wanted: Json) -> Json:
        """Add a sibling."""
        made = await self.account.add(self.flow_id, wanted)
        self.did("added")
        await asyncio.sleep(_PAUSE_S)
        return made

    async def edit(self, made: Json, wanted: Json) -> None:
        """Edit a sibling."""
        await self.account.edit(self.flow_id, made["OutputId"], wanted)
        self.did("edited")
        await asyncio.sleep(_PAUSE_S)

    async def remove(self, made: Json) -> None:
        """Delete a sibling."""
        await self.account.remove(self.flow_id, made["OutputId"])
        self.did("deleted")
        await asyncio.sleep(_PAUSE_S)


Running = contextlib.AbstractAsyncContextManager[asyncio.subprocess.Process]
Act = Callable[[Disturbance], Awaitable[None]]


def disturbances(family: str) -> list[Act]:
    """Return what can be done to siblings of a family, in the order in which it is done."""
    return list(_ACTS[family])


async def srt_listener_lives(did: Disturbance) -> None:
    """Add a listener, edit it, starve its receiver, give it another passphrase, kill the receiver, and delete it."""
    wanted = srt_listener("sibling", **SETTINGS)
    made = await did.add(wanted)
    port = made["SRTSettings"]["SourceAddresses"][0]["Port"]
    async with _receiver(port, PASSPHRASE) as receiver:
        await asyncio.sleep(_SERVED_S)
        await _starve(did, receiver)
        await did.edit(made, srt_listener("sibling", **{**SETTINGS, **latency(2 * LATENCY_MS)}))
        await asyncio.sleep(_SERVED_S)
        await did.edit(made, srt_listener("sibling", **{**SETTINGS, **secured(secrets.token_hex(16), 16)}))
        did.did("given a passphrase that the receiver has not")
        await asyncio.sleep(_SERVED_S)
        _kill(did, receiver)
    await did.remove(made)


async def srt_callers_fail(did: Disturbance) -> None:
    """Call where nobody is, where nothing is known, and somebody with another passphrase, for a while."""
    port = _free_port()
    nobody = await did.add(srt_caller("nobody", _NOBODY, **SETTINGS))
    unknown = srt_caller("unknown", _NOBODY, **SETTINGS)
    unknown["SRTSettings"]["Destinations"][0]["Ip"] = "no.such.host.invalid"
    lost = await did.add(unknown)
    async with _receiver(port, secrets.token_hex(16), listens=True):
        refused = await did.add(srt_caller("refused", port, **SETTINGS))
        did.did("called somebody with another passphrase")
        await asyncio.sleep(_STARVED_S)
    for made in (nobody, lost, refused):
        await did.remove(made)


async def pushes_fail(did: Disturbance) -> None:
    """Push to somebody who reads nothing and to nobody, kill what pushes, and delete it."""
    with socket.create_server((HERE, 0)) as mute:
        mute.listen()
        port = mute.getsockname()[1]
        made = await did.add(
            push("sibling", (f"rtmp://{HERE}:{port}/live", "key"), (f"rtmp://{HERE}:{_NOBODY}/x", "key"))
        )
        did.did("pushed to somebody who reads nothing")
        await asyncio.sleep(_STARVED_S)
        for pid in _pushing(did.relay, made):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                did.did("push killed")
        await asyncio.sleep(_PAUSE_S)
        await did.edit(made, push("sibling", (f"rtmp://{HERE}:{_NOBODY}/x", "another")))
        await did.remove(made)


async def rtmp_players_come_and_go(did: Disturbance) -> None:
    """Do to RTMP players what can be done to players."""
    await _players(did, output("sibling", "RTMP_PULL"))


async def rtsp_players_come_and_go(did: Disturbance) -> None:
    """Do to RTSP players what can be done to players."""
    await _players(did, output("sibling", "RTSP_PULL"))


async def _players(did: Disturbance, wanted: Json) -> None:
    """Add an output for players, starve one, shut it out, kill another one, and delete the output."""
    made = await did.add(wanted)
    url = made["StreamUrls"][0]["Url"]
    async with _player(url) as one:
        await asyncio.sleep(_SERVED_S)
        await _starve(did, one)
        await did.edit(made, {**wanted, "AllowIpList": ["192.0.2.0/24"]})
        did.did("player shut out")
        await asyncio.sleep(_SERVED_S)
        await did.edit(made, {**wanted, "AllowIpList": []})
        async with _player(url) as other:
            await asyncio.sleep(_SERVED_S)
            _kill(did, other)
    await did.remove(made)


async def rtp_destinations_change(did: Disturbance) -> None:
    """Send to nobody and to a name that is not known, send elsewhere, and delete the output."""
    made = await did.add(rtp("sibling", (HERE, _NOBODY), ("no.such.host.invalid", 5000)))
    await asyncio.sleep(_SERVED_S)
    await did.edit(made, rtp("sibling", (HERE, _free_port())))
    await asyncio.sleep(_SERVED_S)
    await did.edit(made, rtp("sibling", (HERE, _free_port()), (HERE, _NOBODY)))
    await did.remove(made)


_ACTS: Final[dict[str, tuple[Act, ...]]] = {
    "SRT": (srt_listener_lives, srt_callers_fail, pushes_fail),
    "RTMP": (rtmp_players_come_and_go, pushes_fail),
    "RTP": (rtp_destinations_change,),
    "RTSP": (rtsp_players_come_and_go,),
}


async def _starve(did: Disturbance, process: asyncio.subprocess.Process) -> None:
    """Have a receiver stop reading for a while."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGSTOP)
        did.did("receiver starved")
        await asyncio.sleep(_STARVED_S)
        process.send_signal(signal.SIGCONT)


def _kill(did: Disturbance, process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    did.did("receiver killed")


def _pushing(relay: StagedRelay, made: Json) -> list[int]:
    """Return the processes that push for an output."""
    found = [load(path) for path in (relay.state / FOLDER).rglob(f"push-{made['OutputId']}-*.identity")]
    return [identity.pid for identity in found if identity is not None]


def _receiver(
    port: int, passphrase: str, *, listens: bool = False
) -> contextlib.AbstractAsyncContextManager[asyncio.subprocess.Process]:
    options = f"mode={'listener' if listens else 'caller'}&passphrase={passphrase}&latency={LATENCY_MS}"
    url = f"srt://{HERE}:{port}?{options}"
    return _running(
        "srt-live-transmit", "-q", "-loglevel:fatal", "-autoreconnect:yes", "-chunk:1316", url, "file://con"
    )


def _player(url: str) -> Running:
    over = ("-rtsp_transport", "tcp") if url.startswith("rtsp") else ()
    return _running(FFMPEG, "-nostdin", "-v", "quiet", *over, "-i", url, "-c", "copy", "-f", "null", "-")


@contextlib.asynccontextmanager
async def _running(*command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    child = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


def _free_port() -> int:
    with socket.socket(type=socket.SOCK_DGRAM) as one:
        one.bind((HERE, 0))
        port: int = one.getsockname()[1]
    return port
