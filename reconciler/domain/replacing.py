"""How an output or a flow is made anew: beside the old one where that can be, so that nobody loses the picture."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from reconciler.domain.changes import Action, Call, Create, Delete, FlowAt, Sequence, Start, Stop, Twin
from reconciler.domain.impact import Impact
from reconciler.domain.model import FlowState, FoundFlow, FoundOutput, Output, OutputKey
from reconciler.domain.plan_parts import felt, fixed_of
from reconciler.domain.properties import PropertyChange
from reconciler.domain.resolution import secrets_of
from reconciler.domain.secrets import Hidden
from reconciler.domain.targets import may_coexist

_MOST_CHARACTERS: Final = 32
"""Of a live name. Source: StreamLink API, InputName; nothing is documented of outputs and flows, so it is kept."""
_SUFFIX: Final = "_t"


def temporary(live_name: str, taken: Iterable[str]) -> str:
    """Return the live name of a twin: short enough, and borne by nobody else there."""
    others = set(taken)
    suffixes = (_SUFFIX, *(f"{_SUFFIX}{number}" for number in range(2, len(others) + 2)))
    names = (live_name[: _MOST_CHARACTERS - len(suffix)] + suffix for suffix in suffixes)
    return next(name for name in names if name not in others)


def marked_as_twin(found: FoundFlow | FoundOutput) -> bool:
    """Return whether the mark says that it was made beside something."""
    return found.mark is not None and found.mark.twin


def replaced(
    wanted: Output, found: FoundOutput, flow: FoundFlow, changed: tuple[PropertyChange, ...], *, adds_live: bool
) -> Sequence:
    """
    Return the change that makes an output anew.

    Args:
        wanted: as it is to be, links replaced by addresses.
        found: as it is.
        flow: that it is an output of.
        changed: what differs.
        adds_live: whether outputs are made and deleted while the flow runs.

    """
    beside = found.spec is not None and may_coexist(found.spec, wanted.spec)
    in_short = _made_anew(wanted, found, flow)
    calls, undo = _in_a_break(in_short, found, flow, adds_live=adds_live)
    return Sequence(
        key=wanted.key,
        at=FlowAt(flow.region, flow.live_name),
        action=Action.RECREATE,
        calls=calls,
        differences=changed,
        impact=Impact.RECREATE,
        why=f"{', '.join(fixed_of(wanted.key, changed))} cannot be edited",
        twin=Twin(make=_twin_of(wanted, found, flow)) if beside and adds_live and _runs(flow) else None,
        meant=in_short,
        undo=undo,
    )


def succeeded(wanted: Output, *, kept: FoundOutput, gone: FoundOutput, flow: FoundFlow, is_done: bool) -> Sequence:
    """
    Return the change that ends a recreate: of two outputs one goes.

    Args:
        wanted: as it is to be.
        kept: the one that stays.
        gone: the one that goes.
        flow: that they are outputs of.
        is_done: whether the one that stays is as it is to be, and the other one is not; then it must deliver first.

    """
    at = FlowAt(flow.region, flow.live_name)
    remove = _removed(wanted, gone, flow)
    return Sequence(
        key=wanted.key,
        at=at,
        action=Action.RECREATE,
        calls=(remove,),
        differences=(),
        impact=Impact.RECREATE if is_done else felt(Impact.INTERRUPT, flow),
        why="two of it are there, and this one is not as it is to be"
        if is_done
        else "two of it are there, and one is enough",
        # Which was there first cannot always be seen; but what goes in vain is off air, while the other one serves.
        twin=Twin(made=kept, give_up=_removed(wanted, kept, flow)) if is_done else None,
        meant=_made_anew(wanted, gone, flow) if is_done else (),
    )


def _twin_of(wanted: Output, found: FoundOutput, flow: FoundFlow) -> Create:
    """Return what makes the twin: under a temporary name, or under the right one where the old one has that no more."""
    taken = [output.live_name for output in flow.outputs]
    live_name = temporary(wanted.live_name, taken) if wanted.live_name in taken else wanted.live_name
    at = FlowAt(flow.region, flow.live_name)
    why = f"beside {found.live_name}, which goes when this one delivers"
    # Of two that bear one name exactly one is marked as the twin, or nobody could tell them from two by mistake.
    is_twin = not marked_as_twin(found)
    return Create(key=wanted.key, at=at, wanted=replace(wanted, live_name=live_name), why=why, is_twin=is_twin)


def _made_anew(wanted: Output, found: FoundOutput, flow: FoundFlow) -> tuple[Delete, Create]:
    at = FlowAt(flow.region, flow.live_name)
    return _removed(wanted, found, flow), Create(key=wanted.key, at=at, wanted=wanted, why="made anew")


def _in_a_break(
    in_short: tuple[Delete, Create], found: FoundOutput, flow: FoundFlow, *, adds_live: bool
) -> tuple[tuple[Call, ...], tuple[tuple[Call, ...], ...]]:
    """Return delete and create, and what puts things back; around them stop and start, where the flow cannot run."""
    old = _again(in_short[1], found)
    if not _runs(flow) or (adds_live and len(flow.outputs) > 1):
        return in_short, ((), old)
    key, at = in_short[0].key, in_short[0].at
    flow_key = key.flow_key if isinstance(key, OutputKey) else key
    why = "its only output goes" if adds_live else "this account wants it stopped for that"
    stop, start = Stop(key=flow_key, at=at, why=why), Start(key=flow_key, at=at, why="its output is back")
    return (stop, *in_short, start), ((), (start,), (*old, start), ())


def _again(new: Create, found: FoundOutput) -> tuple[Create, ...]:
    """Return what makes the old output again; nothing where its secrets are masked, for they cannot be sent back."""
    if found.spec is None or any(isinstance(secret, Hidden) for secret in secrets_of(found.spec)):
        return ()
    # Without the versions of the wanted secrets, the next pass sees a difference and tries again.
    wanted = Output(key=_key_of(new), live_name=found.live_name, spec=found.spec, care=new.wanted.care)
    return (Create(key=new.key, at=new.at, wanted=wanted, why="put back, because the new one could not be made"),)


def _key_of(create: Create) -> OutputKey:
    if isinstance(create.key, OutputKey):
        return create.key
    msg = f"{create.key} is no output"
    raise TypeError(msg)


def _removed(wanted: Output, found: FoundOutput, flow: FoundFlow) -> Delete:
    at = FlowAt(flow.region, flow.live_name)
    return Delete(key=wanted.key, at=at, found=found, impact=felt(Impact.INTERRUPT, flow), why="made anew")


def _runs(flow: FoundFlow) -> bool:
    return flow.state is FlowState.RUNNING
