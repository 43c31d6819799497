"""On air: what a change would disturb, and whether that is proven to carry nothing."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from reconciler.domain.changes import Call, Change, Create, Delete, Edit, Start, Stop, calls_of
from reconciler.domain.impact import Capabilities, Impact
from reconciler.domain.model import FlowState, FoundFlow, FoundOutput, ResourceKind
from reconciler.domain.safety.limits import Limits

LIKE: Final = 0.9
"""Share of the old output's bitrate that a new one must carry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What one sample says of one input or output."""

    is_input: bool
    is_connected: bool
    bitrate_bps: int
    is_idle: bool
    """Whether it says that its flow stands still."""

    def carries(self, limits: Limits) -> bool:
        """Return whether it is on air, by this sample alone."""
        return self.is_connected and self.bitrate_bps > limits.floor_bps


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a flow's ends said at one moment."""

    at_s: float
    """On the clock that never runs backwards."""
    ends: Mapping[str, End]
    """By the id of the input or output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbed:
    """What of a flow a change disturbs."""

    outputs: AbstractSet[str]
    """Ids of outputs."""
    whole: bool
    """Whether the input and every output are disturbed with them."""

    @property
    def is_nothing(self) -> bool:
        """Return whether viewers notice nothing."""
        return not (self.outputs or self.whole)


def disturbed_by(change: Change, *, if_it_runs: Capabilities | None = None) -> Disturbed:
    """
    Return what a change of a flow, or in it, disturbs; nothing where its impact is none.

    Args:
        change: to be made.
        if_it_runs: given, an edit that nobody notices because its flow stood still counts for what it would do to one
            that was started since.

    """
    ids: set[str] = set()
    whole = False
    for call in calls_of(change):
        if isinstance(call, Create | Start) or _is_harmless(call, if_it_runs):
            continue
        if isinstance(call, Edit | Delete) and isinstance(call.found, FoundOutput):
            ids.add(call.found.id)
        else:
            whole = True
    return Disturbed(outputs=frozenset(ids), whole=whole)


def touched_by(change: Change) -> Disturbed:
    """Return what a change is about, whether viewers would notice it or not: outputs, or the input and all of them."""
    ids = {
        call.found.id
        for call in calls_of(change)
        if isinstance(call, Edit | Delete) and isinstance(call.found, FoundOutput)
    }
    whole = any(ResourceKind.FLOW.holds(call.key) for call in calls_of(change) if not isinstance(call, Create | Start))
    return Disturbed(outputs=frozenset(ids), whole=whole)


def _is_harmless(call: Call, if_it_runs: Capabilities | None) -> bool:
    if not isinstance(call, Edit) or call.impact is not Impact.NONE:
        return False
    if if_it_runs is None or call.only_marks:
        return True
    kind = ResourceKind.FLOW if ResourceKind.FLOW.holds(call.key) else ResourceKind.OUTPUT
    return if_it_runs.impact(kind, call.differences, FlowState.RUNNING) is Impact.NONE


def on_air(
    disturbed: Disturbed, flow: FoundFlow, first: Sample | None, last: Sample | None, limits: Limits
) -> tuple[str, ...]:
    """
    Return the names of what is disturbed and on air, or not proven to be off air.

    Args:
        disturbed: what a change disturbs.
        flow: as it was observed.
        first: of its ends, a while ago; None where it could not be had.
        last: from right before the write; None where it could not be had.
        limits: the numbers.

    """
    names = names_of(disturbed, flow, last)
    if last is not None and flow.state is FlowState.IDLE and stands_still(last, names.keys()):
        return ()
    if first is None or last is None or last.at_s - first.at_s < limits.sample_gap_s:
        return tuple(names.values())
    return tuple(name for id_, name in names.items() if not _is_off(id_, (first, last), limits))


def stands_still(sample: Sample, ids: AbstractSet[str]) -> bool:
    """Return whether a sample tells of the input and of these ends, and of all of which it tells that they are idle."""
    knows_all = ids <= sample.ends.keys() and any(end.is_input for end in sample.ends.values())
    return knows_all and all(end.is_idle for end in sample.ends.values())


def carrying(disturbed: Disturbed, flow: FoundFlow, sample: Sample, limits: Limits) -> tuple[str, ...]:
    """Return the names of what is disturbed and carries something by this one sample."""
    names = names_of(disturbed, flow, sample)
    return tuple(name for id_, name in names.items() if (end := sample.ends.get(id_)) and end.carries(limits))


def delivers(id_: str, sample: Sample, limits: Limits, *, like: AbstractSet[str]) -> bool:
    """
    Return whether an output carries traffic as others do: connected, with nine tenths of the bitrate of each.

    What a sample does not tell of may carry anything, so by that sample nothing delivers like it.
    """
    if not sample.ends.keys() >= {id_, *like}:
        return False
    end = sample.ends[id_]
    return end.carries(limits) and all(end.bitrate_bps >= LIKE * sample.ends[other].bitrate_bps for other in like)


def made_since(change: Change, flow: FoundFlow, last: Sample) -> tuple[str, ...]:
    """Return the ids of the outputs of which a sample tells, and without which a change of their flow was planned."""
    planned = (call.found for call in calls_of(change) if isinstance(call, Edit | Delete | Stop))
    then = next((found for found in planned if isinstance(found, FoundFlow) and found.id == flow.id), flow)
    known = {output.id for output in then.outputs}
    return tuple(id_ for id_, end in last.ends.items() if not end.is_input and id_ not in known)


def _is_off(id_: str, samples: Iterable[Sample], limits: Limits) -> bool:
    """Return whether every sample knows the end and says that it carries nothing."""
    return all((end := sample.ends.get(id_)) is not None and not end.carries(limits) for sample in samples)


def names_of(disturbed: Disturbed, flow: FoundFlow, last: Sample | None) -> dict[str, str]:
    """Return what is disturbed by its id, in the words of people."""
    named = {output.id: f"output {output.live_name}" for output in flow.outputs}
    if not disturbed.whole:
        return {id_: named.get(id_, f"an output of {flow.live_name}") for id_ in sorted(disturbed.outputs)}
    ends = {} if last is None else last.ends
    inputs = [id_ for id_, end in ends.items() if end.is_input]
    # What was added since the flow was read is disturbed like the rest.
    added = [id_ for id_, end in ends.items() if not end.is_input and id_ not in named]
    # An input that no sample tells of is under the name of none, and so never proven to be off air.
    return {**dict.fromkeys(inputs or [""], "the input"), **named, **dict.fromkeys(added, "an output made since")}
