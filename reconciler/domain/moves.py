"""Moves: what has another name from now on, found again by the name in its mark."""

from collections.abc import Iterable, Mapping

from reconciler.domain.model import FlowKey, Key, OutputKey
from reconciler.domain.policies import Move


def moved_names(moves: Iterable[Move]) -> Mapping[Key, Key]:
    """
    Return what each resource is called now, by what it was called before.

    An output is looked for in its flow by that flow's name of now; the move of an output may name the flow by either.
    """
    found: dict[Key, Key] = {}
    for move in moves:
        match move.before, move.now:
            case FlowKey(), FlowKey():
                found[move.before] = move.now
            case OutputKey(name=name), OutputKey(flow=flow):
                found[OutputKey(flow, name)] = move.now
            case _:
                # A rule keeps such a move out of every tree that is applied.
                pass
    return found
