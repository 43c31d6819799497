"""All RTMP pushes of a flow, one for each destination."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.relay.engines.home import FlowHome
from reconciler.relay.engines.push import Push, Work
from reconciler.relay.engines.push_sources import PushSource
from reconciler.relay.engines.words import WAITING
from reconciler.relay.media import EndHealth, EndId, EndState, FlowMedia, RtmpPush
from reconciler.relay.reach import Bounds


@dataclass(slots=True)
class Pushes:
    """All pushes of one flow."""

    home: FlowHome
    _pushes: dict[tuple[EndId, int], Push] = field(default_factory=dict)

    async def converge(self, flow: FlowMedia, source: PushSource, bounds: Bounds) -> None:
        """Keep a push for each destination that is wanted; those that are the same are not touched."""
        wanted = {
            (output.id, number): (destination, output.end.chunk_size)
            for output in flow.outputs
            if isinstance(output.end, RtmpPush)
            for number, destination in enumerate(output.end.destinations)
        }
        for key, push in list(self._pushes.items()):
            if wanted.get(key) != (push.destination, push.chunk_bytes) or push.source != source:
                await push.close()
                del self._pushes[key]
        for key, (destination, chunk_bytes) in wanted.items():
            if key not in self._pushes:
                work = Work(self.home, f"push-{key[0]}-{key[1]}")
                self._pushes[key] = Push(destination, source, work, chunk_bytes=chunk_bytes)
            self._pushes[key].bounds = bounds

    async def follow(self, session: str) -> None:
        """Push this session of the input."""
        for push in list(self._pushes.values()):
            await push.follow(session)

    def health(self) -> Mapping[EndId, EndHealth]:
        """Return the health of each output that pushes."""
        ends = {end_id for end_id, _ in self._pushes}
        return {
            end_id: together([push.health for (other, _), push in sorted(self._pushes.items()) if other == end_id])
            for end_id in ends
        }

    async def close(self) -> None:
        """End all of them."""
        await asyncio.gather(*(push.close() for push in self._pushes.values()))
        self._pushes.clear()


def together(parts: Sequence[EndHealth]) -> EndHealth:
    """Return the health of an output with one or two destinations: connected where any is, with every complaint."""
    if len(parts) == 1:
        return parts[0]
    up = [part for part in parts if part.state is EndState.CONNECTED]
    complaints = [f"destination {number}: {part.last_error}" for number, part in enumerate(parts, 1) if part.last_error]
    return EndHealth(
        state=EndState.CONNECTED if up else WAITING.state,
        connected_ms=max((part.connected_ms for part in up), default=0),
        bitrate_bps=sum(part.bitrate_bps for part in up),
        reconnections=sum(part.reconnections for part in parts),
        last_error="; ".join(complaints),
        peer=", ".join(part.peer for part in up),
    )
