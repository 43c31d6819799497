"""What may be changed while a flow runs, by each generation of rules: the backend in memory and the relay agree."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from reconciler.domain.changes import Call, Start
from reconciler.domain.errors import RejectedError, WrongStateError
from reconciler.domain.impact import EditRules
from reconciler.domain.model import FlowState, FoundFlow, InputSpec, Output, OutputSpec, Srt
from reconciler.domain.protocols import SrtMode
from reconciler.ports.backend import Backend
from tests.contract.calls import at, create, delete, edit, made, only, output_named
from tests.fakes.backend import FakeBackend
from tests.fakes.samples import AWAY, FLOW_OF, RTMP_PUSH, SRT_CALLER, SRT_FLOW, SRT_LISTENER
from tests.fakes.served import OWNER, REGIONS, served

pytestmark = pytest.mark.anyio

Make = Callable[[FoundFlow], Call]
EVERY: Final = frozenset(EditRules)
NOT_STRICT: Final = EVERY - {EditRules.STRICT_2021}
LIVE: Final = frozenset({EditRules.LIVE_2023})


@pytest.fixture(params=EditRules)
def rules(request: pytest.FixtureRequest) -> EditRules:
    """Return each generation of rules."""
    return EditRules(request.param)


@pytest.fixture(params=["memory", "relay"])
async def ruled(request: pytest.FixtureRequest, tmp_path: Path, rules: EditRules) -> AsyncIterator[Backend]:
    """Lend an empty account that keeps the rules."""
    if request.param == "memory":
        yield FakeBackend(owner=OWNER, regions=REGIONS, rules=rules)
        return
    async with served(tmp_path, rules=rules) as over_api:
        yield over_api


def sent(wanted: Output) -> Make:
    """Return what edits an output of the flow that was found."""
    return lambda found: edit(wanted, output_named(found, wanted.key.name), of=FLOW_OF[wanted.key.flow_key])


def received(wanted: InputSpec) -> Make:
    """Return what edits the input of the flow that was found."""
    return lambda found: edit(replace(SRT_FLOW, spec=replace(SRT_FLOW.spec, input=wanted)), found, of=SRT_FLOW)


def with_spec(output: Output, spec: OutputSpec) -> Output:
    """Return the output with other settings."""
    return replace(output, spec=spec)


INPUT: Final = SRT_FLOW.spec.input
CALLS: Final[dict[str, tuple[Make, frozenset[EditRules]]]] = {
    "an output more": (lambda _: create(RTMP_PUSH), NOT_STRICT),
    "an output less": (lambda found: delete(SRT_CALLER, output_named(found, "caller")), NOT_STRICT),
    "who may pull": (sent(with_spec(SRT_LISTENER, replace(SRT_LISTENER.spec, allowlist=()))), NOT_STRICT),
    "who may push": (received(replace(INPUT, allowlist=("192.0.2.0/24",))), NOT_STRICT),
    "how many may pull": (sent(with_spec(SRT_LISTENER, replace(SRT_LISTENER.spec, max_concurrent=3))), LIVE),
    "the words of an output": (sent(with_spec(SRT_CALLER, replace(SRT_CALLER.spec, description="other"))), LIVE),
    "the words of an input": (received(replace(INPUT, description="other")), LIVE),
    "the name of an output": (sent(replace(SRT_CALLER, live_name="other")), LIVE),
    "how an output sends": (
        sent(with_spec(SRT_LISTENER, replace(SRT_LISTENER.spec, settings=Srt(mode=SrtMode.LISTENER, latency_ms=333)))),
        LIVE,
    ),
    "how an input receives": (received(replace(INPUT, settings=Srt(mode=SrtMode.LISTENER, latency_ms=333))), LIVE),
    "the name of a flow": (lambda found: edit(replace(SRT_FLOW, live_name="other"), found, of=SRT_FLOW), EVERY),
}
"""What is asked of a running flow, and the rules that let it be."""


@pytest.mark.parametrize("what", CALLS)
async def test_a_running_flow_is_changed_as_far_as_the_rules_let_it(
    ruled: Backend, rules: EditRules, what: str
) -> None:
    """What they do not let be is a wrong state, changes nothing, and leaves the flow running."""
    make, allowed = CALLS[what]
    await made(ruled, SRT_FLOW, SRT_CALLER, SRT_LISTENER)
    await ruled.apply(Start(key=SRT_FLOW.key, at=at(SRT_FLOW)))
    before = await only(ruled)

    if rules in allowed:
        await ruled.apply(make(before))
    else:
        with pytest.raises(WrongStateError):
            await ruled.apply(make(before))

    after = await only(ruled)
    assert (after != before) is (rules in allowed)
    assert after.state is FlowState.RUNNING


@pytest.mark.parametrize("what", CALLS)
async def test_an_idle_flow_is_changed_by_all_rules(ruled: Backend, what: str) -> None:
    """They are about what runs alone."""
    make, _ = CALLS[what]
    before = await made(ruled, SRT_FLOW, SRT_CALLER, SRT_LISTENER)

    await ruled.apply(make(before))

    assert await only(ruled) != before


async def test_what_cannot_be_edited_stays_as_it_was(ruled: Backend) -> None:
    """There is no field for another region or bandwidth, and another protocol is refused."""
    before = await made(ruled, SRT_FLOW, SRT_CALLER)
    (caller,) = before.outputs
    moved = replace(SRT_CALLER, spec=replace(SRT_CALLER.spec, region=AWAY))
    broad = replace(SRT_FLOW, spec=replace(SRT_FLOW.spec, max_bandwidth_bps=50_000_000))
    pushed = replace(SRT_CALLER, spec=RTMP_PUSH.spec)

    await ruled.apply(edit(moved, caller, of=SRT_FLOW))
    await ruled.apply(edit(broad, before, of=SRT_FLOW))
    with pytest.raises(RejectedError):
        await ruled.apply(edit(pushed, caller, of=SRT_FLOW))

    assert await only(ruled) == before
