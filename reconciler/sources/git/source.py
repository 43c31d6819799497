"""A branch on a server as the source of manifests: asked in the background, read from what was accepted last."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

import structlog

from reconciler.domain.errors import EnvironmentFailedError, SourceUnreadableError
from reconciler.ports.clock import Clock
from reconciler.ports.source import ManifestFile, Revision, Snapshot
from reconciler.sources.git.follower import Follower, Look

log = structlog.get_logger()

Result = TypeVar("Result")

MOST_PAUSE_S: Final = 300.0
"""The most that is waited after failures, unless `poll_s` is more: an outage of hours is found over within minutes."""
LEAST_PAUSE_S: Final = 1.0
COLLECT_EVERY: Final = 20
"""Fetches after which the mirror is tidied: whoever has just pushed waits for a pass, and should not wait for that."""
FIRST_WAIT_S: Final = 2.0
"""So long the very first snapshot waits for the first fetch; a server that is slow or down holds nobody up longer."""
SPREAD: Final = 0.2
"""Of `poll_s`, by which a pause is shorter at most: many reconcilers must not ask all at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Polling:
    """When the server is asked."""

    poll_s: float = 30.0
    jitter: Callable[[], float]
    """Returns a random number, 0 <= number < 1."""

    def pause_s(self, failures: int) -> float:
        """Return the pause after so many failures in a row; full jitter after failures, a little without."""
        if not failures:
            return self.poll_s * (1 - SPREAD * self.jitter())
        # The bound keeps a year of failures from overflowing a float.
        most = min(max(MOST_PAUSE_S, self.poll_s), self.poll_s * 2.0 ** min(failures, 16))
        return max(LEAST_PAUSE_S, most * self.jitter())


