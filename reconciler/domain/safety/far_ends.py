"""
Far ends: what of a change would send to where another output sends already.

One far end takes one stream. A change that makes something send to the far end of an output on air cuts what is no part
of it, and may be in another flow, in another region, or not ours.
"""

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import chain
from typing import Final

from reconciler.domain.changes import Call, Change, Create, Delete, Edit, Start, calls_of
from reconciler.domain.model import FlowState, FoundFlow, FoundOutput, Output
from reconciler.domain.safety.on_air import Disturbed
from reconciler.domain.targets import FarEnd, far_ends

Ends = AbstractSet[FarEnd]
FlowOf = Callable[[Call], FoundFlow | None]
"""Returns the flow that a call is in, as it is by now; None for one that is new."""

MOST_NAMED: Final = 3
"""Outputs that are named in one sentence; the rest is counted."""
_NOWHERE: Final[Ends] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """An output that sends to a far end."""

    flow: FoundFlow
    output: FoundOutput

    @property
    def disturbed(self) -> Disturbed:
        """Return what is disturbed by whatever comes to that far end: this output alone."""
        return Disturbed(outputs=frozenset({self.output.id}), whole=False)


Holders = Mapping[FarEnd, tuple[Holder, ...]]


def holders(flows: Iterable[FoundFlow]) -> Holders:
    """Return who sends where; whether a flow runs is no matter, for somebody may have started it since."""
    found: dict[FarEnd, tuple[Holder, ...]] = {}
    for flow in flows:
        for output in flow.outputs:
            for end in far_ends(output.spec):
                found[end] = (*found.get(end, ()), Holder(flow=flow, output=output))
    return found


def ends_after(*changes: Change) -> dict[str, Ends]:
    """Return where each output that changes edit or delete sends after them, by the ids of the outputs."""
    found: dict[str, Ends] = {}
    for call in chain.from_iterable(map(calls_of, changes)):
        if isinstance(call, Edit) and isinstance(call.wanted, Output):
            found[call.found.id] = far_ends(call.wanted.spec)
        elif isinstance(call, Delete) and isinstance(call.found, FoundOutput):
            found[call.found.id] = _NOWHERE
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """What a change makes something send to."""

    ends: Ends
    """Where nothing of the change sent before."""
    after: Mapping[str, Ends]
    """Where outputs send after it that do not send any more to where they were seen to, by their ids."""
    started: AbstractSet[str]
    """Ids of the flows that it starts."""

    def met(self, among: Holders) -> tuple[Holder, ...]:
        """Return whose far ends these are, and stay."""
        found = {
            holder.output.id: holder
            for end in self.ends
            for holder in among.get(end, ())
            if holder.flow.id not in self.started
            and (holder.output.id not in self.after or end in self.after[holder.output.id])
        }
        return tuple(found[id_] for id_ in sorted(found))


def coming(change: Change, flow_of: FlowOf, moved: Mapping[str, Ends], *, runs: bool) -> Coming:
    """
    Return what a change makes something send to.

    Args:
        change: to be made.
        flow_of: tells the flow that each of its calls is in.
        moved: where outputs send that were edited or deleted since they were read, by their ids.
        runs: whether the flow that it is about is to run: what is made in it sends, even if it stands still yet.

    """
    after = {**moved, **ends_after(change)}
    come, go, started = set[FarEnd](), set[FarEnd](), set[str]()
    for call in calls_of(change):
        flow = flow_of(call)
        is_running = flow is not None and flow.state is FlowState.RUNNING
        if isinstance(call, Start):
            begun = None if is_running else call.found or flow
            if begun is not None:
                started.add(begun.id)
                come.update(*(after.get(each.id, far_ends(each.spec)) for each in begun.outputs))
            continue
        before, then = _ends_of(call)
        if runs or is_running:
            come |= then - before
        if is_running:
            go |= before - then
    return Coming(ends=come - go, after=after, started=started)


def _ends_of(call: Call) -> tuple[Ends, Ends]:
    """Return where the output that a call is about sends before it, and after it."""
    found = call.found if isinstance(call, Edit | Delete) else None
    wanted = call.wanted if isinstance(call, Create | Edit) else None
    return (
        far_ends(found.spec) if isinstance(found, FoundOutput) else _NOWHERE,
        far_ends(wanted.spec) if isinstance(wanted, Output) else _NOWHERE,
    )


def in_words(met: Iterable[tuple[Holder, tuple[str, ...]]]) -> str:
    """Return whom a change would meet that may not be called off air, each with the reasons; "" without any reason."""
    told = [f"in {one.flow.live_name}, {'; '.join(why)}" for one, why in met if why]
    if not told:
        return ""
    more = f" and {len(told) - MOST_NAMED} more" if len(told) > MOST_NAMED else ""
    return (
        f"it would send to a far end that is taken: {'; '.join(told[:MOST_NAMED])}{more}. One far end takes one "
        "stream, so that one would be cut; this goes by itself once nothing on air sends there"
    )
