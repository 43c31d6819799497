"""A program that carries an SRT flow on fd00::1 and says what becomes of publishers from fd00::2 and fd00::3."""

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from reconciler.relay.media import EndId, EndState, FlowMedia, InputMedia, SrtEnd
from reconciler.relay.supervisor import Supervisor
from tests.media.ends import publisher
from tests.media.watching import SCENE_S, all_connected, health_when

HOST, PORT = "fd00::1", 24_001
INPUT = EndId("input")


def flow(*allowlist: str) -> FlowMedia:
    """Return the flow."""
    end = SrtEnd(listens=True, host=HOST, port=PORT, latency_ms=120, peer_idle_timeout_ms=5000)
    return FlowMedia(id="six", input=InputMedia(id=INPUT, end=end, allowlist=allowlist), outputs=())


async def main(state: Path) -> None:
    """Print what became of both."""
    supervisor = Supervisor(state=state)
    told: dict[str, str] = {}
    async with asyncio.timeout(SCENE_S), AsyncExitStack() as stack:
        stack.push_async_callback(supervisor.close)
        await supervisor.carry(flow("fd00::2/128"))
        async with publisher(PORT, "adapter=fd00::3", host=f"[{HOST}]"):
            health = await health_when(supervisor, "six", lambda health: bool(health[INPUT].last_error))
        told["fd00::3"] = "refused" if "from fd00::3 was refused" in health[INPUT].last_error else "else"
        inside = await stack.enter_async_context(publisher(PORT, "adapter=fd00::2", host=f"[{HOST}]", again="no"))
        await health_when(supervisor, "six", all_connected(INPUT))
        await supervisor.carry(flow("fd00::9/128"))
        await inside.wait()
        await health_when(supervisor, "six", lambda health: health[INPUT].state is EndState.WAITING)
        told["fd00::2"] = "published, then cut"
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
