"""RTMP pushes: one ffmpeg and its wire for each destination, begun again and again while it is wanted."""

import asyncio
import contextlib
import hashlib
import json
import os
import secrets
import signal
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from reconciler.media.ffmpeg import (
    NOT_ONE_LINE,
    PLAY_LIST_FORM,
    PRESET_FORM,
    WIRED_WAIT_US,
    is_one_line,
    is_permanent,
    publish_preset,
    push_copy,
    rtmp_output,
    too_long,
    why,
    wired_preset,
)
from reconciler.media.processes import (
    Process,
    Streams,
    adopted,
    as_user,
    load,
    save,
    spawn,
    unnamed_file,
    write_private,
)
from reconciler.media.rates import Backoff, RateWindow
from reconciler.relay.engines.home import FlowHome
from reconciler.relay.engines.push_sources import PullSource, PushSource
from reconciler.relay.engines.wire import (
    NO_URL,
    FarEnd,
    Settings,
    near_listener,
    near_url,
    order_text,
    told,
    wire_command,
)
from reconciler.relay.media import EndHealth, EndState, RtmpDestination
from reconciler.relay.reach import Bounds

LOOK_S: Final = 0.5
"""Between two looks at how far a push is."""
STANDSTILL_S: Final = 20.0
"""A push whose counter does not move for so long is begun anew; ffmpeg alone may wait for ever."""
HELD_S: Final = 10.0
HOPELESS_PAUSE_S: Final = 60.0
"""Before the next try where the stream does not fit into RTMP: only another encoder setting helps."""
_FILE_LIMIT_BYTES: Final = 256 * 1024
_TAIL_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Work:
    """The folder that a push works in, and the name that its files there begin with."""

    home: FlowHome
    name: str

    def record(self, suffix: str) -> Path:
        """Return one of our own files."""
        return self.home.records / f"{self.name}.{suffix}"


