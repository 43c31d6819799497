"""What is on air in the worlds of the engine's tests, and who lets a change of it pass."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Change, Hold, Plan
from reconciler.domain.model import Care, FoundFlow, FoundOutput, Output, Region, Srt
from reconciler.domain.policies import Approval
from reconciler.domain.protocols import SrtMode
from reconciler.domain.safety.limits import Limits
from reconciler.engine.apply import Terms
from reconciler.engine.plan import Target
from reconciler.engine.reconcile import PassOutcome, reconcile
from reconciler.ports.backend import EndStatus
from tests.builders import LOCAL, flow, found_flow, found_output, output
from tests.unit.engine.worlds import MeddledBackend, Worldlet, a_world, finish

BITRATE_BPS: Final = 5_000_000
"""Of a picture that somebody watches."""
LATER: Final = datetime(2026, 6, 1, tzinfo=UTC)
"""When approvals expire, where a test does not say."""
GAP_S: Final = Limits().sample_gap_s
"""Between two samples that prove together that something is off air."""
EDIT: Final = ("edit output/news/tower", Hold.ON_AIR)
"""What `holds` says of an edit of the output `tower` that waits because somebody watches."""


def on_the_air(*live_names: str) -> Worldlet:
    """Return a world with a running flow of two outputs, some of them on air."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(output()), found_output(output("mast"))))
    put_on_air(small.backend, *live_names)
    return small


def live(backend: MeddledBackend, live_name: str, *, of: str = "news") -> FoundOutput:
    """Return a live output by its name."""
    return next(each for each in backend.flow(of).outputs if each.live_name == live_name)


def put_on_air(
    backend: MeddledBackend, *live_names: str, of: str = "news", bitrate_bps: int = BITRATE_BPS, connected: bool = True
) -> None:
    """Have outputs of a flow carry something from now on; `input` is its input."""
    found = backend.flow(of)
    for name in live_names:
        id_ = f"{found.id}-input" if name == "input" else live(backend, name, of=of).id
        backend.statuses[id_] = EndStatus(
            id=id_,
            is_input=name == "input",
            state="Connected" if connected else "Waiting",
            bitrate_bps=bitrate_bps,
            connected_ms=1000,
            reconnections=0,
        )


def take_off_air(backend: MeddledBackend) -> None:
    """Have every end carry nothing from now on."""
    backend.statuses.clear()


def receivers_call(name: str = "tower", *, of: str = "news", region: Region = LOCAL, group: str = "") -> Output:
    """Return an output that receivers connect to: two of them may be there at once."""
    wanted = output(name, of=of)
    spec = replace(wanted.spec, region=region, settings=Srt(mode=SrtMode.LISTENER), allowlist=())
    return replace(wanted, spec=spec, care=Care(redundancy_group=group))


def approval(change: Change, *, expires: datetime = LATER, signature: str = "") -> Approval:
    """Return the approval of a change."""
    return Approval(
        name="looked_at",
        resource=change.key,
        action=change.action,
        change=change_id(change),
        reason="the partner knows",
        expires=expires,
        signature=signature,
    )


def approved(target: Target, *approvals: Approval) -> Target:
    """Return the target of a pass for which somebody approved of changes."""
    return replace(target, policies=replace(target.policies, approvals=approvals))


async def passed(small: Worldlet, target: Target) -> PassOutcome:
    """Return what became of one pass, moving the clock for as long as it takes."""
    return await finish(small, reconcile(small.world, target, terms=Terms()))


def holds(of: PassOutcome | Plan) -> list[tuple[str, Hold]]:
    """Return what is held back, and by what."""
    blocked = of.blocked if isinstance(of, Plan) else of.left.blocked
    return [(f"{held.action} {held.key}", held.hold) for held in blocked]


def held_change(outcome: PassOutcome) -> Change:
    """Return the one change that was held back."""
    (held,) = outcome.left.blocked
    assert held.change is not None
    return held.change


def marks_of(flows: Iterable[FoundFlow]) -> list[tuple[str, str, bool]]:
    """Return live name, name in the mark, and whether it is a twin, of every output."""
    return [
        (each.live_name, each.mark.name, each.mark.twin)
        for found in flows
        for each in found.outputs
        if each.mark is not None
    ]
