"""A program that carries a flow of each family, says so, and is then killed."""

import asyncio
import sys
from pathlib import Path

from reconciler.domain.secrets import Secret
from reconciler.relay.media import EndId, FlowMedia, InputMedia, RtmpIngest, SrtEnd
from reconciler.relay.supervisor import Supervisor


async def main(state: Path, srt_port: int, rtmp_port: int) -> None:
    """Carry both flows until killed."""
    supervisor = Supervisor(state=state)
    srt = SrtEnd(listens=True, host="127.0.0.1", port=srt_port, latency_ms=120, peer_idle_timeout_ms=5000)
    rtmp = RtmpIngest(host="127.0.0.1", port=rtmp_port, app="live", stream_key=Secret("key"))
    await supervisor.carry(FlowMedia(id="srt", input=InputMedia(id=EndId("a"), end=srt), outputs=()))
    await supervisor.carry(FlowMedia(id="rtmp", input=InputMedia(id=EndId("b"), end=rtmp), outputs=()))
    sys.stdout.write("carried\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