class Push:
    """One destination; pushes while the flow's input has a session, anew for each session."""

    def __init__(
        self, destination: RtmpDestination, source: PushSource, work: Work, *, chunk_bytes: int | None = None
    ) -> None:
        self.destination: Final = destination
        self.source: Final = source
        self.chunk_bytes: Final = chunk_bytes
        self.bounds = Bounds()
        """What its next connection keeps to."""
        self._work = work
        self._session = ""
        self._task: asyncio.Task[None] | None = None
        self._rate = RateWindow()
        self._since_s = 0.0
        self._connections = 0
        self._last_error = ""
        self._progress = ""

    @property
    def last_error(self) -> str:
        """Why it does not push, in words."""
        return self._last_error

    @property
    def origin(self) -> str:
        """Where it pulls from, host and port; empty where it is from ourselves."""
        return urlsplit(self.source.url).netloc.rpartition("@")[2] if isinstance(self.source, PullSource) else ""

    @property
    def far(self) -> FarEnd:
        """The server of somebody else at one of its ends; the other end is ours."""
        return self.source.far or FarEnd(url=self.destination.url, chunk_bytes=self.chunk_bytes)

    @property
    def health(self) -> EndHealth:
        """How the push is doing."""
        if not self._since_s:
            return EndHealth(
                state=EndState.WAITING, reconnections=max(0, self._connections - 1), last_error=self._last_error
            )
        return EndHealth(
            state=EndState.CONNECTED,
            connected_ms=round(1000 * (asyncio.get_running_loop().time() - self._since_s)),
            bitrate_bps=self._rate.bitrate_bps,
            reconnections=max(0, self._connections - 1),
            peer=urlsplit(self.destination.url).netloc.rpartition("@")[2],
        )

    async def follow(self, session: str) -> None:
        """
        Push this session of the input; none where it is empty.

        A new session has timestamps of its own, which a running copy would spoil.
        """
        if session == self._session:
            return
        if self._task is None:
            left = await self._left_running(session)
        else:
            left = None
            await self.close()
        self._session = session
        if session:
            self._task = asyncio.create_task(self._again_and_again(left))

    async def _left_running(self, session: str) -> Process | None:
        """Return the ffmpeg that an earlier run of ours left, if it pushes just this; end it where it does not."""
        left = adopted(load(self._work.record("identity")), self._work.home.run)
        if left is None:
            return None
        try:
            noted = json.loads(self._work.record("pushed").read_text())
        except (OSError, ValueError):
            noted = {}
        if session and noted.get("digest") == self._digest(session):
            self._progress = left.identity.mark
            self._connections, self._since_s = noted["connections"], noted["since_s"]
            return left
        await left.end()
        self._work.record("identity").unlink(missing_ok=True)
        return None

    def _digest(self, session: str) -> str:
        """Return what tells one push from every other that may take its place, without telling it."""
        kept_to = [self.chunk_bytes, self.bounds.denied, self.bounds.authorities]
        told_apart = [self.destination.url, self.destination.stream_key.reveal(), self.source.told(), session, kept_to]
        return hashlib.sha256(json.dumps(told_apart).encode()).hexdigest()

    def _note(self) -> None:
        noted = {"digest": self._digest(self._session), "connections": self._connections, "since_s": self._since_s}
        write_private(self._work.record("pushed"), json.dumps(noted))

    async def close(self) -> None:
        """Stop pushing, and leave no process; where this is cut short, the next call waits for the same end."""
        if self._task is not None:
            # Only once: another time would cut short the ending of the process itself.
            if not self._task.cancelling():
                self._task.cancel()
            await asyncio.wait({self._task})
        self._task, self._session, self._since_s = None, "", 0.0

    async def _again_and_again(self, left: Process | None) -> None:
        backoff, loop = Backoff(), asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            self._last_error = await self._push(left)
            left = None
            if loop.time() - began_s > HELD_S:
                backoff.reset()
            await asyncio.sleep(HOPELESS_PAUSE_S if is_permanent(self._last_error) else backoff.pause_s())

    async def _push(self, left: Process | None) -> str:
        """Run ffmpeg, or go on with the one that was left, until it ends or stands still; return why in words."""
        if unfit := self._unfit():
            return unfit
        try:
            child = left or await self._start()
        except OSError:
            return "ffmpeg cannot be started"
        try:
            stood_still = await self._watch(child)
        finally:
            began, self._since_s = bool(self._since_s), 0.0
            self._rate.clear()
            await child.end()
            self._work.record("identity").unlink(missing_ok=True)
        if stood_still:
            return "the push stood still" if began else "the input is no stream that can be read"
        return self._why(began=began)

    def _unfit(self) -> str:
        """Return why this cannot even be tried; empty where it can."""
        if not is_one_line(self.destination.url, self.destination.stream_key.reveal(), self.source.told()):
            return NOT_ONE_LINE
        if not self.far.is_url:
            return NO_URL
        return too_long(self.destination.url, self.destination.stream_key.reveal())

    def _why(self, *, began: bool) -> str:
        log = _tail(self._work.record("log"))
        reason = told(log) or why(log, began=began)
        return reason.replace("the destination", "the origin") if self.source.far else reason

    async def _start(self) -> Process:
        self._work.record("log").unlink(missing_ok=True)
        if self._progress:
            (self._work.home.run / self._progress).unlink(missing_ok=True)
        # The name is in the command line, and no other process bears it: by it the wire is known for certain.
        self._progress = f"{self._work.name}.{secrets.token_hex(8)}.progress"
        with ExitStack() as lent:
            listener = lent.enter_context(near_listener())
            copy, kept, settings = self._copy(lent, near_url(listener))
            order = lent.enter_context(unnamed_file(order_text(self.far, self.bounds, settings)))
            command = wire_command(self._work.home, order, listener, copy)
            child = spawn(
                as_user(command, self._work.home.user),
                mark=self._progress,
                cwd=self._work.home.run,
                streams=Streams(log=self._work.record("log"), keep=(*kept, order, listener.fileno())),
            )
        try:
            save(child.identity, self._work.record("identity"))
            self._note()
        except OSError:
            # Nobody would ever find it again.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.identity.pid, signal.SIGKILL)
            await child.end()
            raise
        return child

    def _copy(self, lent: ExitStack, near: str) -> tuple[list[str], tuple[int, ...], Settings]:
        """Return the command of ffmpeg, which calls the wire; what it must keep; and where it reads of the far end."""
        url, key = self.destination.url, self.destination.stream_key.reveal()
        source, kept = self.source.arguments(lent, near)
        if self.source.far is None:
            preset = lent.enter_context(unnamed_file(wired_preset(url, key)))
            sink, settings = rtmp_output(near, preset, wait_us=WIRED_WAIT_US), Settings(preset, PRESET_FORM)
        else:
            preset = lent.enter_context(unnamed_file(publish_preset(url, key)))
            sink, settings = rtmp_output(url, preset), Settings(kept[0], PLAY_LIST_FORM)
        return push_copy(source, sink, progress=self._progress), (*kept, preset), settings

    async def _watch(self, child: Process) -> bool:
        """Follow ffmpeg's own counter until ffmpeg ends, or the counter stands still: return whether it did."""
        loop = asyncio.get_running_loop()
        moved_s, last = loop.time(), 0
        while child.running:
            sent = sent_bytes(self._work.home.run / self._progress)
            if sent > last:
                moved_s, last = loop.time(), sent
                self._rate.feed(moved_s, sent)
                self._connected(moved_s)
            elif loop.time() - moved_s > STANDSTILL_S:
                return True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await child.wait()
        return False

    def _connected(self, now_s: float) -> None:
        self._last_error = ""
        if not self._since_s:
            self._since_s = now_s
            self._connections += 1
            # It pushes: what cannot be noted is only missed by the next run of ours, which begins it anew.
            with contextlib.suppress(OSError):
                self._note()


def sent_bytes(progress: Path) -> int:
    """Return the last `total_size` that ffmpeg has told; 0 while it has told none."""
    sizes = [line for line in _tail(progress).splitlines() if line.startswith("total_size=")]
    value = sizes[-1].partition("=")[2].strip() if sizes else ""
    return int(value) if value.isdigit() else 0


def _tail(path: Path) -> str:
    """
    Return the end of a file that a process writes on and on.

    Past a limit its blocks are given back: ffmpeg goes on writing where it was, and leaves a hole before.
    """
    try:
        # Where an engine writes, a link would lead us elsewhere.
        with os.fdopen(os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC), "r+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            text = file.read()
            if os.fstat(file.fileno()).st_blocks * 512 > _FILE_LIMIT_BYTES:
                os.ftruncate(file.fileno(), 0)
    except OSError:
        return ""
    return text.decode(errors="replace")
