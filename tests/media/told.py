"""A program that carries an SRT and an RTMP flow, says how they are doing once one of them complains, and ends."""

import asyncio
import json
import sys
from pathlib import Path

from reconciler.domain.secrets import Secret
from reconciler.relay.media import EndId, FlowMedia, InputMedia, RtmpIngest, SrtEnd
from reconciler.relay.supervisor import Supervisor
from tests.media.watching import until


async def main(state: Path, srt_port: int, rtmp_port: int) -> None:
    """Print the last errors of both inputs by name."""
    supervisor = Supervisor(state=state)
    srt = SrtEnd(listens=True, host="127.0.0.1", port=srt_port, latency_ms=120, peer_idle_timeout_ms=5000)
    rtmp = RtmpIngest(host="127.0.0.1", port=rtmp_port, app="live", stream_key=Secret("key"))
    ends: dict[str, SrtEnd | RtmpIngest] = {"srt": srt, "rtmp": rtmp}
    told: dict[str, str] = {}
    for name, end in ends.items():
        await supervisor.carry(FlowMedia(id=name, input=InputMedia(id=EndId(name), end=end), outputs=()))

    async def complained() -> bool:
        for name in ends:
            told[name] = (await supervisor.health(name))[EndId(name)].last_error
        return any(told.values())

    await until(complained)
    await supervisor.close()
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
