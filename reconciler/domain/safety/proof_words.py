"""What keeps a change from being sent, in words: what is on air, or what is missing for the proof that it is not."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from reconciler.domain.model import FoundFlow
from reconciler.domain.safety.limits import Limits
from reconciler.domain.safety.on_air import Disturbed, End, Sample, names_of

MOST_NAMED: Final = 6
"""Ends that are named in one sentence; of a large flow the rest is counted."""
_MEGA: Final = 1_000_000


def carried(disturbed: Disturbed, flow: FoundFlow, sample: Sample, limits: Limits) -> tuple[str, ...]:
    """Return a sentence about what is disturbed and on air by this one sample; none where nothing is."""
    names = names_of(disturbed, flow, sample).items()
    on_air = [(name, end) for id_, name in names if (end := sample.ends.get(id_)) and end.carries(limits)]
    return (_carry(on_air, "is", "are"),) if on_air else ()


def at_once(flow: FoundFlow, last: Sample | None, limits: Limits) -> tuple[str, ...]:
    """Return what one look alone says of a flow: what of it is on air, and what nobody can tell; None is no look."""
    whole = Disturbed(outputs=frozenset(), whole=True)
    if last is None:
        return unproven(whole, flow, None, None, limits)
    found = _Found()
    for id_, name in names_of(whole, flow, last).items():
        end = last.ends.get(id_)
        found.sort(name, end, end, limits)
    return tuple(f"in {flow.live_name}, {sentence}" for sentence in found.sentences(limits))


def unproven(
    disturbed: Disturbed, flow: FoundFlow, first: Sample | None, last: Sample | None, limits: Limits
) -> tuple[str, ...]:
    """
    Return a sentence for each reason why what is disturbed may not be called off air; what is on air comes first.

    Args:
        disturbed: what a change disturbs; each end of it counts by itself.
        flow: as it was observed.
        first: of its ends, a while ago; None where it could not be had.
        last: from now; None where it could not be had.
        limits: the numbers.

    """
    names = names_of(disturbed, flow, last)
    if last is None:
        return (f"{flow.live_name} cannot be asked whether {_listed(names.values(), 'or')} is on air",)
    found = _Found()
    earlier: Mapping[str, End] = {} if first is None or _is_close(first, last, limits) else first.ends
    for id_, name in names.items():
        found.sort(name, earlier.get(id_), last.ends.get(id_), limits)
    return tuple(found.sentences(limits))


def _is_close(first: Sample, last: Sample, limits: Limits) -> bool:
    return last.at_s - first.at_s < limits.sample_gap_s


@dataclass(slots=True)
class _Found:
    """Names of ends, by what may be said of them."""

    on_air: list[tuple[str, End]] = field(default_factory=list)
    before: list[tuple[str, End]] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    once: list[str] = field(default_factory=list)

    def sort(self, name: str, then: End | None, now: End | None, limits: Limits) -> None:
        if now is None:
            self.unseen.append(name)
        elif now.carries(limits):
            self.on_air.append((name, now))
        elif then is None:
            self.once.append(name)
        elif then.carries(limits):
            self.before.append((name, then))

    def sentences(self, limits: Limits) -> Iterator[str]:
        if self.on_air:
            yield _carry(self.on_air, "is", "are")
        if self.before:
            yield f"{_carry(self.before, 'was', 'were')} a few seconds ago"
        if self.unseen:
            yield f"the status does not say whether {_listed(self.unseen, 'or')} is on air"
        if self.once:
            are = "is" if len(self.once) == 1 else "are"
            looks = f"which takes two looks {limits.sample_gap_s:g} s apart"
            yield f"{_listed(self.once)} {are} not proven to be off air, {looks}"


def _carry(ends: list[tuple[str, End]], one: str, several: str) -> str:
    if len(ends) == 1:
        return f"{ends[0][0]} {one} on air ({figures(ends[0][1])})"
    return f"{_listed([f'{name} ({figures(end)})' for name, end in ends])} {several} on air"


def figures(end: End) -> str:
    """Return what makes an end one that is on air, in a few characters."""
    return f"Connected, {end.bitrate_bps / _MEGA:.1f} Mb/s"


def carriage(end: End | None) -> str:
    """Return what one look says of an end, on air or not, in a few characters."""
    if end is None:
        return "its status cannot be read"
    return figures(end) if end.is_connected else "nobody connected"


def _listed(names: Iterable[str], link: str = "and") -> str:
    listed = list(names)
    if len(listed) > MOST_NAMED:
        return f"{', '.join(listed[:MOST_NAMED])} and {len(listed) - MOST_NAMED} more"
    return f" {link} ".join(filter(None, (", ".join(listed[:-1]), listed[-1])))
