"""A board that tests write."""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from reconciler.domain.conditions import Aspect, Condition, Reason, Standing, Transition, transition
from reconciler.domain.model import Key
from reconciler.ports.status import LaggedError, Phase, ResourceStatus, Vitals

EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
WELL: Final = Vitals(
    phase=Phase.RESTING,
    phase_s=1.5,
    source="manifests",
    backend="relay at http://127.0.0.1:8080",
    owner="local",
    observes=False,
    started_at=EPOCH,
    revision="one",
    seen="one",
    passed_at=EPOCH,
    pass_s=0.25,
    next_pass_s=3.5,
)
"""A loop that has just passed."""


def condition(
    aspect: Aspect = Aspect.READY,
    standing: Standing = Standing.TRUE,
    reason: Reason = Reason.IN_STEP,
    *,
    message: str = "",
) -> Condition:
    """Return a condition since the beginning of time."""
    return Condition(
        aspect=aspect, standing=standing, reason=reason, message=message, generation="0123456789ab", since=EPOCH
    )


def status(key: Key, *conditions: Condition, **fields: Any) -> ResourceStatus:
    """Return a resource; without conditions it is in step."""
    given = conditions or (condition(),)
    return ResourceStatus(
        key=key,
        generation="0123456789ab",
        revision="one",
        conditions={each.aspect: each for each in given},
        **fields,
    )


class FakeSubscription:
    """Implements `ports.status.Subscription`."""

    def __init__(self) -> None:
        self._news: deque[tuple[Transition, ...]] = deque()
        self._is_there = asyncio.Event()
        self._lagged = False

    async def next(self) -> tuple[Transition, ...]:
        """Return what changed next."""
        await self._is_there.wait()
        if self._lagged:
            raise LaggedError
        news = self._news.popleft()
        self._turn()
        return news

    def tell(self, news: tuple[Transition, ...]) -> None:
        """Have it return these, in their turn."""
        self._news.append(news)
        self._turn()

    def lose(self) -> None:
        """Have it say that something was left out, and nothing else ever again."""
        self._lagged = True
        self._turn()

    def _turn(self) -> None:
        if self._news or self._lagged:
            self._is_there.set()
        else:
            self._is_there.clear()


class FakeBoard:
    """Implements `ports.status.Board`; says what a test has put on it."""

    def __init__(self, *statuses: ResourceStatus, vitals: Vitals = WELL) -> None:
        self.now = vitals
        self.statuses: dict[Key, ResourceStatus] = {each.key: each for each in statuses}
        self.subscriptions: list[FakeSubscription] = []

    def vitals(self) -> Vitals:
        """Return how the loop is."""
        return self.now

    def resources(self) -> Mapping[Key, ResourceStatus]:
        """Return every resource."""
        return {key: self.statuses[key] for key in sorted(self.statuses, key=str)}

    @contextmanager
    def follow(self) -> Iterator[FakeSubscription]:
        """Lend what changes from now on."""
        subscription = FakeSubscription()
        self.subscriptions.append(subscription)
        try:
            yield subscription
        finally:
            self.subscriptions.remove(subscription)

    def say(self, **fields: Any) -> None:
        """Change the vitals."""
        self.now = replace(self.now, **fields)

    def turn(self, key: Key, *conditions: Condition) -> None:
        """Put other conditions on a resource, and tell whoever follows."""
        before = self.statuses.get(key)
        was = before.conditions if before is not None else {}
        self.statuses[key] = status(key, *conditions)
        news = tuple(
            found for each in conditions if (found := transition(str(key), was.get(each.aspect), each)) is not None
        )
        for subscription in self.subscriptions:
            subscription.tell(news)
