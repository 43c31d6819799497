"""Hints from the file system that manifests may have changed."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reconciler.sources.listing import IGNORE_FILE, SUFFIXES

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent
    from watchdog.observers.api import BaseObserver

_CHANGES: Final = frozenset({"created", "modified", "moved", "deleted", "closed"})
"""Kinds of events that may have changed a manifest; opening and reading one does not."""


class Watch:
    """
    Sets an event whenever something below the paths may have changed.

    Only a hint: events get lost on large trees and on network file systems, and a root that is replaced is watched
    no more. Whoever listens rescans on a timer, too.
    """

    def __init__(self, paths: Sequence[Path], hint: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
        # Only the loop watches; for every other verb the import would be a waste.
        from watchdog.observers import Observer  # noqa: PLC0415 -- see above.

        self._hint = hint
        self._loop = loop
        self._files = frozenset(os.path.abspath(path) for path in paths if not path.is_dir())  # noqa: PTH100 -- as events do.
        self.problem = ""
        """Why nothing is noticed, "" when all is well."""
        self._observer: BaseObserver = Observer()
        try:
            for directory, recursive in _directories(paths):
                self._observer.schedule(self, directory, recursive=recursive)  # type: ignore[arg-type]  # only `dispatch` is asked for.
            self._observer.start()
        except OSError as error:
            self.problem = f"changes are found on the timer only: {error.strerror or error}"

    def dispatch(self, event: "FileSystemEvent") -> None:
        """Take one event, in the observer's thread."""
        if event.event_type in _CHANGES and any(map(self._matters, (event.src_path, event.dest_path))):
            try:
                self._loop.call_soon_threadsafe(self._hint.set)
            except RuntimeError:
                # The loop has ended between the event and this line; nobody is left to be told.
                return

    def close(self) -> None:
        """Stop watching, and wait for the observer's thread."""
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join()

    def _matters(self, path: "bytes | str | Any") -> bool:
        """Return whether the path may be a manifest's, or a directory's that holds some."""
        text = os.fsdecode(path)
        if not text:
            return False
        if text in self._files:
            return True
        name = os.path.basename(text)  # noqa: PTH119 -- once an event, and a checkout makes thousands.
        if name == IGNORE_FILE:
            return True
        if "/.git/" in text or name.startswith("."):
            return False
        # A name without a suffix may be a directory that came or went with its manifests.
        return name.endswith(SUFFIXES) or "." not in name


def _directories(paths: Sequence[Path]) -> list[tuple[str, bool]]:
    """Return what to watch, and whether with all that is below it: a file is watched through its directory."""
    whole = {os.path.abspath(path) for path in paths if path.is_dir()}  # noqa: PTH100 -- links are kept as given.
    single = {os.path.dirname(os.path.abspath(path)) for path in paths if not path.is_dir()}  # noqa: PTH100, PTH120 -- same.
    return [(path, True) for path in sorted(whole)] + [(path, False) for path in sorted(single - whole)]
