"""How the tests with real engines look at processes and wait for what they expect."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from reconciler.media.signal import SignalTarget, publish
from reconciler.relay.media import EndHealth, EndId, EndState
from reconciler.relay.supervisor import Supervisor

PATIENCE_S = 75.0
"""More than three times as long as an engine may leave a question unanswered until it is started anew."""

SCENE_S = PATIENCE_S + 15.0
"""Longest that a whole scene may take: more than the wait for any one thing in it, which says what it waited for."""


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Return once `holds` says yes; fail after a while."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.05)


async def until_true(holds: Callable[[], bool]) -> None:
    """Return once `holds` says yes; fail after a while."""

    async def ask() -> bool:
        return holds()

    await until(ask)


async def health_when(
    supervisor: Supervisor, flow_id: str, holds: Callable[[Mapping[EndId, EndHealth]], bool]
) -> Mapping[EndId, EndHealth]:
    """Return the health of a flow once `holds` says yes to it."""
    found: Mapping[EndId, EndHealth] = {}

    async def look() -> bool:
        nonlocal found
        found = await supervisor.health(flow_id)
        return holds(found)

    await until(look)
    return found


def all_connected(*ends: EndId) -> Callable[[Mapping[EndId, EndHealth]], bool]:
    """Return what asks whether all these ends are connected and carry media."""

    def ask(health: Mapping[EndId, EndHealth]) -> bool:
        return all(health[end].state is EndState.CONNECTED and health[end].bitrate_bps > 100_000 for end in ends)

    return ask


@asynccontextmanager
async def signal(target: SignalTarget) -> AsyncIterator[None]:
    """Publish the test signal meanwhile."""
    stop = asyncio.Event()
    task = asyncio.create_task(publish(target, stop=stop))
    try:
        yield
    finally:
        stop.set()
        await task


def processes_that_show(*texts: str) -> list[str]:
    """Return the command lines and environments of all processes that hold one of these texts."""
    shown = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        for name in ("cmdline", "environ"):
            try:
                told = (folder / name).read_bytes()
            except OSError:
                continue
            shown += [f"{folder.name}/{name}: {text}" for text in texts if text.encode() in told]
    return shown


def files_that_hold(folder: Path, *texts: str) -> list[str]:
    """Return the regular files below a folder that hold one of these texts."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [f"{path.name}: {text}" for path in files for text in texts if text.encode() in path.read_bytes()]
