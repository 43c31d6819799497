"""Sending one call: written down before, within a deadline, and written down again when it is known what came of it."""

from typing import Final

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Call, Change, Create, Delete
from reconciler.domain.errors import BackendError, UnavailableError, WrongStateError
from reconciler.engine.deadline import within
from reconciler.engine.world import World
from reconciler.ports.journal import Intent, Note, Settled

CALL_TIMEOUT_S: Final = 180.0
"""How long one call may take, retries and waiting for a start or stop to show included."""


class Sender:
    """Sends calls, and keeps the journal of them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._clock = world.clock

    async def send(self, call: Call, change: Change) -> str:
        """
        Send a call that is a part of a change; return the backend's name of it.

        Raises:
            HaltedError: somebody stopped all writes; nothing was sent.
            BackendError: it was refused, or there was no usable answer.

        """
        facts, journal = self.world.guard.facts, self.world.journal
        intent = Intent(
            pass_id=facts.pass_id,
            revision=facts.revision,
            resource=str(call.key),
            action=str(call.action),
            change=change_id(change),
            live_name=_live_name(call),
        )
        self.world.guard.demand_writable()
        number, began_s = journal.intend(intent), self._clock.monotonic_s()
        try:
            with self.world.telemetry.span("call", resource=str(call.key), action=str(call.action)) as span:
                request_id = await self._answered(call)
                span.note(request_id=request_id)
        except BackendError as error:
            self._learn(call, error)
            is_unknown = isinstance(error, UnavailableError) and error.maybe_applied
            journal.settle(
                number,
                Settled.UNKNOWN if is_unknown else Settled.REFUSED,
                request_id=error.request_id,
                why=str(error),
                duration_s=self._clock.monotonic_s() - began_s,
            )
            raise
        self.world.guard.sent(call)
        duration_s = self._clock.monotonic_s() - began_s
        journal.settle(number, Settled.DONE, request_id=request_id, duration_s=duration_s)
        return request_id

    async def _answered(self, call: Call) -> str:
        try:
            applied = await within(CALL_TIMEOUT_S, self.world.backend.apply(call), clock=self._clock)
        except TimeoutError as error:
            raise UnavailableError(f"The backend gave {error}; it may have been done", maybe_applied=True) from error
        return applied.request_id

    def _learn(self, call: Call, error: BackendError) -> None:
        if isinstance(error, UnavailableError) and error.maybe_applied:
            self.world.guard.sent(call, is_certain=False)
        if isinstance(error, WrongStateError):
            rules = str(self.world.backend.capabilities.rules)
            facts = self.world.guard.facts
            note = Note(
                kind="fields.learnt",
                resource=str(call.key),
                why=str(error),
                pass_id=facts.pass_id,
                revision=facts.revision,
                fields={"rules": rules},
            )
            self.world.journal.note(note)


def _live_name(call: Call) -> str:
    """Return the live name of what a call makes or removes; "" for any other."""
    match call:
        case Create(wanted=wanted):
            return wanted.live_name
        case Delete(found=found):
            return found.live_name
        case _:
            return ""
