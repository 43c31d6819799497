"""What viewers and partners notice of a change, in words: who reconnects, what goes off air, whom to tell."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import Final

from reconciler.domain.changes import Action, Change, Create, Delete, Edit, Plan, Sequence, Stop, calls_of, twin_there
from reconciler.domain.impact import Impact
from reconciler.domain.model import FlowKey, FoundFlow, Output, Srt
from reconciler.domain.properties import PropertyChange
from reconciler.domain.protocols import pulled
from reconciler.domain.secrets import Hidden, Secret, SecretRef

Watched = Mapping[str, int]
"""How many are connected to an output or input now, by its id; absent where nobody looked."""

NOBODY_LOOKED: Final[Watched] = MappingProxyType({})


def effect(change: Change, watched: Watched = NOBODY_LOOKED) -> str:
    """Return what is noticed of a change, "none" where nothing is; whom to tell stands at the end."""
    said = [_felt(change, watched), *_told(change)]
    return "; ".join(word for word in said if word)


def totals(plan: Plan, watched: Watched = NOBODY_LOOKED) -> str:
    """Return what is noticed of a whole plan."""
    counted = Counter(change.impact for change in plan.changes)
    # An output that is deleted while its flow stops goes off air once.
    off = len({id_ for change in plan.changes for id_ in _going_off(change)})
    stops = sum(isinstance(change, Stop) and not _going_off(change) for change in plan.changes)
    # What is left of a recreate whose new output is there gives nobody another address.
    anew = counted[Impact.RECREATE] - sum(twin_there(change) is not None for change in plan.changes)
    parts = [
        f"{counted[Impact.RECONNECT]} to reconnect" if counted[Impact.RECONNECT] else "",
        f"{off} {'output' if off == 1 else 'outputs'} to go off air" if off else "",
        f"{stops} {'flow' if stops == 1 else 'flows'} to stop" if stops else "",
        f"{anew} to get new addresses" if anew else "",
    ]
    tail = f"; {_receivers(connected(plan, watched))} connected to them now" if watched else ""
    said = ", ".join(part for part in parts if part)
    return f"{said}{tail}" if said else "nothing"


def connected(plan: Plan, watched: Watched) -> int:
    """Return how many are connected now to what a plan disturbs; who is disturbed twice counts once."""
    ends = {id_ for change in plan.changes if change.impact is not Impact.NONE for id_ in ends_of(change)}
    return sum(watched.get(id_, 0) for id_ in ends)


def _felt(change: Change, watched: Watched) -> str:
    match change.impact:
        case Impact.NONE:
            return "none"
        case Impact.RECONNECT:
            return f"reconnect: {_who(change, watched)}"
        case Impact.INTERRUPT if all(isinstance(call, Delete) for call in calls_of(change)):
            return f"goes off air: {_who(change, watched)}"
        case Impact.INTERRUPT:
            return f"flow stops: {_outputs(change)}"
        case _:
            return _anew(change, watched)


def _who(change: Change, watched: Watched) -> str:
    if isinstance(change.key, FlowKey):
        return "the publisher, and with it every output"
    counts = [watched[id_] for id_ in ends_of(change) if id_ in watched]
    return _receivers(sum(counts)) if counts else "its receivers"


def _receivers(count: int) -> str:
    return {0: "nobody", 1: "1 receiver"}.get(count, f"{count} receivers")


def _outputs(change: Change) -> str:
    off = len(_going_off(change))
    if not off:
        return "its outputs go off air"
    return f"{off} {'output' if off == 1 else 'outputs'} off air"


def _going_off(change: Change) -> AbstractSet[str]:
    """Return the ids of the outputs that a change puts off air for good, or until the flow runs again."""
    goes = change.impact is Impact.INTERRUPT or twin_there(change) is not None
    return set(ends_of(change)) if goes else set()


def _anew(change: Change, watched: Watched) -> str:
    if isinstance(change, Sequence) and (twin := twin_there(change)) is not None:
        gone = " and ".join(found.live_name for found in change.goes)
        return f"{gone} goes once {twin.live_name}, which is there, delivers as it does ({_who(change, watched)})"
    if isinstance(change.key, FlowKey):
        breaks = any(call.action is Action.STOP for call in calls_of(change))
        return f"addresses change{', and the flow breaks for the time between a stop and a start' if breaks else ''}"
    wanted = [call.wanted for call in calls_of(change) if isinstance(call, Create)]
    moves = any(isinstance(each, Output) and _is_pulled(each) for each in wanted)
    what = "addresses change" if moves or not wanted else "made anew"
    if isinstance(change, Sequence) and change.twin is not None:
        return f"{what}; the old one serves until the new one delivers ({_who(change, watched)})"
    return f"{what}; two at once are not possible, so it breaks for a moment ({_who(change, watched)})"


def _is_pulled(output: Output) -> bool:
    settings = output.spec.settings
    return pulled(output.spec.protocol, settings.mode if isinstance(settings, Srt) else None)


def _told(change: Change) -> Iterator[str]:
    """Yield whom to tell, where somebody else has to change something, too."""
    contacts = _contacts(change)
    whom = f"tell {', '.join(contacts)}" if contacts else "whom to tell stands in no metadata.contacts"
    if change.impact is Impact.RECREATE:
        yield whom
    secrets = [one.path for one in _differences(change) if _is_secret(one)]
    if secrets and change.action is not Action.CREATE:
        yield f"{', '.join(secrets)} must change at the other end, too: {whom}"


def _contacts(change: Change) -> tuple[str, ...]:
    meant = change.meant if isinstance(change, Sequence) else ()
    calls = (*calls_of(change), *meant)
    found = [call.wanted.care.contacts for call in calls if isinstance(call, Create | Edit)]
    return tuple(dict.fromkeys(contact for contacts in found for contact in contacts))


def _differences(change: Change) -> Iterable[PropertyChange]:
    if isinstance(change, Edit):
        return change.differences
    inner = (call.differences for call in calls_of(change) if isinstance(call, Edit))
    own = change.differences if isinstance(change, Sequence) else ()
    return (*own, *(one for listed in inner for one in listed))


def _is_secret(one: PropertyChange) -> bool:
    return isinstance(one.wanted, Secret | SecretRef) and isinstance(one.found, Secret | SecretRef | Hidden)


def ends_of(change: Change) -> Iterator[str]:
    """Yield the ids of the outputs that a change disturbs."""
    for call in calls_of(change):
        found = call.found if isinstance(call, Edit | Delete | Stop) else None
        if found is not None:
            yield from (output.id for output in found.outputs) if isinstance(found, FoundFlow) else (found.id,)
