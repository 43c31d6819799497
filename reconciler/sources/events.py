"""Hints from the file system that manifests may have changed, and proof that they would come."""

import asyncio
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from reconciler.ports.clock import Clock
from reconciler.sources.places import places
from reconciler.sources.scanning import shown
from reconciler.sources.watching import Watches, reason

if TYPE_CHECKING:
    from datetime import datetime

    from watchdog.events import FileSystemEvent

log: Final = structlog.get_logger()

BEAT_S: Final = 30.0
"""Between two proofs that changes are noticed; a root that is swapped is mostly noticed at once, else by then."""
SEEN_WITHIN_S: Final = 10.0
"""A change made for a proof arrives within milliseconds, on a machine that is overloaded within seconds."""

_FILE: Final = "beat"
_TRIES: Final = 3
_TURNED: Final = "the path leads elsewhere now"
_CAME: Final = "there was nothing before"
_FREED: Final = "nothing was watched before"
_EXPECTED: Final = frozenset({_TURNED, _CAME, _FREED})
"""Reasons that say nothing against the watches that there were."""


class Watch:
    """
    Sets an event whenever something at or below the paths may have changed, and proves that it would.

    Only a hint: events get lost on large trees and on network file systems. Whoever listens rescans on a timer, too.
    Where a path leads is looked at whenever something on the way there changes, and at every beat; at a beat a file of
    our own is touched besides, which is watched by the same inotify instance as the manifests are. What has moved is
    watched anew where it is now, and a watch that does not see the file is replaced.
    """

    def __init__(self, paths: Sequence[Path], hint: asyncio.Event, *, proofs: Path, clock: Clock) -> None:
        """
        Watch from now on; to be made in a running event loop.

        Args:
            paths: directories and files, which need not be there yet.
            hint: what is set.
            proofs: a directory of ours alone, made where it is missing; never one of the manifests'.
            clock: when to prove.

        """
        self._paths = tuple(paths)
        self._hint = hint
        self._clock = clock
        self._proofs = Path(os.path.realpath(proofs))
        self._ours = f"{self._proofs}/"
        self.problem = ""
        """Why changes are found on the timer only, "" when all is well."""
        self.proven_at: datetime | None = None
        """When a change made for that was last noticed, in UTC."""
        self._stir = asyncio.Event()
        self._seen = asyncio.Event()
        self._lossy = False
        self._changing = threading.Lock()
        self._closed = False
        self._watches: Watches | None = None
        self._places = places(())
        self._loop = asyncio.get_running_loop()
        self._arm()
        self._tell_problem()
        self._task = self._loop.create_task(self._live())
        self._task.add_done_callback(self._ended)

    def dispatch(self, event: "FileSystemEvent") -> None:
        """Take one event, in a thread of the watches."""
        for path in filter(None, map(os.fsdecode, (event.src_path, event.dest_path))):
            if path.startswith(self._ours):
                self._set(self._seen)
            elif path in self._places.turns:
                self._set(self._stir, self._hint)
            elif self._places.holds(path):
                self._set(self._hint)

    def close(self) -> None:
        """Stop watching, and wait for the threads."""
        self._task.cancel()
        with self._changing:
            self._closed = True
            self._disarm()

    async def _live(self) -> None:
        """Prove, and mend what is broken, again and again."""
        while True:
            await self._prove()
            await self._clock.wait(self._stir, BEAT_S)
            self._stir.clear()
            why = await asyncio.to_thread(self._fault)
            if why:
                await self._renew(why)

    async def _prove(self) -> None:
        """Touch a file of ours, and see whether that is noticed."""
        if self._watches is None:
            return
        self._seen.clear()
        try:
            await asyncio.to_thread(_touch, self._proofs / _FILE)
        except OSError as error:
            # That says nothing against the watches: there is only nothing to prove them by.
            log.debug("watch.unproven", path=str(self._proofs), why=error.strerror or type(error).__name__)
            return
        if await self._clock.wait(self._seen, SEEN_WITHIN_S):
            self.proven_at = self._clock.now()
            return
        await self._renew(f"a change that was made to try it was not noticed within {SEEN_WITHIN_S:.0f} s")

    def _fault(self) -> str:
        """Return why the watches are not what they should be, "" when they are; what may block, so in a thread."""
        if self._watches is None:
            return _FREED
        if places(self._paths) != self._places:
            return _CAME if self._places.absent else _TURNED
        if not self._watches.are_alive:
            return "what was watched has gone, or a thread that watched it"
        return "events were lost" if self._lossy else ""

    async def _renew(self, why: str) -> None:
        """Watch anew; what changed meanwhile is looked for."""
        before = self.problem
        await asyncio.to_thread(self._arm)
        self._hint.set()
        if self.problem != before:
            self._tell_problem()
        if not self.problem and not self._places.absent:
            tell = log.info if why in _EXPECTED else log.warning
            tell("watch.rearmed", path=self._shown(), why=why)

    def _arm(self) -> None:
        """Put watches on what is there now, in place of those that there were."""
        with self._changing:
            if self._closed:
                return
            self._disarm()
            self._lossy = False
            try:
                self._place()
            except OSError as error:
                self._disarm()
                self.problem = f"changes are found on the timer only: {reason(error)}"
            else:
                self.problem = ""

    def _place(self) -> None:
        """Watch, and again where a path has come to lead elsewhere before the watches were on it."""
        self._proofs.mkdir(mode=0o700, parents=True, exist_ok=True)
        for _ in range(_TRIES):
            self._places = places(self._paths)
            # Ours comes last, for whoever comes last learns of a limit that was met on the way.
            directories = {**self._places.directories, str(self._proofs): False}
            self._watches = Watches(directories, self, self._lost)
            if places(self._paths) == self._places:
                return
            self._disarm()
        raise OSError(f"what is at {self._shown()} changes all the time")

    def _disarm(self) -> None:
        if self._watches is not None:
            self._watches.close()
            self._watches = None

    def _lost(self) -> None:
        """Remember that events were lost, so watches may have been, too; in a thread of the watches."""
        self._lossy = True
        self._set(self._hint)

    def _set(self, *events: asyncio.Event) -> None:
        try:
            for event in events:
                self._loop.call_soon_threadsafe(event.set)
        except RuntimeError:
            # The loop has ended between the event and this line; nobody is left to be told.
            return

    def _tell_problem(self) -> None:
        if self.problem:
            log.warning("watch.failed", path=self._shown(), why=self.problem)

    def _shown(self) -> str:
        return ", ".join(shown(str(path)) for path in self._paths)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """Say that nothing is proven any more, where a bug of ours ended it; rescans go on."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self.problem = "changes are found on the timer only: the watch has ended by a bug"
            log.error("watch.ended", kind=type(error).__name__)


def _touch(file: Path) -> None:
    """Change a file that is ours, also on a disk without room."""
    file.touch()
    os.utime(file)
