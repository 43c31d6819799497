"""A flow from an RTSP origin to players, and who is around it in tests."""

import asyncio
import struct
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from reconciler.domain.secrets import Secret
from reconciler.media.frames import FrameList
from reconciler.media.programs import FFMPEG, SYSTEM_PYTHON
from reconciler.relay.media import EndId, EndState, FlowMedia, InputMedia, OutputMedia, RtspPull, RtspServe
from reconciler.relay.programs.rtsp_packets import Line, Track
from reconciler.relay.programs.rtsp_serve import Output
from reconciler.relay.supervisor import Supervisor
from tests.media.watching import health_when, until

INPUT, KEPT, OTHER = EndId("input"), EndId("kept"), EndId("other")
PICTURE, SOUND = 96, 97
"""Payload types of a scripted origin."""
ORIGIN = Path(__file__).with_name("rtsp_origin.py")


@dataclass(frozen=True)
class Scene:
    """A flow with an output, on free ports, and what its origin plays."""

    origin: int
    kept: int
    other: int
    folder: Path

    def flow(
        self, *more: OutputMedia, path: str = "live", password: str = "", **kept: int | str | tuple[str, ...]
    ) -> FlowMedia:
        """Return the flow, with more outputs."""
        source = RtspPull(
            url=f"rtsp://127.0.0.1:{self.origin}/{path}",
            username="viewer" if password else "",
            password=Secret(password) if password else None,
        )
        return FlowMedia(
            id="rtsp",
            input=InputMedia(id=INPUT, end=source),
            outputs=(output(KEPT, self.kept, **kept), *more),
        )

    def url(self, port: int) -> str:
        """Return where an output is played."""
        return f"rtsp://127.0.0.1:{port}/play"


def output(name: EndId, port: int, **more: int | str | tuple[str, ...]) -> OutputMedia:
    """Return an output that players pull from a port of this machine."""
    allowlist, places = more.get("allowlist", ()), more.get("max_concurrent", 4)
    assert isinstance(allowlist, tuple)
    assert isinstance(places, int)
    end = RtspServe(host=str(more.get("host", "127.0.0.1")), port=port, path="play")
    return OutputMedia(id=name, end=end, allowlist=allowlist, max_concurrent=places)


def make_film(folder: Path, name: str, *encoder: str, tracks: int = 1, seconds: int = 60, size: str = "160x90") -> None:
    """Make a film with a key frame a second; its name tells the origin what is in it."""
    subprocess.run(
        [
            *(FFMPEG, "-nostdin", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=s={size}:r=25"),
            *("-f", "lavfi", "-i", "sine=440:r=48000", "-map", "0:v", *(("-map", "1:a") * tracks)),
            *("-t", str(seconds), "-pix_fmt", "yuv420p", *encoder, "-preset", "ultrafast", "-g", "25", "-bf", "0"),
            *("-c:a", "aac", "-f", "mpegts", str(folder / f"{name}.ts")),
        ],
        check=True,
        stderr=subprocess.DEVNULL,
    )


@asynccontextmanager
async def origin(scene: Scene, film: str = "h264", *, login: str = "") -> AsyncIterator[None]:
    """Let an origin play a film meanwhile; it is killed in the end."""
    process = await asyncio.create_subprocess_exec(
        *(SYSTEM_PYTHON, str(ORIGIN), str(scene.origin), str(scene.folder / f"{film}.ts")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{login}\n".encode())
        assert await process.stdout.readline() == b"serving\n"
        yield
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def scripted_origin(port: int, *, speaks: asyncio.Event) -> AsyncIterator[None]:
    """Let an origin send meanwhile what looks like a picture, and sound as well once it speaks."""
    kinds = {0: ("video", PICTURE, "H264", 90_000), 1: ("audio", SOUND, "L16", 48_000)}
    tracks = {
        number: Track(kind, f"m={kind} 0 RTP/AVP {payload}\r\na=rtpmap:{payload} {code}/{rate}\r\n", Line(rate))
        for number, (kind, payload, code, rate) in kinds.items()
    }
    spec = {"host": "127.0.0.1", "port": port, "path": "live", "allowlist": [], "max_concurrent": 4}
    server = Output(spec, lambda: tracks)

    async def send() -> None:
        sent = 0
        while True:
            sent += 1
            server.tick(time.monotonic())
            for number in tracks if speaks.is_set() else (0,):
                head = struct.pack("!BBHII", 0x80, kinds[number][1], sent, 3600 * sent, number)
                server.feed(number, head + bytes(100))
            await asyncio.sleep(0.04)

    sending = asyncio.create_task(send())
    try:
        yield
    finally:
        sending.cancel()
        await asyncio.wait({sending})
        server.close()


async def more_frames(*players: FrameList, count: int = 60) -> None:
    """Return once each of these players has got so many more frames."""
    wanted = [player.frames + count for player in players]

    async def enough() -> bool:
        return all(player.frames >= frames for player, frames in zip(players, wanted, strict=True))

    await until(enough)


async def connected(supervisor: Supervisor) -> None:
    """Return once the flow pulls from its origin."""
    await health_when(supervisor, "rtsp", lambda health: health[INPUT].state is EndState.CONNECTED)