class GitSource:
    """
    A branch on a server; implements `ports.source.Source`.

    While it is watched, a snapshot is what was accepted last and never waits for the server; `trouble` says why that is
    not the newest. Unwatched, every snapshot asks the server first.
    """

    is_whole: Final = True
    """A commit is whole."""

    def __init__(
        self,
        follower: Follower,
        read: Callable[[str], tuple[ManifestFile, ...]],
        *,
        name: str,
        clock: Clock,
        polling: Polling,
    ) -> None:
        """
        Prepare to follow a branch; nothing is asked yet.

        Args:
            follower: asks the server, and remembers.
            read: returns the manifests of a commit, in path order; raises `EnvironmentFailedError`.
            name: of the branch, for people.
            clock: the time.
            polling: when the server is asked.

        """
        self.name: Final = name
        """Where the manifests are, for people."""
        self._follower = follower
        self._manifests = read
        self._clock = clock
        self._polling = polling
        self._last = Look()
        self._since: datetime | None = None
        """When the trouble began, None where there is none."""
        self._failures = 0
        self._refused = ""
        """Why the newest commit did not count when that was last known, "" when it did."""
        self._read: tuple[str, tuple[ManifestFile, ...]] = ("", ())
        self._doubts = False
        """Whether the mirror could not be read."""
        self._woken_for = ""
        """The commit that could not be read when it was last seen to."""
        self._proven_at: datetime | None = None
        self._asked = asyncio.Event()
        self._looked = asyncio.Event()
        self._busy = asyncio.Lock()
        self._reading = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False

    @property
    def proven_at(self) -> datetime | None:
        """Return when the server last said what the branch has, in UTC; None where it has not yet."""
        return self._proven_at

    async def snapshot(self) -> Snapshot:
        """
        Return the last commit that counts; where it is not watched, after asking for a newer one.

        Raises:
            SourceUnreadableError: there has been none, or it cannot be read.

        """
        await self._looked_at()
        try:
            return await self._accepted()
        except EnvironmentFailedError as error:
            # The mirror may be broken: it is looked at as a whole, and fetched anew where it is.
            self._doubts = True
            if self._task is not None:
                self._wake_for(self._last.accepted)
                raise SourceUnreadableError(f"The mirror of {self.name} cannot be read: {error}") from error
        await self._look()
        try:
            return await self._accepted()
        except EnvironmentFailedError as error:
            raise SourceUnreadableError(f"The mirror of {self.name} cannot be read: {error}") from error

    def watch(self, hint: asyncio.Event) -> None:
        """Ask the server now and then; set the event when another commit counts, or the trouble is another."""
        if self._is_closed:
            # What was being asked when it was closed is asked again, at once.
            self._follower, self._is_closed = self._follower.again(), False
            self._looked.clear()
        elif self._task is not None:
            msg = "A source is watched once."
            raise RuntimeError(msg)
        self._task = asyncio.get_running_loop().create_task(self._follow(hint), name="git source")

    def wake(self) -> None:
        """Fetch what is new at once, or once more after what is being asked; from the loop's thread."""
        self._asked.set()

    def close(self) -> None:
        """Stop watching, and end what git is doing."""
        self._is_closed = True
        if self._task is not None:
            self._task.cancel()
        self._follower.cancel()

    async def _follow(self, hint: asyncio.Event) -> None:
        if self._looked.is_set():
            # Somebody has just asked for a snapshot.
            await self._clock.wait(self._asked, self._polling.pause_s(self._failures))
        # Of what is there at the beginning nobody knows.
        fetches = COLLECT_EVERY - 1
        while True:
            began_s = self._clock.monotonic_s()
            is_told = self._asked.is_set()
            self._asked.clear()
            before, was_broken = (self._last.accepted, self._trouble()), self._doubts
            await self._look(is_told=is_told)
            if was_broken or (self._last.accepted, self._trouble()) != before:
                hint.set()
            fetches += self._last.has_fetched
            if fetches >= COLLECT_EVERY:
                fetches = 0
                await self._waited_for(self._follower.collect)
            pause_s = self._polling.pause_s(self._failures)
            if not self._failures:
                # From one question to the next; but a server that takes its time is left alone for half of it.
                pause_s = max(pause_s / 2, pause_s - (self._clock.monotonic_s() - began_s))
            await self._clock.wait(self._asked, pause_s)

    async def _look(self, *, is_told: bool = False) -> None:
        async with self._busy:
            doubts, self._doubts = self._doubts, False
            look = await self._waited_for(partial(self._follower.look, doubts=doubts, is_told=is_told))
            self._take(look)

    def _take(self, look: Look) -> None:
        before, self._last = self._last, look
        if not look.unreachable:
            self._proven_at = self._clock.now()
        if not look.accepted and before.accepted:
            # The mirror is lost, and nothing newer counts: what was read is still the last that did.
            self._last = replace(look, accepted=before.accepted)
        if _kind(look) != _kind(before):
            self._since = self._clock.now() if look.trouble else None
        self._failures = self._failures + 1 if look.unreachable else 0
        self._tell(before, self._last)
        self._looked.set()

    def _tell(self, before: Look, look: Look) -> None:
        if look.unreachable and look.unreachable != before.unreachable:
            log.warning("source.fetch_failed", source=self.name, why=look.unreachable, accepted=look.accepted)
        if before.unreachable and not look.unreachable:
            log.info("source.recovered", source=self.name, tip=look.tip)
        if look.refused and look.refused != self._refused:
            log.warning("source.commit_refused", commit=look.tip, why=look.refused, accepted=look.accepted)
        if look.refused or not look.unreachable:
            # An outage in between is no reason to tell it again.
            self._refused = look.refused
        if look.left:
            log.warning("source.rewritten", source=self.name, before=look.left, after=look.accepted)
        if look.has_fetched:
            log.debug("source.fetched", source=self.name, commit=look.tip)

    def _trouble(self) -> str:
        if not self._last.trouble:
            return ""
        since = f" (since {self._since:%Y-%m-%dT%H:%M:%SZ})" if self._since is not None else ""
        what = "the newest commit is not known" if self._last.unreachable else "the newest commit does not count"
        return f"{what}{since}: {self._last.trouble}"

    async def _looked_at(self) -> None:
        """See that the server was asked: now where nobody else does, and otherwise at least once, if it answers."""
        if self._task is None:
            await self._look()
            if self._last.has_fetched:
                await self._waited_for(self._follower.collect)
        elif self._task.done() and not self._task.cancelled():
            # A bug ended it: going on would mean never to see a commit again.
            self._task.result()
        elif not self._last.accepted:
            await self._clock.wait(self._looked, FIRST_WAIT_S)

    async def _accepted(self) -> Snapshot:
        commit = self._last.accepted
        if not commit:
            why = self._trouble() or "it is being fetched for the first time"
            raise SourceUnreadableError(f"There is nothing yet of {self.name}: {why}.")
        async with self._reading:
            if self._read[0] != commit:
                self._read = (commit, await asyncio.to_thread(self._manifests, commit))
                self._woken_for = ""
            return Snapshot(revision=Revision(commit), files=self._read[1], trouble=self._trouble())

    def _wake_for(self, commit: str) -> None:
        """Have the mirror looked at, once a commit: what cannot be mended must not be tried without a pause."""
        if self._woken_for != commit:
            self._woken_for = commit
            self.wake()

    async def _waited_for(self, work: Callable[[], Result]) -> Result:
        """Return what a thread returns; whoever stops waiting ends what git does there."""
        with contextlib.ExitStack() as stack:
            stack.callback(self._follower.cancel)
            result = await asyncio.to_thread(work)
            stack.pop_all()
            return result


def _kind(look: Look) -> tuple[bool, str]:
    """Return what kind of trouble it is: the server, or one commit."""
    return bool(look.unreachable), look.tip if look.refused else ""
