"""What a backend carries right now, for whoever is about to end it."""

import asyncio

from reconciler.domain.errors import BackendError
from reconciler.domain.model import FlowState, FoundFlow, Region
from reconciler.domain.safety.limits import Limits
from reconciler.domain.safety.proof_words import at_once
from reconciler.engine.guard.sampling import Sampler
from reconciler.ports.backend import Backend
from reconciler.ports.clock import Clock


async def on_air_now(backend: Backend, clock: Clock) -> tuple[str, ...]:
    """
    Return a sentence for each running flow that is on air, or of which that is not known, in the order of names.

    It is one look: who is between two connections in that moment is not in it.

    Raises:
        BackendError: the regions could not be had.

    """
    limits = Limits()
    sampler = Sampler(backend, clock, limits)

    async def said_of(flow: FoundFlow) -> tuple[str, ...]:
        return at_once(flow, await sampler.take(flow), limits)

    async def said_in(region: Region) -> tuple[str, ...]:
        try:
            flows = await backend.observe(region)
        except BackendError as error:
            return (f"{region} cannot be asked what is on air: {error}",)
        running = (flow for flow in flows if flow.state is not FlowState.IDLE)
        said = await asyncio.gather(*map(said_of, sorted(running, key=lambda flow: flow.live_name)))
        return tuple(sentence for sentences in said for sentence in sentences)

    regions = await asyncio.gather(*map(said_in, await backend.regions()))
    return tuple(sentence for sentences in regions for sentence in sentences)
