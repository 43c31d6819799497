"""Guards with something taken out of them: each must be seen by the checker."""

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Blocked, Call, Change, Hold, Plan, Sequence
from reconciler.domain.errors import BackendError
from reconciler.domain.model import FoundFlow, Region
from reconciler.domain.policies import Approval
from reconciler.engine.guard import Guard
from reconciler.engine.guard.facts import Facts, Keeper, Permit
from reconciler.ports.backend import EndStatus
from tests.fakes.backend import FakeBackend
from tests.onair.story import MakeGuard


class PermitsEverything(Guard):
    """No guard at all."""

    @contextlib.asynccontextmanager
    async def permit(self, change: Change) -> AsyncIterator[Permit]:
        """Lend every permission."""
        yield _all_of(change)

    async def still(self, change: Change, call: Call) -> Blocked | None:
        """Hold nothing back."""
        del change, call
        return None


class AsksOnce(Guard):
    """One that asks before the first call of a change, and never again."""

    async def still(self, change: Change, call: Call) -> Blocked | None:
        """Hold nothing back."""
        del change, call
        return None


class EndsTheOldEarly(Guard):
    """One that does not wait for what replaces something."""

    @contextlib.asynccontextmanager
    async def permit(self, change: Change) -> AsyncIterator[Permit]:
        """Lend the permission to end the old one as soon as the new one is there."""
        async with super().permit(change) as permit:
            is_early = permit.held is not None and permit.held.hold is Hold.TWIN
            yield _all_of(change) if is_early else permit


class ForgetsTheLegs(Guard):
    """One that knows no redundancy groups."""

    def judge(self, plan: Plan, facts: Facts) -> Plan:
        """Judge by manifests in which nothing stands in for anything."""
        alone = tuple(
            replace(output, care=replace(output.care, redundancy_group="")) for output in facts.desired.outputs
        )
        return super().judge(plan, replace(facts, desired=replace(facts.desired, outputs=alone)))


class _Rewriting(Guard):
    """One that reads approvals otherwise than they are written."""

    def judge(self, plan: Plan, facts: Facts) -> Plan:
        """Judge with the approvals as they are read."""
        read = tuple(each for approval in facts.policies.approvals for each in self.read(approval, plan))
        return super().judge(plan, replace(facts, policies=replace(facts.policies, approvals=read)))

    def read(self, approval: Approval, plan: Plan) -> Iterable[Approval]:
        """Yield what an approval is taken for."""
        raise NotImplementedError


class IgnoresExpiry(_Rewriting):
    """One to whom an approval is for ever."""

    def read(self, approval: Approval, plan: Plan) -> Iterable[Approval]:
        """Yield it without its end."""
        del plan
        yield replace(approval, expires=datetime.max.replace(tzinfo=UTC) - timedelta(days=1))


class IgnoresTheId(_Rewriting):
    """One to whom an approval is of whatever is done to that resource."""

    def read(self, approval: Approval, plan: Plan) -> Iterable[Approval]:
        """Yield it for what is planned, whatever its id."""
        for change in _all_changes(plan):
            if (change.key, change.action) == (approval.resource, approval.action):
                yield replace(approval, change=change_id(change))


class IgnoresTheAction(_Rewriting):
    """One that reads the resource and the id alone."""

    def read(self, approval: Approval, plan: Plan) -> Iterable[Approval]:
        """Yield it for every action."""
        for change in _all_changes(plan):
            if (change.key, change_id(change)) == (approval.resource, approval.change):
                yield replace(approval, action=change.action)


class IgnoresTheResource(_Rewriting):
    """One that reads the id alone."""

    def read(self, approval: Approval, plan: Plan) -> Iterable[Approval]:
        """Yield it for whatever bears the id."""
        for change in _all_changes(plan):
            if change_id(change) == approval.change:
                yield replace(approval, resource=change.key, action=change.action)


class _Hopeful(FakeBackend):
    """A backend whose flows are off air where they cannot be read."""

    def __init__(self, real: FakeBackend) -> None:
        super().__init__()
        self._real = real
        self.flows = real.flows
        self.rules = real.rules

    async def status(self, region: Region, flow_id: str) -> tuple[EndStatus, ...]:
        """Return what the real one says, or that nobody is connected."""
        with contextlib.suppress(BackendError):
            return await self._real.status(region, flow_id)
        return await super().status(region, flow_id)

    async def observe(self, region: Region) -> tuple[FoundFlow, ...]:
        """Return what the real one lists."""
        return await self._real.observe(region)


def takes_unreadable_for_off(keeper: Keeper) -> Guard:
    """Return a guard that takes what it cannot read for off air."""
    assert isinstance(keeper.backend, FakeBackend)
    return Guard(replace(keeper, backend=_Hopeful(keeper.backend)))


def looks_once(keeper: Keeper) -> Guard:
    """Return a guard to whom one sample is a proof."""
    return Guard(replace(keeper, limits=replace(keeper.limits, sample_gap_s=0.0)))


def hears_no_trickle(keeper: Keeper) -> Guard:
    """Return a guard that takes a trickle for silence."""
    return Guard(replace(keeper, limits=replace(keeper.limits, floor_bps=1_000_000)))


def _all_changes(plan: Plan) -> Iterable[Change]:
    return (*plan.changes, *(held.change for held in plan.blocked if held.change is not None))


def _all_of(change: Change) -> Permit:
    if isinstance(change, Sequence):
        return Permit(calls=change.calls, undo=change.undo)
    return Permit(calls=(change,))


MUTANTS: Final[Mapping[str, MakeGuard]] = MappingProxyType(
    {
        "permits everything": PermitsEverything,
        "looks once": looks_once,
        "takes a trickle for silence": hears_no_trickle,
        "takes the unreadable for off air": takes_unreadable_for_off,
        "asks once a change": AsksOnce,
        "ignores the expiry": IgnoresExpiry,
        "ignores the id": IgnoresTheId,
        "ignores the action": IgnoresTheAction,
        "ignores the resource": IgnoresTheResource,
        "ends the old one early": EndsTheOldEarly,
        "forgets the redundant legs": ForgetsTheLegs,
    }
)
"""What is taken out, by what is wrong with the guard then."""
