"""The notifier: hands what changed to every sink's own worker, and waits for none."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, Self

import structlog

from reconciler.notifying.outbox import Outbox
from reconciler.notifying.posting import Post
from reconciler.ports.notifier import Bulletin

STOP_S: Final = 10.0
"""For all sinks together to be told the last of it, when the process ends."""

log: Final = structlog.get_logger()


class Notifications:
    """Implements `ports.notifier.Notifier`; tells as long as it is entered. What is told meanwhile waits."""

    def __init__(self, posts: Sequence[Post[Any]], outbox: Outbox, *, stop_s: float = STOP_S) -> None:
        self._posts = tuple(posts)
        self._outbox = outbox
        self._stop_s = stop_s
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    def tell(self, bulletin: Bulletin) -> None:
        """Take note of what changed, to be sent when it can be; returns at once, and never fails."""
        for post in self._posts:
            post.tell(bulletin)

    async def __aenter__(self) -> Self:
        """Begin to tell, where an earlier process left off."""
        kept = self._outbox.load(post.sink.name for post in self._posts)
        for post in self._posts:
            post.restore(kept[post.sink.name])
        self._tasks = tuple(map(_started, self._posts))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Tell what is to be told now, at most for a bound; the rest is kept for the next process."""
        for post in self._posts:
            post.stop()
        if not self._tasks:
            return
        await asyncio.wait(self._tasks, timeout=self._stop_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _started(post: Post[Any]) -> asyncio.Task[None]:
    """Return a worker at work; a bug ends it alone, and is told by its kind, for its message may hold anything."""
    name = post.sink.name

    def ended(task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("notify.crashed", sink=name, kind=type(error).__name__)

    task = asyncio.create_task(post.run(), name=f"notify {name}")
    task.add_done_callback(ended)
    return task
