"""Observe: what the backend has, all regions at once, none of them able to hide another."""

import asyncio
from typing import Final

from reconciler.domain.errors import BackendError, CredentialsRefusedError, UnavailableError
from reconciler.domain.model import Actual, FoundFlow, Region, Unreadable
from reconciler.engine.deadline import within
from reconciler.ports.backend import Backend
from reconciler.ports.clock import Clock

REGION_TIMEOUT_S: Final = 120.0
"""How long one region may take to list. A hundred pages at 15 calls a second and some retries fit."""


async def observe(backend: Backend, *, clock: Clock) -> Actual:
    """
    Return what the backend has; a region that cannot be read is there as `Unreadable`.

    Raises:
        CredentialsRefusedError: the account does not accept us.
        BackendError: the regions could not be listed, or not one of them could be read.

    """
    try:
        regions = await within(REGION_TIMEOUT_S, backend.regions(), clock=clock)
    except TimeoutError as error:
        raise UnavailableError(f"The regions could not be listed: {error}", maybe_applied=False) from error
    answers = await asyncio.gather(*(_observe(backend, region, clock=clock) for region in regions))
    failures = [answer for answer in answers if isinstance(answer, BackendError)]
    for failure in failures:
        if isinstance(failure, CredentialsRefusedError):
            raise failure
    if failures and len(failures) == len(regions):
        raise failures[0]
    return Actual(
        regions={
            region: Unreadable(why=str(answer)) if isinstance(answer, BackendError) else answer
            for region, answer in zip(regions, answers, strict=True)
        }
    )


async def _observe(backend: Backend, region: Region, *, clock: Clock) -> tuple[FoundFlow, ...] | BackendError:
    try:
        return await within(REGION_TIMEOUT_S, backend.observe(region), clock=clock)
    except TimeoutError as error:
        return UnavailableError(f"Region {region} could not be read: {error}", maybe_applied=False)
    except BackendError as error:
        return error
