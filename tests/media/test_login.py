"""Servers that ask for a user name and a password, in front of one that does not."""

import asyncio
import base64
import hashlib
import re
import struct
from collections.abc import Callable
from urllib.parse import parse_qs

import pytest

from reconciler.domain.secrets import Secret
from reconciler.media.probe import Receiver, RtmpSource
from reconciler.media.signal import RtmpTarget
from reconciler.relay.giving import INGEST_APP
from reconciler.relay.media import (
    EndId,
    FlowMedia,
    InputMedia,
    OutputMedia,
    RtmpDestination,
    RtmpIngest,
    RtmpPush,
)
from reconciler.relay.supervisor import Supervisor
from tests.media.ends import running
from tests.media.fronts import serving
from tests.media.recorder import Heard
from tests.media.watching import (
    SCENE_S,
    all_connected,
    files_that_hold,
    health_when,
    processes_that_show,
    signal,
    until,
)

pytestmark = [pytest.mark.anyio, pytest.mark.media]

INPUT, OUT = EndId("input"), EndId("out")
INGEST, FAR = Secret("ingest"), Secret("far")
USER, PASSWORD = "camera-7", "canary-password"
APP = re.compile(rb"\x00\x03app\x02..([^\x00]*)", re.DOTALL)


def md5(*parts: str) -> bytes:
    """Return a digest."""
    return hashlib.md5("".join(parts).encode(), usedforsecurity=False).digest()


class AskingServer:
    """Asks whoever connects for a user name and a password, and passes on who knows them."""

    def __init__(self, scheme: str, behind: int) -> None:
        self.scheme = scheme
        self.behind = behind
        self.let_in = 0

    def objection(self, app: str) -> str:
        """Return what is said to who wants to connect to this; empty where it may."""
        said = {name: values[0] for name, values in parse_qs(app.partition("?")[2].replace("+", "%2B")).items()}
        if "user" not in said:
            return f"[ AccessManager.Reject ] : [ code=403 need auth; authmod={self.scheme} ] : "
        if "response" not in said:
            asked = "nonce=abc" if self.scheme == "llnw" else "salt=pepper&challenge=xyz&opaque=op=="
            return f"[ AccessManager.Reject ] : [ authmod={self.scheme} ] : ?reason=needauth&user={USER}&{asked}"
        if said["response"] == self.response(said):
            return ""
        return f"[ AccessManager.Reject ] : [ authmod={self.scheme} ] : ?reason=authfailed"

    def response(self, said: dict[str, str]) -> str:
        """Return what must be answered."""
        if self.scheme == "llnw":
            who, what = md5(f"{USER}:live:{PASSWORD}").hex(), md5("publish:/live/_definst_").hex()
            return md5(f"{who}:abc:{said['nc']}:{said['cnonce']}:auth:{what}").hex()
        secret = base64.b64encode(md5(USER, "pepper", PASSWORD)).decode()
        return base64.b64encode(md5(secret, "op==", said["challenge"])).decode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        heard, read = Heard(), await reader.readexactly(1537)
        writer.write(b"\x03" + bytes(1536) + read[1:])
        await heard.heed(read)
        while not heard.connect:
            read += (some := await reader.read(4096))
            if not some:
                return
            await heard.heed(some)
        found = APP.search(heard.connect)
        assert found is not None
        objection = self.objection(found[1].decode())
        if objection:
            writer.write(error_message(objection))
            await reader.read()
            return
        self.let_in += 1
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.behind)
        try:
            far_writer.write(read[:1537])
            await far_reader.readexactly(3073)
            far_writer.write(read[1537:])
            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
        finally:
            far_writer.transport.abort()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes."""
    while some := await reader.read(65_536):
        writer.write(some)
        await writer.drain()
    raise ConnectionResetError


def error_message(description: str) -> bytes:
    """Return the message that refuses a connection, in chunks of 128 bytes."""

    def short(text: str) -> bytes:
        return len(text).to_bytes(2) + text.encode()

    members = {"level": "error", "code": "NetConnection.Connect.Rejected", "description": description}
    body = b"\x02" + short("_error") + b"\x00" + struct.pack("!d", 1) + b"\x05\x03"
    body += b"".join(short(name) + b"\x02" + short(value) for name, value in members.items()) + b"\x00\x00\x09"
    header = bytes([3, 0, 0, 0]) + len(body).to_bytes(3) + bytes([20, 0, 0, 0, 0])
    return header + b"\xc3".join(body[at : at + 128] for at in range(0, len(body), 128))


@pytest.mark.parametrize("scheme", ["adobe", "llnw"])
async def test_who_knows_the_password_gets_in(
    supervisor: Supervisor, free_port: Callable[[], int], scheme: str
) -> None:
    """The relay answers as ffmpeg does, which the same server lets in; the password is shown to nobody."""
    port, front, behind = free_port(), free_port(), free_port()
    asking = AskingServer(scheme, behind)
    url = f"rtmp://{USER}:{PASSWORD}@127.0.0.1:{front}/live"
    ingest = RtmpIngest(host="127.0.0.1", port=port, app=INGEST_APP, stream_key=INGEST)
    push = OutputMedia(id=OUT, end=RtmpPush(destinations=(RtmpDestination(url=url, stream_key=FAR),)))
    flow = FlowMedia(id="flow", input=InputMedia(id=INPUT, end=ingest), outputs=(push,))
    picture = ("ffmpeg", "-v", "quiet", "-nostdin", "-re", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=25")

    far = RtmpSource(listens=True, url=f"rtmp://127.0.0.1:{behind}/live", stream_key=FAR)

    async def is_in() -> bool:
        return asking.let_in > 0

    async with asyncio.timeout(SCENE_S), serving(front, asking.serve), Receiver(far) as received:
        async with running((*picture, "-f", "flv", f"{url}/{FAR.reveal()}")):
            await until(is_in)
        let_in = asking.let_in
        await supervisor.carry(flow)
        async with signal(RtmpTarget(url=f"rtmp://127.0.0.1:{port}/{INGEST_APP}", stream_key=INGEST)):
            await received.frames(51)
            await health_when(supervisor, "flow", all_connected(INPUT, OUT))
            shown = processes_that_show(PASSWORD)
            held = files_that_hold(supervisor.state, PASSWORD)

    assert (let_in, asking.let_in) == (1, 2)
    assert shown + held == []


async def test_who_has_another_password_is_told(supervisor: Supervisor, free_port: Callable[[], int]) -> None:
    """The server does not let it in, and the output says what it wants."""
    port, front = free_port(), free_port()
    asking = AskingServer("adobe", free_port())
    url = f"rtmp://{USER}:another@127.0.0.1:{front}/live"
    ingest = RtmpIngest(host="127.0.0.1", port=port, app=INGEST_APP, stream_key=INGEST)
    push = OutputMedia(id=OUT, end=RtmpPush(destinations=(RtmpDestination(url=url, stream_key=FAR),)))
    flow = FlowMedia(id="flow", input=InputMedia(id=INPUT, end=ingest), outputs=(push,))

    await supervisor.carry(flow)
    async with (
        asyncio.timeout(SCENE_S),
        serving(front, asking.serve),
        signal(RtmpTarget(url=f"rtmp://127.0.0.1:{port}/{INGEST_APP}", stream_key=INGEST)),
    ):
        health = await health_when(supervisor, "flow", lambda health: bool(health[OUT].last_error))

    assert health[OUT].last_error == "the server asks for another user name and password"
    assert asking.let_in == 0
