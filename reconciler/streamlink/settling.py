"""What to do when it is not known whether a call was carried out: look, a few times, and never send again."""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from reconciler.domain.errors import BackendError, UnavailableError
from reconciler.ports.clock import Clock

_PAUSES_S: Final = (0.0, 0.5, 1.5)
"""Before each look: what was cut off may still be carried out a moment later."""

_log = structlog.get_logger("reconciler.streamlink")


async def settle(error: UnavailableError, *, action: str, is_done: Callable[[], Awaitable[bool]], clock: Clock) -> None:
    """
    Return when the call turns out to have been carried out.

    Args:
        error: how the call ended.
        action: the API's name of the call.
        is_done: looks whether the call's effect is there.
        clock: the time.

    Raises:
        UnavailableError: the same error, when the effect is not there, or cannot be looked for.

    """
    if not error.maybe_applied:
        raise error
    for pause_s in _PAUSES_S:
        await clock.sleep(pause_s)
        try:
            done = await is_done()
        except BackendError:
            break
        if done:
            _log.warning("streamlink.outcome_settled", action=action, carried_out=True)
            return
    _log.warning("streamlink.outcome_settled", action=action, carried_out=False)
    raise error
