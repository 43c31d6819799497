"""A flow that stops tells its SRT peers, so that whoever comes next finds their place free."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from reconciler.media.srt import SrtSocket
from reconciler.relay.media import EndId, OutputMedia, SrtEnd
from reconciler.relay.supervisor import Supervisor
from tests.media import restarting
from tests.media.ends import receiver
from tests.media.watching import signal, until_true

pytestmark = [pytest.mark.anyio, pytest.mark.media]

PATIENT = "peeridletimeo=120000"
"""Of a receiver that believes for two minutes in who says nothing: longer than any test waits."""


async def test_who_is_called_and_who_calls_hear_that_a_flow_has_stopped(
    supervisor: Supervisor, free_port: Callable[[], int]
) -> None:
    """Both receivers know at once that the connection is over, however long they would believe in a silent peer."""
    source, listening, called = free_port(), free_port(), free_port()
    caller = SrtEnd(listens=False, host="127.0.0.1", port=called, latency_ms=120, peer_idle_timeout_ms=5000)
    flow = restarting.srt_flow(source, listening)
    flow = replace(flow, outputs=(*flow.outputs, OutputMedia(id=EndId("caller"), end=caller)))
    async with (
        signal(SrtSocket(listens=False, host="127.0.0.1", port=source)),
        receiver(called, PATIENT, mode="listener") as one,
    ):
        await supervisor.carry(flow)
        async with receiver(listening, PATIENT) as other:
            await until_true(lambda: min(one.bytes, other.bytes) > 100_000)

            await supervisor.drop(flow.id)

            await until_true(lambda: one.ended and other.ended)
