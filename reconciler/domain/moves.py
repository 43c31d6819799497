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


def key_now(key: Key, moved: Mapping[Key, Key]) -> Key:
    """Return what a resource is called now that was called `key`, by what `moved_names` returns."""
    if isinstance(key, FlowKey):
        return moved.get(key, key)
    flow = moved.get(key.flow_key, key.flow_key)
    there = OutputKey(flow.name, key.name)
    return moved.get(there, there)


def key_before(key: Key, moved: Mapping[Key, Key]) -> Key:
    """Return what a resource was called that is called `key` now; the same where no move is about it, or its flow."""
    before = {now: then for then, now in moved.items()}
    then = before.get(key, key)
    if isinstance(then, OutputKey):
        flow = before.get(then.flow_key, then.flow_key)
        return OutputKey(flow.name, then.name)
    return then
