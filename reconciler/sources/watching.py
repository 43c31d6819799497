"""The kernel's watches on directories, by way of watchdog; for as long as they last."""

import errno
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent

_LIMITS: Final = Path("/proc/sys/fs/inotify")


class Handler(Protocol):
    """Whoever is told of events, in a thread of the watches."""

    def dispatch(self, event: "FileSystemEvent") -> None:
        """Take one event."""
        ...


class Watches:
    """
    Watches on some directories, all of one inotify instance.

    They end without a word when what they are on goes away, and when one of their threads does: `are_alive` tells most
    of that, and only an event that arrives tells the rest.
    """

    def __init__(self, directories: Mapping[str, bool], handler: Handler, on_loss: Callable[[], None]) -> None:
        """
        Watch directories, the last one last.

        Args:
            directories: by path, and whether with all that is below.
            handler: who is told of what is created, written, moved and deleted; not of what is only read.
            on_loss: called where events were lost, in some thread.

        Raises:
            OSError: not all of it can be watched, such as for the limits of this machine; then nothing is.

        """
        # Only the loop watches; for every other verb the import would be a waste.
        from watchdog.observers import Observer  # noqa: PLC0415 -- see above.

        self._losses = _Losses(on_loss)
        self._observer = Observer()
        logging.getLogger(_Losses.OF).addHandler(self._losses)
        try:
            # One by one on an observer that runs: so whoever comes last learns of a limit that was met on the way.
            self._observer.start()
            for directory, recursive in directories.items():
                self._schedule(directory, handler, recursive=recursive)
        except OSError:
            self.close()
            raise

    @property
    def are_alive(self) -> bool:
        """Return whether every thread is at work, as far as can be told from outside."""
        return self._observer.is_alive() and all(emitter.is_alive() for emitter in self._observer.emitters)

    def close(self) -> None:
        """End them, and wait for their threads."""
        logging.getLogger(_Losses.OF).removeHandler(self._losses)
        # Also where it has not started: a thread of its instance has.
        self._observer.stop()
        if self._observer.is_alive():
            self._observer.join()

    def _schedule(self, directory: str, handler: Handler, *, recursive: bool) -> None:
        # watchdog takes the kernel's refusal for a success. What is only on the way may stay unseen.
        if recursive:
            os.close(os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        elif not os.access(directory, os.R_OK):
            return
        self._observer.schedule(handler, directory, recursive=recursive, event_filter=_kinds())  # type: ignore[arg-type]  # only `dispatch` is asked for.


class _Losses(logging.Handler):
    """Hears what watchdog tells nobody but its log: that the kernel's queue was full, and events are gone."""

    OF: Final = "watchdog"

    def __init__(self, on_loss: Callable[[], None]) -> None:
        super().__init__(level=logging.WARNING)
        self._on_loss = on_loss

    def emit(self, record: logging.LogRecord) -> None:
        """Take any warning for a loss: there are no others by which a watch goes on as it was."""
        del record
        self._on_loss()


def _kinds() -> "list[type[FileSystemEvent]]":
    """
    Return the kinds of events that are asked for.

    The same for every directory: the kernel keeps one mask for each, and the last one asked for holds.
    """
    from watchdog import events  # noqa: PLC0415 -- see above.

    return [
        events.FileCreatedEvent,
        events.FileModifiedEvent,
        events.FileClosedEvent,
        events.FileMovedEvent,
        events.FileDeletedEvent,
        events.FileAttribEvent,
        events.DirCreatedEvent,
        events.DirMovedEvent,
        events.DirDeletedEvent,
    ]


def reason(error: OSError) -> str:
    """Return why directories cannot be watched; of a limit of this machine, which one and how it is raised."""
    if error.errno == errno.ENOSPC:
        return f"the limit of watches is reached; {_raised('max_user_watches')}"
    if error.errno == errno.EMFILE:
        raised = f"{_raised('max_user_instances')}, or open files with `ulimit -n`"
        return f"the limit of inotify instances or of open files is reached; {raised}"
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or type(error).__name__}"


def _raised(limit: str) -> str:
    try:
        now = int((_LIMITS / limit).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return f"raise it with `sysctl fs.inotify.{limit}=N`"
    return f"raise it with `sysctl fs.inotify.{limit}={2 * now}` (it is {now})"
