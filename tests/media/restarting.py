"""Flows that a control plane carries until it is killed, and the program that does."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from reconciler.domain.secrets import Secret
from reconciler.relay.giving import INGEST_APP, PLAY_APP
from reconciler.relay.media import (
    EndId,
    FlowMedia,
    InputMedia,
    OutputMedia,
    RtmpDestination,
    RtmpIngest,
    RtmpPlay,
    RtmpPush,
    SrtEnd,
)
from reconciler.relay.supervisor import Supervisor

INPUT, PULL, PUSH, OUT = (EndId(name) for name in ("input", "pull", "push", "out"))
INGEST, PLAY, PUSHED = Secret("ingest"), Secret("play"), Secret("pushed")


def listener(port: int) -> SrtEnd:
    """Return an SRT socket that waits to be called."""
    return SrtEnd(listens=True, host="127.0.0.1", port=port, latency_ms=120, peer_idle_timeout_ms=5000)


def srt_flow(first: int, second: int, flow_id: str = "srt") -> FlowMedia:
    """Return an SRT flow from one port to the other."""
    outputs = (OutputMedia(id=OUT, end=listener(second)),)
    return FlowMedia(id=flow_id, input=InputMedia(id=INPUT, end=listener(first)), outputs=outputs)


def rtmp_flow(port: int, far_port: int) -> FlowMedia:
    """Return an RTMP flow that is played and pushed on."""
    ingest = RtmpIngest(host="127.0.0.1", port=port, app=INGEST_APP, stream_key=INGEST)
    far = RtmpDestination(url=f"rtmp://127.0.0.1:{far_port}/live", stream_key=PUSHED)
    outputs = (
        OutputMedia(id=PULL, end=RtmpPlay(app=PLAY_APP, stream_key=PLAY)),
        OutputMedia(id=PUSH, end=RtmpPush(destinations=(far,))),
    )
    return FlowMedia(id="rtmp", input=InputMedia(id=INPUT, end=ingest), outputs=outputs)


FLOWS: Final[Mapping[str, Callable[[int, int], FlowMedia]]] = {
    "srt": srt_flow,
    "other": lambda first, second: srt_flow(first, second, "other"),
    "rtmp": rtmp_flow,
}


async def main(state: Path, *wanted: str) -> None:
    """Carry flows, each said as NAME:PORT:PORT, until killed."""
    supervisor = Supervisor(state=state)
    for name, first, second in (each.split(":") for each in wanted):
        await supervisor.carry(FLOWS[name](int(first), int(second)))
    sys.stdout.write("carried\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
