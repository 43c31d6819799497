"""
What the relay knows of its flows, kept over restarts.

All of it is in memory, so that reading costs nothing, and every change is on the disk before a reader can see it.
One thread writes; the event loop never waits for the disk.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from reconciler.domain.errors import EnvironmentFailedError
from reconciler.relay.flows import Flow
from reconciler.relay.store import Store, UnknownFormError

FILE_NAME: Final = "catalogue.sqlite3"

_T = TypeVar("_T")


class CatalogueFailedError(Exception):
    """The disk did not take a change; nothing has changed."""


class Catalogue:
    """The flows of every region. Reads are immediate; a write returns once it is safe on the disk."""

    def __init__(self, store: Store, flows: dict[str, Flow], writer: ThreadPoolExecutor) -> None:
        self._store = store
        self._flows = flows
        self._writer = writer
        self._listed: dict[str | None, tuple[Flow, ...]] = {}
        """What was returned of each region since the last change: a list is asked for page by page."""

    @classmethod
    async def open(cls, directory: Path) -> "Catalogue":
        """
        Read the catalogue of an earlier run, or begin an empty one.

        Raises:
            EnvironmentFailedError: the file cannot be used.

        """
        path = directory / FILE_NAME
        writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="relay-catalogue")
        try:
            store, flows = await _in(writer, lambda: _read(path))
        except (sqlite3.Error, OSError, ValueError, UnknownFormError) as error:
            writer.shutdown()
            raise EnvironmentFailedError(
                f"The relay's catalogue {path} cannot be used: {error}. "
                f"Move it away to begin with an empty one, or give another directory with --state DIR."
            ) from error
        return cls(store, flows, writer)

    async def close(self) -> None:
        """Let go of the file."""
        await _in(self._writer, self._store.close)
        self._writer.shutdown()

    def flows(self, region: str | None = None) -> tuple[Flow, ...]:
        """Return the flows of a region, or all, in the order of their creation."""
        if region not in self._listed:
            flows = self._flows.values()
            self._listed[region] = tuple(flow for flow in flows if region in {None, flow.region})
        return self._listed[region]

    def flow(self, flow_id: str) -> Flow | None:
        """Return one flow."""
        return self._flows.get(flow_id)

    async def save(self, flow: Flow) -> None:
        """
        Keep the flow as it is now.

        Raises:
            CatalogueFailedError: it could not be written.

        """
        # Whoever waits may be cancelled; memory must then still follow the disk.
        await asyncio.shield(self._save(flow))

    async def remove(self, flow_id: str) -> None:
        """Forget a flow and its ends."""
        await asyncio.shield(self._remove(flow_id))

    async def move(self, host: str) -> int:
        """
        Have every flow listen on this host, with the ports that it has; return how many did not before.

        Raises:
            CatalogueFailedError: it could not be written; nothing has changed.

        """
        moved = {flow.id: replace(flow, host=host) for flow in self._flows.values() if flow.host != host}
        if moved:
            await self._write(lambda: self._store.move(host))
            self._flows.update(moved)
            self._listed = {}
        return len(moved)

    async def _save(self, flow: Flow) -> None:
        before = self._flows.get(flow.id)
        await self._write(lambda: self._store.write(before, flow))
        self._flows[flow.id] = flow
        self._listed = {}

    async def _remove(self, flow_id: str) -> None:
        await self._write(lambda: self._store.delete(flow_id))
        self._flows.pop(flow_id, None)
        self._listed = {}

    async def _write(self, work: Callable[[], None]) -> None:
        try:
            await _in(self._writer, work)
        except sqlite3.Error as error:
            raise CatalogueFailedError(str(error)) from error


def _read(path: Path) -> tuple[Store, dict[str, Flow]]:
    store = Store(path)
    try:
        return store, store.flows()
    except BaseException:
        store.close()
        raise


async def _in(writer: ThreadPoolExecutor, work: Callable[[], _T]) -> _T:
    return await asyncio.get_running_loop().run_in_executor(writer, work)
