"""How an output or a flow is made anew: beside the old one where that can be, so that nobody loses the picture."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final

from reconciler.domain.changes import Action, Call, Create, Delete, FlowAt, Sequence, Start, Stop, Twin
from reconciler.domain.impact import Impact
from reconciler.domain.matching import is_twin
from reconciler.domain.model import FlowState, FoundFlow, FoundOutput, Output, OutputSpec
from reconciler.domain.plan_parts import felt, fixed_of
from reconciler.domain.properties import PropertyChange
from reconciler.domain.secret_places import by_path, in_output
from reconciler.domain.secrets import Hidden
from reconciler.domain.targets import may_coexist

_MOST_CHARACTERS: Final = 32
"""Of a live name. Source: StreamLink API, InputName; nothing is documented of outputs and flows, so it is kept."""
_SUFFIX: Final = "_t"

_Calls = tuple[Call, ...]


def temporary(live_name: str, taken: Iterable[str]) -> str:
    """Return the live name of a twin: short enough, and borne by nobody else there."""
    others = set(taken)
    suffixes = (_SUFFIX, *(f"{_SUFFIX}{number}" for number in range(2, len(others) + 2)))
    names = (live_name[: _MOST_CHARACTERS - len(suffix)] + suffix for suffix in suffixes)
    return next(name for name in names if name not in others)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Where an output is made anew."""

    flow: FoundFlow
    """That it is an output of."""
    adds_live: bool
    """Whether outputs are made and deleted while the flow runs."""
    stops: bool = False
    """Whether the flow is stopped before anything else, and is to stay so."""
    taken: AbstractSet[str] = frozenset()
    """Live names that its outputs are to have."""
    goes: int = 0
    """How many of its outputs are deleted before."""

    @property
    def runs(self) -> bool:
        """Return whether the flow carries its input while the output is made anew."""
        return self.flow.state is FlowState.RUNNING and not self.stops

    @property
    def stands_still(self) -> bool:
        """Return whether it has to be stopped for the time without one of its outputs."""
        return self.runs and (not self.adds_live or len(self.flow.outputs) - self.goes <= 1)

    @property
    def at(self) -> FlowAt:
        """Return where the flow is."""
        return FlowAt(self.flow.region, self.flow.live_name)


def replaced(wanted: Output, found: FoundOutput, changed: tuple[PropertyChange, ...], room: Room) -> Sequence | None:
    """
    Return the change that makes an output anew.

    None where the old one has to go first and could not be put back: the backend masks secrets of it that are no more
    those of the manifest.

    Args:
        wanted: as it is to be, links replaced by addresses.
        found: as it is.
        changed: what differs.
        room: where it is made anew.

    """
    beside = room.runs and room.adds_live and found.spec is not None and may_coexist(found.spec, wanted.spec)
    make = _twin_of(wanted, found, room) if beside else None
    in_short = _made_anew(wanted, found, room)
    again = _again(wanted, found, changed, room)
    if again is not None:
        calls, undo = _while_it_may(wanted, in_short, room, undo=((), (again,)))
    elif make is not None:
        # What could not be put back stays until the new one is there, whoever watches.
        calls, undo = (make, _removed(wanted, found, room)), ((), ())
    else:
        return None
    return Sequence(
        key=wanted.key,
        at=room.at,
        action=Action.RECREATE,
        calls=calls,
        differences=changed,
        impact=Impact.RECREATE,
        why=f"{', '.join(fixed_of(wanted.key, changed))} cannot be edited",
        twin=None if make is None else Twin(make=make),
        meant=in_short,
        undo=undo,
    )


def succeeded(wanted: Output, room: Room, *, kept: FoundOutput, gone: FoundOutput, is_done: bool) -> Sequence:
    """
    Return the change that ends a recreate: of two outputs one goes.

    Args:
        wanted: as it is to be.
        room: where they are.
        kept: the one that stays.
        gone: the one that goes.
        is_done: whether the one that stays is what the other one was to become, and must deliver first; else there is
            no telling, and the twin is not wanted any more.

    """
    calls, undo = _while_it_may(wanted, (_removed(wanted, gone, room),), room, undo=((),))
    # The one that bears no mark of a twin may be what was there first, and what people have the address of.
    twin = Twin(made=kept, give_up=_removed(wanted, kept, room), is_newer=is_twin(kept.mark))
    return Sequence(
        key=wanted.key,
        at=room.at,
        action=Action.RECREATE,
        calls=calls,
        differences=(),
        impact=Impact.RECREATE if is_done else felt(Impact.INTERRUPT, room.flow),
        why="it is there anew, and the old one goes" if is_done else "what was to replace it is not wanted any more",
        twin=twin if is_done and room.adds_live else None,
        meant=_made_anew(wanted, gone, room) if is_done else (),
        undo=undo,
    )


def _twin_of(wanted: Output, found: FoundOutput, room: Room) -> Create:
    """Return what makes the twin: under a temporary name, or under the right one where the old one has that no more."""
    there = {output.live_name for output in room.flow.outputs}
    is_free = wanted.live_name not in there
    live_name = wanted.live_name if is_free else temporary(wanted.live_name, there | room.taken)
    why = f"beside {found.live_name}, which goes when this one delivers"
    named = replace(wanted, live_name=live_name)
    return Create(key=wanted.key, at=room.at, wanted=named, why=why, is_twin=not is_twin(found.mark))


def _made_anew(wanted: Output, found: FoundOutput, room: Room) -> tuple[Delete, Create]:
    return _removed(wanted, found, room), Create(key=wanted.key, at=room.at, wanted=wanted, why="made anew")


def _while_it_may(
    wanted: Output, calls: _Calls, room: Room, *, undo: tuple[_Calls, ...]
) -> tuple[_Calls, tuple[_Calls, ...]]:
    """Return calls that delete an output first, and what puts things back; within a stop where the flow cannot run."""
    if not room.stands_still:
        return calls, undo
    key = wanted.key.flow_key
    why = "its only output goes" if room.adds_live else "this account wants it stopped for that"
    stop = Stop(key=key, at=room.at, why=why, found=room.flow)
    start = Start(key=key, at=room.at, why="to be running again")
    return (stop, *calls, start), ((), *((*back, start) for back in undo), ())


def _again(wanted: Output, found: FoundOutput, changed: tuple[PropertyChange, ...], room: Room) -> Create | None:
    """Return what makes the old output again; None where it cannot be sent back."""
    spec = None if found.spec is None else _told(found.spec, wanted, changed)
    if spec is None:
        return None
    old = replace(wanted, live_name=found.live_name, spec=spec)
    why = "put back, because the new one could not be made"
    return Create(key=wanted.key, at=room.at, wanted=old, why=why, is_twin=is_twin(found.mark))


def _told(spec: OutputSpec, wanted: Output, changed: tuple[PropertyChange, ...]) -> OutputSpec | None:
    """
    Return a spec as it was found, with the manifest's secrets for those that the backend masks.

    None where nobody knows them: the mark tells of another version, or what the secret belongs to is another one.
    """
    masked = [path for path, secret in by_path(spec).items() if isinstance(secret, Hidden)]
    if any(one.path.startswith(path.rpartition(".")[0]) for path in masked for one in changed):
        return None
    known = by_path(wanted.spec)
    return in_output(spec, lambda path, secret: known[path] if isinstance(secret, Hidden) else secret)


def _removed(wanted: Output, found: FoundOutput, room: Room) -> Delete:
    impact = felt(Impact.INTERRUPT, room.flow)
    return Delete(key=wanted.key, at=room.at, found=found, impact=impact, why="made anew")
