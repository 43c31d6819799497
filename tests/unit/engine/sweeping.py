"""A sweep over properties: an account as it was, one property that is wanted otherwise, and a pass."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from reconciler.domain.changes import Action, Create, FlowAt, Plan, Start
from reconciler.domain.impact import EditRules, Mutability, mutability_of
from reconciler.domain.model import Flow, FlowState, Output, OutputKey, ResourceKind
from reconciler.domain.policies import Limit, Override, Policies
from reconciler.engine.apply import Outcome, Terms
from reconciler.engine.guard import Guard
from reconciler.engine.guard.facts import Mode
from reconciler.engine.plan import Target, plan_for
from reconciler.engine.reconcile import carry_out
from reconciler.ports.backend import Backend
from reconciler.ports.clock import Clock
from reconciler.ports.source import Revision
from tests.builders import resolved
from tests.fakes.journal import MemoryJournal
from tests.fakes.samples import OUTPUTS, RTMP_PULL, RTMP_PULL_FLOW, SRT_CALLER, SRT_CALLER_FLOW
from tests.onair.story import world_of
from tests.unit.engine.fields import Case
from tests.unit.engine.worlds import MemorySource, keeper

_MORE: Final = (
    replace(SRT_CALLER, key=OutputKey(SRT_CALLER_FLOW.key.name, "caller")),
    replace(RTMP_PULL, key=OutputKey(RTMP_PULL_FLOW.key.name, "pull")),
)
"""Outputs of the sample flows that have none."""
_EVERYTHING: Final = Policies(
    overrides=tuple(
        Override(
            name=f"{kind}_{action}",
            of=kind,
            action=action,
            lifts=frozenset({Limit.BUDGET, Limit.TREE}),
            reason="there is not more",
            expires=datetime(2099, 1, 1, tzinfo=UTC),
        )
        for kind in ResourceKind
        for action in Action
    )
)


@dataclass(frozen=True)
class Swept:
    """What became of a property."""

    outputs: int
    """Outputs of the flow before, whoever made them."""
    writes: int
    undone: tuple[Outcome, ...]
    after: Plan
    """What is still to do then."""


async def sweep(
    case: Case, state: FlowState, backend: Backend, clock: Clock, *, others: Callable[[], None] = lambda: None
) -> Swept:
    """Return what became of one property, nobody being on air; `others` do what they do once the account is set up."""
    flow = _turned(case.flow, state)
    outputs = [output for output in (*OUTPUTS, *_MORE) if output.key.flow_key == flow.key]
    at = FlowAt(flow.spec.region, flow.live_name)
    resources: tuple[Flow | Output, ...] = (flow, *outputs)
    for wanted in resources:
        await backend.apply(Create(key=wanted.key, at=at, wanted=wanted))
    if state is FlowState.RUNNING:
        await backend.apply(Start(key=flow.key, at=at))
    others()
    found = [each for each in await backend.observe(flow.spec.region) if each.live_name == flow.live_name]
    after = _turned(case.after, state) if isinstance(case.after, Flow) else case.after
    tree = [after if each.key == after.key else each for each in resources]
    made = keeper(backend, clock, MemoryJournal(clock))
    if found[0].mark is not None:
        made = replace(made, owner=found[0].mark.owner)
    world = replace(world_of(made, MemorySource(), guard=Guard(made)), owner=made.owner)
    desired = resolved(*tree).desired
    target = Target(revision=Revision("drawn"), desired=desired, policies=_EVERYTHING, mode=Mode.SAVED)
    outcome = await carry_out(world, target, await plan_for(world, target), terms=Terms())
    return Swept(
        outputs=len(found[0].outputs),
        writes=sum(len(one.request_ids) for one in outcome.outcomes),
        undone=outcome.undone,
        after=await plan_for(world, target),
    )


def _turned(flow: Flow, state: FlowState) -> Flow:
    return replace(flow, spec=replace(flow.spec, state=state))


def is_anew(case: Case, kind: ResourceKind) -> bool:
    """Return whether a resource of this kind is made anew for it."""
    classes = EditRules.LIVE_2023.classes(kind, FlowState.RUNNING)
    return kind.holds(case.before.key) and mutability_of(classes, case.path) is Mutability.RECREATE


def needed(case: Case, rules: EditRules, state: FlowState, *, outputs: int) -> int:
    """Return how many writes a property takes, where nobody is on air: by counting on the fingers, from the API."""
    runs = state is FlowState.RUNNING
    stop_and_start = 2 if runs else 0
    if is_anew(case, ResourceKind.FLOW):
        return 2 * (1 + outputs) + stop_and_start
    if is_anew(case, ResourceKind.OUTPUT):
        stands_still = rules is EditRules.STRICT_2021 or outputs == 1
        return 2 + (stop_and_start if stands_still else 0)
    is_list = case.path in {"allowlist", "input.allowlist"}
    is_live = rules is EditRules.LIVE_2023 or (rules is EditRules.CONSOLE_2022 and is_list)
    is_name_of_flow = isinstance(case.before, Flow) and case.path == "liveName"
    return 1 + (0 if is_live or is_name_of_flow else stop_and_start)
