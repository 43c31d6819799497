"""
The guard: what may be sent, of a plan as a whole and again right before each write.

It remembers, for as long as the process lives, what a decision needs besides what is there now: samples, what the
difference has used up, what was wanted before, who fights over what. Whoever restarts it begins on the safe side.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

from reconciler.domain.changes import Blocked, Call, Change, Plan
from reconciler.domain.errors import BackendError, HaltedError
from reconciler.domain.model import Key
from reconciler.domain.moves import moved_names
from reconciler.domain.order_words import halted
from reconciler.domain.orders import Orders
from reconciler.domain.policies import Policies
from reconciler.domain.safety.limits import Limits
from reconciler.domain.safety.releases import said_from_here
from reconciler.engine.guard.facts import Facts, Keeper, Permit
from reconciler.engine.guard.memory import Memory
from reconciler.engine.guard.ordered import held_by, without_ordered
from reconciler.engine.guard.permits import Permits
from reconciler.engine.steps import Latest
from reconciler.ports.orders import OrderBook


def demand_writable(orders: OrderBook) -> None:
    """
    Go on only where nobody has stopped all writes.

    Raises:
        HaltedError: somebody did.

    """
    if (halt := orders.read().halt) is not None:
        raise HaltedError(halted(halt))


class Guard:
    """Judges plans, permits writes, and learns from what became of them."""

    def __init__(self, keeper: Keeper) -> None:
        self.orders: Final = keeper.orders
        """What people order beside git."""
        self._limits = keeper.limits
        self._settling_s = keeper.limits.settling_s
        self._apply = keeper.apply
        self._memory = Memory(keeper)
        self._permits = Permits(keeper, self._memory)
        self._facts: Facts | None = None

    def judge(self, plan: Plan, facts: Facts) -> Plan:
        """Return what of a plan may be sent as far as can be said now; what is blocked bears the reason."""
        judged, self._facts = self._memory.judge(plan, facts)
        return self._said(without_ordered(judged, self._facts, self.ordered(facts.policies)))

    async def prepare(self, plan: Plan) -> None:
        """Take the first sample of every flow that a plan disturbs, so that the second one finds it."""
        await self._permits.prepare(plan, self._known())

    async def foresee(self, plan: Plan) -> Plan:
        """Return the plan with what one sample shows to be on air moved to `blocked`, and what windows hold back."""
        return self._said(await self._permits.foresee(plan, self._known()))

    async def in_windows(self, plan: Plan) -> Plan:
        """Return the plan with what windows would hold back of it if it were sent now."""
        return await self._permits.in_windows(plan, self._known())

    @contextlib.asynccontextmanager
    async def permit(self, change: Change) -> AsyncIterator[Permit]:
        """Lend the permission to send a change, asked for right before it is sent; held for as long as it is sent."""
        facts = self._known()
        if (ordered := held_by(change, facts, self.ordered(facts.policies))) is not None:
            yield Permit(held=ordered)
            return
        async with self._permits.permit(change, facts) as permit:
            held = permit.held
            yield permit if held is None else replace(permit, held=said_from_here(held, self._apply))

    def ordered(self, policies: Policies) -> Orders:
        """Return what is ordered at this moment, by the names that resources have now."""
        return self.orders.read().renamed(moved_names(policies.moves))

    def demand_writable(self) -> None:
        """
        Go on only where nobody has stopped all writes; asked right before every call, whatever was permitted.

        Raises:
            HaltedError: somebody did.

        """
        demand_writable(self.orders)

    def sent(self, call: Call, *, is_certain: bool = True) -> None:
        """Learn that a call was carried out, or may have been."""
        self._memory.sent(call, is_certain=is_certain)

    async def still(self, change: Change, call: Call) -> Blocked | None:
        """Return what holds back the next call of a change that was permitted and begun; None where nothing does."""
        held = await self._permits.still(change, call, self._known())
        return None if held is None else said_from_here(held, self._apply)

    def done(self, change: Change) -> None:
        """Learn that a change was made."""
        self._memory.done(change, self._known())

    def half_done(self, change: Change) -> None:
        """Learn that what replaces something was made beside it."""
        self._memory.half_done(change)

    def failed(self, change: Change, error: BackendError) -> None:
        """Learn that a change failed after it had stopped or deleted something, which is put back."""
        self._memory.failed(change, error, self._known())

    def is_drift(self, change: Change) -> bool:
        """Return whether a change puts right what somebody else did."""
        return self._memory.drifting.is_drift(change, self._known())

    def before(self, key: Key) -> Latest | None:
        """Return a resource as it was last in step; None where nobody remembers."""
        return self._memory.steps.before(key)

    def keep(self) -> None:
        """Write down what a restart must not forget."""
        self._memory.steps.keep()

    @property
    def settling_s(self) -> float:
        """Return how long what was created may be missing from a list."""
        return self._settling_s

    @property
    def limits(self) -> Limits:
        """Return the numbers that safety keeps."""
        return self._limits

    @property
    def has_judged(self) -> bool:
        """Return whether there are facts yet."""
        return self._facts is not None

    @property
    def facts(self) -> Facts:
        """Return what the plan that is being carried out was made of."""
        return self._known()

    def _said(self, plan: Plan) -> Plan:
        return replace(plan, blocked=tuple(said_from_here(item, self._apply) for item in plan.blocked))

    def _known(self) -> Facts:
        if self._facts is None:
            msg = "nothing was judged yet, and so nothing is permitted"
            raise RuntimeError(msg)
        return self._facts
