"""Every track that was published arrives, where the protocol carries all of them."""

import asyncio
import json
from collections.abc import Callable

import pytest

from reconciler.media.programs import FFPROBE
from reconciler.relay.media import (
    EndId,
    FlowMedia,
    InputMedia,
    OutputMedia,
    RtpDestination,
    RtpReceive,
    RtpSend,
    SrtEnd,
)
from reconciler.relay.supervisor import Supervisor
from tests.media.ends import PICTURE, QUIET, TONE, running
from tests.media.watching import SCENE_S, all_connected, health_when

pytestmark = [pytest.mark.anyio, pytest.mark.media]

INPUT, OUT = EndId("input"), EndId("out")
H265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=25")
AUDIO = ("-map", "1:a", "-map", "1:a", "-map", "1:a", "-c:a:0", "aac", "-c:a:1", "aac", "-c:a:2", "mp2")
LANGUAGES = ("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fra", "-metadata:s:a:2", "language=deu")
SEVERAL = (*QUIET, *PICTURE, *TONE, "-map", "0:v", *AUDIO, *LANGUAGES, *H265)
PUBLISHED = [("hevc", None), ("aac", "eng"), ("aac", "fra"), ("mp2", "deu")]


async def probed(url: str) -> list[tuple[str, str | None]]:
    """Return the codec and the language of each track that ffprobe finds at an address."""
    process = await asyncio.create_subprocess_exec(
        *(FFPROBE, "-v", "error", "-show_streams", "-of", "json", url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        told, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return [(each["codec_name"], each.get("tags", {}).get("language")) for each in json.loads(told)["streams"]]


async def test_srt_keeps_h265_and_every_audio_track(supervisor: Supervisor, free_port: Callable[[], int]) -> None:
    """H.265 and three audio tracks of two codecs, each with its language."""
    source, out = (
        SrtEnd(listens=True, host="127.0.0.1", port=free_port(), latency_ms=120, peer_idle_timeout_ms=5000)
        for _ in range(2)
    )
    outputs = (OutputMedia(id=OUT, end=out),)
    await supervisor.carry(FlowMedia(id="tracks", input=InputMedia(id=INPUT, end=source), outputs=outputs))
    async with (
        asyncio.timeout(SCENE_S),
        running((*SEVERAL, "-f", "mpegts", f"srt://127.0.0.1:{source.port}?mode=caller&pkt_size=1316")),
    ):
        await health_when(supervisor, "tracks", all_connected(INPUT))
        found = await probed(f"srt://127.0.0.1:{out.port}?mode=caller")

    assert found == PUBLISHED


async def test_rtp_keeps_whatever_is_in_its_packets(supervisor: Supervisor, free_port: Callable[[], int]) -> None:
    """A transport stream in RTP arrives with all of its tracks; ffprobe tells neither order nor language."""
    source, port = RtpReceive(host="127.0.0.1", port=free_port(), idle_timeout_ms=5000), free_port()
    send = RtpSend(destinations=(RtpDestination(host="127.0.0.1", port=port),))
    outputs = (OutputMedia(id=OUT, end=send),)
    await supervisor.carry(FlowMedia(id="tracks", input=InputMedia(id=INPUT, end=source), outputs=outputs))
    async with (
        asyncio.timeout(SCENE_S),
        running((*SEVERAL, "-f", "rtp_mpegts", f"rtp://127.0.0.1:{source.port}?pkt_size=1316")),
    ):
        await health_when(supervisor, "tracks", all_connected(INPUT))
        found = await probed(f"rtp://127.0.0.1:{port}")

    assert sorted(codec for codec, _ in found) == sorted(codec for codec, _ in PUBLISHED)
