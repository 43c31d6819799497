"""An account of which one call in a hundred fails, whose lists are late at times, and whose viewers come and go."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final

from reconciler.domain.changes import Call, Create, Edit
from reconciler.domain.errors import (
    BackendError,
    CredentialsRefusedError,
    GarbledError,
    QuotaExceededError,
    RejectedError,
    ThrottledError,
    UnavailableError,
)
from reconciler.domain.model import FoundFlow, Key, OutputKey, Region
from reconciler.ports.backend import Applied, EndStatus
from tests.fakes.backend import FakeBackend
from tests.histories.trees import REGIONS
from tests.histories.virtual import VirtualClock

SHARE: Final = 0.01
"""Of all calls that look, so many fail by chance; what fails because of an earlier fault comes on top."""
WRITE_SHARE: Final = 0.05
"""Of those that change something: there are a hundred times fewer, and more that can happen to them."""
LAG_S: Final = 25.0
"""How late a list may be; what was made is looked for until the settling time of 30 s is over."""
LATE_S: Final = 4.0
"""How much later than its answer a change may be made."""
_ANSWER_S: Final = 0.05
_WRITE_S: Final = 0.2
_SULK_S: Final = (60.0, 300.0)
"""How long a resource is refused, or a region cannot be read."""
_LOCKED_S: Final = (10.0, 60.0)
_STAYS_DARK: Final = 0.15
"""Of the far ends whose output is changed on air: they do not come back."""
_COMES: Final = 0.8
"""Of the receivers that are told of another address: they come to it."""
_COMES_S: Final = (3.0, 30.0)
_BPS: Final = (0, 60_000, 99_999, 100_001, 2_000_000, 5_000_000, 5_000_000, 5_000_000)

_OF_WRITES: Final = (
    "throttled",
    "refused connection",
    "lost request",
    "lost answer",
    "late commit",
    "garbled answer",
    "rejected for minutes",
    "account full",
    "locked out",
)
_OF_LISTS: Final = ("throttled", "refused connection", "region unreadable for minutes", "list is late", "locked out")
_OF_STATUSES: Final = ("throttled", "refused connection")


@dataclass(slots=True)
class Peer:
    """Who is at one end: whoever sends to an input, or receives from an output."""

    is_connected: bool = False
    bps: int = 0


@dataclass(slots=True)
class Faults:
    """What goes wrong, and until when."""

    dice: Random
    clock: VirtualClock
    is_fair: bool = False
    met: Counter[str] = field(default_factory=Counter)
    rejected: dict[Key, float] = field(default_factory=dict)
    """Until when each resource is refused."""
    unreadable: dict[Region, float] = field(default_factory=dict)
    late_until_s: float = 0.0
    """Until then lists show `shown`."""
    shown: dict[Region, tuple[FoundFlow, ...]] = field(default_factory=dict)
    locked_until_s: float = 0.0
    """Until then nobody is let in."""
    is_known: bool = False
    """Whether the process of now was let in before: one that never was ends, and tells its owner."""

    def drawn(self, kinds: tuple[str, ...], share: float = SHARE) -> str:
        """Return the fault of one call; "" for none."""
        if self.is_fair or self.dice.random() >= share:
            return ""
        kind = self.dice.choice(kinds)
        self.met[kind] += 1
        return kind

    def until_s(self, span_s: tuple[float, float]) -> float:
        """Return when something that begins now ends."""
        return self.clock.monotonic_s() + self.dice.uniform(*span_s)

    def meet(self) -> None:
        """Let somebody new in."""
        self.is_known, self.locked_until_s = False, 0.0

    def clear_up(self) -> None:
        """Have none from now on."""
        self.is_fair = True
        self.late_until_s = self.locked_until_s = 0.0
        for kept in (self.rejected, self.unreadable, self.shown):
            kept.clear()


class Account(FakeBackend):
    """Implements `ports.backend.Backend`: the contract of the one in memory, in bad weather."""

    def __init__(self, dice: Random, clock: VirtualClock) -> None:
        super().__init__(regions=REGIONS)
        self.faults = Faults(dice, clock)
        self.peers: dict[str, Peer] = {}
        """By the id of the end."""
        self.calls = 0
        """That came, of every kind."""
        self.failed = 0
        """Of these."""
        self.writes = 0
        """Calls that came and would change something."""
        self._dice = dice
        self._clock = clock

    async def observe(self, region: Region) -> tuple[FoundFlow, ...]:
        """Return all flows of a region, or those of a moment ago."""
        with self._counted():
            await self._clock.sleep(_ANSWER_S)
            fault, faults = self.faults.drawn(_OF_LISTS), self.faults
            if fault == "region unreadable for minutes":
                faults.unreadable[region] = faults.until_s(_SULK_S)
            elif fault == "list is late":
                faults.late_until_s = faults.until_s((1.0, LAG_S))
                faults.shown = {each: self._there(each) for each in REGIONS}
            else:
                self._fail(fault)
            if self._clock.monotonic_s() < faults.unreadable.get(region, 0.0):
                raise UnavailableError("the region is down", maybe_applied=False)
            is_late = self._clock.monotonic_s() < faults.late_until_s
            return faults.shown[region] if is_late else self._there(region)

    async def status(self, region: Region, flow_id: str) -> tuple[EndStatus, ...]:
        """Return what the ends of a flow carry at the moment of the answer."""
        with self._counted():
            await self._clock.sleep(_ANSWER_S)
            self._fail(self.faults.drawn(_OF_STATUSES))
            source = self.peers.get(input_of(flow_id), Peer())
            return tuple(self._said(end, source) for end in await super().status(region, flow_id))

    async def apply(self, call: Call) -> Applied:
        """Carry out a call, or fail before or after that, or do it when nobody waits for it any more."""
        self.writes += 1
        with self._counted():
            await self._clock.sleep(_WRITE_S)
            fault, faults = self.faults.drawn(_OF_WRITES, WRITE_SHARE), self.faults
            if fault == "late commit":
                self._do_later(call)
                raise UnavailableError("no answer came", maybe_applied=True)
            if fault == "rejected for minutes":
                faults.rejected[call.key] = faults.until_s(_SULK_S)
            if self._clock.monotonic_s() < faults.rejected.get(call.key, 0.0):
                raise RejectedError("the service does not like it", field="Name")
            self._fail(fault)
            self._do(call)
            if fault == "lost answer":
                raise UnavailableError("the answer was lost", maybe_applied=True)
            if fault == "garbled answer":
                raise GarbledError("the answer is no JSON", maybe_applied=True)
            return Applied(request_id=f"request-{next(self._numbers)}")

    def turn(self) -> None:
        """Let somebody come, go, or send more or less; whoever was at an end that is no more is forgotten."""
        ends = [input_of(id_) for id_ in self.flows]
        ends += [output.id for flow in self.flows.values() for output in flow.outputs]
        self.peers = {id_: peer for id_, peer in self.peers.items() if id_ in set(ends)}
        if ends:
            peer = self.peers.setdefault(self._dice.choice(ends), Peer())
            peer.is_connected = self._dice.random() < 0.6
            peer.bps = self._dice.choice(_BPS)

    def go_home(self) -> None:
        """Let nobody be connected any more."""
        self.peers.clear()

    def _there(self, region: Region) -> tuple[FoundFlow, ...]:
        return tuple(flow for flow in self.flows.values() if flow.region == region)

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        self.calls += 1
        try:
            yield
        except BackendError:
            self.failed += 1
            raise

    def _fail(self, fault: str) -> None:
        """Fail before anything is done, or let no call pass for a while."""
        if fault == "locked out" and self.faults.is_known:
            self.faults.locked_until_s = self.faults.until_s(_LOCKED_S)
        if self._clock.monotonic_s() < self.faults.locked_until_s:
            raise CredentialsRefusedError("the keys are not accepted")
        match fault:
            case "throttled":
                raise ThrottledError("too many calls")
            case "refused connection":
                raise UnavailableError("nobody answers", maybe_applied=False)
            case "lost request":
                raise UnavailableError("no answer came", maybe_applied=True)
            case "account full":
                raise QuotaExceededError("there is no room for one more")
            case _:
                pass

    def _do(self, call: Call) -> None:
        self._carry_out(call)
        match call:
            case Edit(key=OutputKey(), found=found) if self._dice.random() < _STAYS_DARK:
                self.peers.pop(found.id, None)
            case Create(key=OutputKey()) if call.is_twin and self._dice.random() < _COMES:
                self._later(self._dice.uniform(*_COMES_S), lambda: self._come(call))
            case _:
                pass

    def _do_later(self, call: Call) -> None:
        def do() -> None:
            with contextlib.suppress(BackendError):
                self._do(call)

        self._later(self._dice.uniform(0.1, LATE_S), do)

    def _later(self, seconds: float, do: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(seconds, do)

    def _come(self, call: Create) -> None:
        """Connect to what was made beside an old output."""
        with contextlib.suppress(BackendError):
            made = next(each for each in self._at(call.at).outputs if each.live_name == call.wanted.live_name)
            self.peers[made.id] = Peer(is_connected=True, bps=5_000_000)

    def _said(self, end: EndStatus, source: Peer) -> EndStatus:
        peer = self.peers.get(end.id)
        if peer is None or not peer.is_connected or end.state == "Idle":
            return end
        bps = peer.bps if end.is_input or source.is_connected else 0
        return EndStatus(
            id=end.id, is_input=end.is_input, state="Connected", bitrate_bps=bps, connected_ms=0, reconnections=0
        )


def input_of(flow_id: str) -> str:
    """Return the id of a flow's input."""
    return f"{flow_id}-input"
