"""
Keeps the engines as the catalogue says, behind the API's back.

An action never waits for an engine, nor fails with one: it commits, says what should be carried now, and answers.
Each flow has its own queue, so a slow engine delays its own flow alone. What is superseded before it began is left
out, but a stop is always carried out: who stops and starts a flow wants its engines anew.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from reconciler.domain.errors import ReconcilerError
from reconciler.relay.carrying import as_media
from reconciler.relay.flows import Flow, FlowState
from reconciler.relay.media import EndHealth, EndId, FlowMedia, Media

log: Final = structlog.get_logger()

RETRY_S: Final = (1.0, 2.0, 5.0, 15.0)
"""Waits after failures in a row; the last one repeats. Engines retry their own troubles, so these are rare."""


class Carriage:
    """Tells the media of every change, in order, flow by flow."""

    def __init__(self, media: Media, *, retry_s: Sequence[float] = RETRY_S) -> None:
        self._media = media
        self._retry_s = retry_s
        self._queues: dict[str, list[FlowMedia | None]] = {}
        self._workers: dict[str, asyncio.Task[None]] = {}

    def update(self, flow: Flow) -> None:
        """Have this flow carried as it is now; one that does not run is not carried at all."""
        runs = flow.state is FlowState.RUNNING and flow.input is not None
        self._enqueue(flow.id, as_media(flow, flow.input) if runs and flow.input is not None else None)

    def drop(self, flow_id: str) -> None:
        """Have this flow not carried any more."""
        self._enqueue(flow_id, None)

    async def health(self, flow: Flow) -> Mapping[EndId, EndHealth]:
        """Return the health of each end; empty where nothing is known."""
        if flow.state is FlowState.IDLE:
            return {}
        return await self._media.health(flow.id)

    async def settled(self) -> None:
        """Return once everything said so far has been carried out, or failed once more."""
        while self._workers:
            await asyncio.wait(self._workers.values())

    async def close(self) -> None:
        """Stop telling, and end every engine."""
        workers = tuple(self._workers.values())
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        await self._media.close()

    def _enqueue(self, flow_id: str, wanted: FlowMedia | None) -> None:
        queue = self._queues.setdefault(flow_id, [])
        if queue and (queue[-1] is None) is (wanted is None):
            queue[-1] = wanted
        else:
            queue.append(wanted)
        if flow_id not in self._workers:
            self._workers[flow_id] = asyncio.create_task(self._work(flow_id), name=f"carry {flow_id}")

    async def _work(self, flow_id: str) -> None:
        queue = self._queues[flow_id]
        failures = 0
        try:
            while queue:
                wanted = queue.pop(0)
                if await self._tell(flow_id, wanted):
                    failures = 0
                    continue
                if not queue:
                    queue.append(wanted)
                await asyncio.sleep(self._retry_s[min(failures, len(self._retry_s) - 1)])
                failures += 1
        finally:
            del self._workers[flow_id], self._queues[flow_id]

    async def _tell(self, flow_id: str, wanted: FlowMedia | None) -> bool:
        """Tell the media once; return whether they took it."""
        try:
            if wanted is None:
                await self._media.drop(flow_id)
            else:
                await self._media.carry(wanted)
        except OSError as error:
            reason = error.strerror or type(error).__name__
        except ReconcilerError as error:
            reason = str(error)
        else:
            return True
        log.warning("relay.media_failed", flow_id=flow_id, reason=reason)
        return False
