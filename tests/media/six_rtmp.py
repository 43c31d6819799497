"""A program that carries an RTMP flow on fd00::1 and says what becomes of publishers and players from elsewhere."""

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from reconciler.media.probe import Receiver, ReceptionState
from reconciler.relay.supervisor import Supervisor
from tests.media.forwarding import Forwarder, forwarding
from tests.media.rtmp_scene import INPUT, RtmpScene, player, pull, target
from tests.media.watching import SCENE_S, all_connected, health_when, signal

HOST = "fd00::1"
SCENE = RtmpScene(24_001)


async def main(state: Path) -> None:
    """Print what became of all of them."""
    supervisor = Supervisor(state=state)
    told: dict[str, str] = {}
    async with asyncio.timeout(SCENE_S), AsyncExitStack() as stack:
        stack.push_async_callback(supervisor.close)

        async def from_(source: str) -> Forwarder:
            return await stack.enter_async_context(forwarding(SCENE.port, source=source, to=HOST))

        async def plays(source: str) -> Receiver:
            return await stack.enter_async_context(player((await from_(source)).port))

        await supervisor.carry(SCENE.flow(pull("fd00::2/128", "fd00::4/128"), host=HOST, allowlist=("fd00::2/128",)))
        async with signal(target((await from_("fd00::3")).port)):
            found = await health_when(supervisor, SCENE.id, lambda health: bool(health[INPUT].last_error))
            told["publisher fd00::3"] = "refused" if "not in the allowlist" in found[INPUT].last_error else "else"
        await stack.enter_async_context(signal(target((await from_("fd00::2")).port)))
        await health_when(supervisor, SCENE.id, all_connected(INPUT))
        told["publisher fd00::2"] = "published"
        inside, outside, cut = [await plays(source) for source in ("fd00::2", "fd00::3", "fd00::4")]
        await asyncio.gather(inside.frames(26), cut.frames(26))
        refused = await outside.until(lambda reception: bool(reception.last_error))
        told["fd00::3"] = "refused" if not refused.frames else "played"
        await supervisor.carry(SCENE.flow(pull("fd00::2/128"), host=HOST, allowlist=("fd00::2/128",)))
        await cut.until(lambda reception: reception.state is ReceptionState.WAITING and bool(reception.last_error))
        told["fd00::4"] = "played, then cut"
        kept = await inside.frames(inside.reception.frames + 26)
        told["fd00::2"] = f"played on, {kept.discontinuities} discontinuities, {kept.connections} connection"
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
