"""A program that carries an SRT flow on fd00::1 and says what becomes of receivers from fd00::2 and fd00::3."""

import asyncio
import ctypes
import json
import sys
from pathlib import Path

from reconciler.media.srt import SrtSocket
from reconciler.relay.media import EndId, FlowMedia, InputMedia, OutputMedia, SrtEnd
from reconciler.relay.programs.libsrt import Address, Libsrt, Option, SrtError, State, raw_address
from reconciler.relay.supervisor import Supervisor
from tests.media.ends import CALL_MS
from tests.media.watching import health_when, signal, until

HOST, SOURCE_PORT, PORT = "fd00::1", 24_001, 24_002
INPUT, OUT = EndId("input"), EndId("out")


class Caller:
    """A receiver whose address is chosen."""

    def __init__(self, srt: Libsrt, host: str) -> None:
        self.srt = srt
        self.socket = srt.socket()
        srt.set(self.socket, Option.RCVSYN, 0)
        srt.set(self.socket, Option.IPV6ONLY, 1)
        srt.set(self.socket, Option.CONNTIMEO, CALL_MS)
        raw = raw_address(Address(host, 0))
        srt.raw.srt_bind(self.socket, raw, len(raw))
        srt.connect(self.socket, Address(HOST, PORT))
        self.buffer = ctypes.create_string_buffer(1500)
        self.received = 0

    async def decided(self) -> bool:
        """Whether it got in and has received, or was refused."""
        while self.srt.recv(self.socket, self.buffer, 1500) > 0:
            self.received += 1
        return self.received > 100 or self.gone

    @property
    def gone(self) -> bool:
        """Whether there is no connection any more."""
        return self.srt.state(self.socket) > State.CONNECTED

    async def was_cut(self) -> bool:
        """Whether it was cut off."""
        await self.decided()
        return self.gone


def flow(*allowlist: str) -> FlowMedia:
    """Return the flow."""
    source, out = (
        SrtEnd(listens=True, host=HOST, port=port, latency_ms=120, peer_idle_timeout_ms=5000)
        for port in (SOURCE_PORT, PORT)
    )
    outputs = (OutputMedia(id=OUT, end=out, allowlist=allowlist),)
    return FlowMedia(id="six", input=InputMedia(id=INPUT, end=source), outputs=outputs)


async def main(state: Path) -> None:
    """Print what became of both."""
    supervisor, srt = Supervisor(state=state), Libsrt()
    await supervisor.carry(flow("fd00::2/128"))
    told: dict[str, str] = {}
    async with signal(SrtSocket(listens=False, host=HOST, port=SOURCE_PORT)):
        await health_when(supervisor, "six", lambda health: health[INPUT].bitrate_bps > 0)
        inside, outside = Caller(srt, "fd00::2"), Caller(srt, "fd00::3")
        await until(inside.decided)
        await until(outside.decided)
        told["fd00::3"] = "refused" if outside.gone and not outside.received else "received"
        received = inside.received > 100
        await supervisor.carry(flow("fd00::9/128"))
        await until(inside.was_cut)
        told["fd00::2"] = "received, then cut" if received else "refused"
    await supervisor.close()
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    try:
        asyncio.run(main(Path(sys.argv[1])))
    except SrtError as error:
        sys.exit(str(error))
