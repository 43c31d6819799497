"""Rules between the moves of a tree and what it defines."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.domain.documents import Fault, Path, PolicyDocument
from reconciler.domain.model import FlowKey, Key, OutputKey
from reconciler.domain.policies import Move
from reconciler.domain.rules.catalogue import MOVE_ELSEWHERE, MOVE_FROM, MOVE_TO, MOVES_MEET
from reconciler.domain.rules.known import Known

_FROM: Path = ("spec", "from")
_TO: Path = ("spec", "to")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """A move and its document."""

    document: PolicyDocument
    move: Move
    """Its output's flow by the name of now, on both sides."""


def settled(documents: Sequence[PolicyDocument]) -> Sequence[Moving]:
    """Return the moves of documents; one of an output whose flow moves as well has that flow's name of now."""
    moves = [(one, one.policy) for one in documents if isinstance(one.policy, Move)]
    now_of = {move.before: move.now for _, move in moves if isinstance(move.now, FlowKey)}
    return [Moving(document=document, move=_settled(move, now_of)) for document, move in moves]


def _settled(move: Move, now_of: Mapping[Key, Key]) -> Move:
    before, now = move.before, move.now
    if isinstance(before, OutputKey) and isinstance(now, OutputKey) and now_of.get(before.flow_key) == now.flow_key:
        return replace(move, before=OutputKey(now.flow, before.name))
    return move


def check(moves: Sequence[Moving], known: Known) -> Iterator[tuple[PolicyDocument, Fault]]:
    """Return what is wrong with moves, each with its document; one fault of each is told, the first that matters."""
    sound: list[Moving] = []
    for one in moves:
        fault = _elsewhere(one.move)
        if fault is None:
            sound.append(one)
        else:
            yield one.document, fault
    apart: list[Moving] = []
    for one, earlier, path in _compared(sound):
        if earlier is None:
            apart.append(one)
        else:
            key = one.move.before if path == _FROM else one.move.now
            hint = f"it is at {earlier.document.place.at(path)}"
            message = f"{key} is moved by another document already"
            yield one.document, Fault(rule=MOVES_MEET, path=path, message=message, hint=hint)
    yield from _of_tree(apart, known)


def _elsewhere(move: Move) -> Fault | None:
    """Return the fault of a move that is none: to another kind, into another flow, or to where it was."""
    before, now = move.before, move.now
    if before == now:
        message = f"{now} is moved to itself"
        hint = "remove the document; the outputs of a flow that moves go with it"
    elif type(before) is not type(now):
        message, hint = f"{before} cannot become {now}", "a flow moves to a flow, an output to an output"
    elif isinstance(before, OutputKey) and isinstance(now, OutputKey) and before.flow != now.flow:
        message = f"an output stays in its flow: {before} cannot become {now}"
        hint = "where the flow itself has another name now, give it a Move of its own; else make another output"
    else:
        return None
    return Fault(rule=MOVE_ELSEWHERE, path=_TO, message=message, hint=hint)


def _compared(moves: Sequence[Moving]) -> Iterator[tuple[Moving, Moving | None, Path]]:
    """Yield each move with an earlier one from, or to, the same name, and where it says so."""
    parts: tuple[tuple[Path, Callable[[Move], Key]], ...] = (
        (_FROM, lambda one: one.before),
        (_TO, lambda one: one.now),
    )
    seen: dict[tuple[Path, Key], Moving] = {}
    for one in moves:
        meeting = [(seen[path, name(one.move)], path) for path, name in parts if (path, name(one.move)) in seen]
        earlier, path = meeting[0] if meeting else (None, _FROM)
        for part, name in parts:
            seen.setdefault((part, name(one.move)), one)
        yield one, earlier, path


def _of_tree(moves: Sequence[Moving], known: Known) -> Iterator[tuple[PolicyDocument, Fault]]:
    by_before = {one.move.before: one for one in moves}
    nows = {one.move.now for one in moves}
    for one in moves:
        before, now = one.move.before, one.move.now
        if now in by_before:
            last = by_before[now].move.now
            message = f"{now} is moved on to {last} by another document"
            hint = f"write the name of now, or remove the older of the two: {by_before[now].document.place.at(_FROM)}"
            yield one.document, Fault(rule=MOVES_MEET, path=_TO, message=message, hint=hint)
        elif known.lacks(now):
            hint = known.did_you_mean(now) or "give the resource its new name in the same commit"
            yield one.document, Fault(rule=MOVE_TO, path=_TO, message=f"there is no {now}", hint=hint)
        elif before in known.keys and before not in nows:
            message, hint = f"{before} is there still", "rename it, or remove the Move if another resource has the name"
            yield one.document, Fault(rule=MOVE_FROM, path=_FROM, message=message, hint=hint)
