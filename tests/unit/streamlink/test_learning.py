"""What a refusal teaches of an account whose edit rules nobody knows."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.domain.changes import Call, Create, Delete, Edit, FlowAt, Sequence, Start, Stop
from reconciler.domain.errors import BackendError, RejectedError, WrongStateError
from reconciler.domain.impact import Capabilities, EditRules, Impact
from reconciler.domain.marks import Mark, Owner
from reconciler.domain.model import Actual, Desired, Flow, FlowState, FoundFlow, FoundOutput, Output, Srt
from reconciler.domain.planning import plan
from reconciler.domain.properties import PropertyChange
from reconciler.domain.resolution import Resolved
from reconciler.streamlink.backend import Service, StreamLinkBackend
from reconciler.streamlink.translate import encode
from tests.fakes.api import Reply, ScriptedApi, client_of, refusal
from tests.fakes.clock import FakeClock
from tests.fakes.samples import REGION, SRT_CALLER, SRT_FLOW

pytestmark = pytest.mark.anyio

US = Owner("us")
AT = FlowAt(REGION, SRT_FLOW.live_name)
REFUSED: Reply = refusal("InvalidParameter.State", "the flow runs")
OUTPUT = FoundOutput(id="o1", live_name="caller", mark=Mark(owner=US, name="caller"), spec=SRT_CALLER.spec)
FLOW = FoundFlow(
    id="f1",
    region=REGION,
    live_name=SRT_FLOW.live_name,
    mark=Mark(owner=US, name="srt_in"),
    state=FlowState.RUNNING,
    spec=SRT_FLOW.spec,
    outputs=(OUTPUT,),
)


def edit(wanted: Flow | Output, *paths: str) -> Edit:
    """Return an edit of these properties."""
    differences = tuple(PropertyChange(path=path, found=1, wanted=2) for path in paths)
    found = FLOW if isinstance(wanted, Flow) else OUTPUT
    return Edit(key=wanted.key, at=AT, wanted=wanted, found=found, differences=differences, impact=Impact.RECONNECT)


def an_account(*, state: str = "RUNNING", answer: Reply = REFUSED) -> ScriptedApi:
    """Return an account with one flow that refuses every write."""
    flow = encode.create_flow(SRT_FLOW, Mark(owner=US, name="srt_in"))
    output = encode.create_output("f1", SRT_CALLER, Mark(owner=US, name="caller"))["Output"]
    payload: dict[str, Any] = {
        **flow,
        "FlowId": "f1",
        "State": state,
        "InputGroup": [{**each, "InputId": "i1"} for each in flow["InputGroup"]],
        "OutputGroup": [{**output, "OutputId": "o1"}],
    }
    writes = (
        "CreateStreamLinkFlow",
        "CreateStreamLinkOutputInfo",
        "ModifyStreamLinkFlow",
        "ModifyStreamLinkInput",
        "ModifyStreamLinkOutputInfo",
        "DeleteStreamLinkFlow",
        "DeleteStreamLinkOutput",
        "StartStreamLinkFlow",
        "StopStreamLinkFlow",
    )
    return ScriptedApi(
        DescribeStreamLinkFlows={"Infos": [payload], "TotalNum": 1},
        DescribeStreamLinkFlow={"Info": payload},
        **dict.fromkeys(writes, answer),
    )


def backend_of(api: ScriptedApi, *, service: Service | None = None) -> StreamLinkBackend:
    """Return a backend on an account."""
    clock = FakeClock()
    return StreamLinkBackend(client_of(api, clock), owner=US, regions=None, clock=clock, service=service or Service())


async def refused(backend: StreamLinkBackend, call: Call) -> BackendError:
    """Return how a call is refused."""
    with pytest.raises(BackendError) as caught:
        await backend.apply(call)
    return caught.value


def known(backend: StreamLinkBackend) -> tuple[EditRules, bool]:
    """Return the rules that a backend goes by, and whether they are certain."""
    return backend.capabilities.rules, backend.capabilities.is_certain


CREATE = Create(key=SRT_CALLER.key, at=AT, wanted=SRT_CALLER)
DELETE = Delete(key=SRT_CALLER.key, at=AT, found=OUTPUT, impact=Impact.INTERRUPT)


@pytest.mark.parametrize(
    ("call", "rules"),
    [
        pytest.param(edit(SRT_CALLER, "srt.latency"), EditRules.CONSOLE_2022, id="a setting of an output"),
        pytest.param(edit(SRT_FLOW, "input.srt.latency"), EditRules.CONSOLE_2022, id="a setting of an input"),
        pytest.param(edit(SRT_CALLER, "liveName"), EditRules.CONSOLE_2022, id="the name of an output"),
        pytest.param(edit(SRT_CALLER, "allowlist"), EditRules.STRICT_2021, id="an allowlist"),
        pytest.param(edit(SRT_FLOW, "liveName", "input.allowlist"), EditRules.STRICT_2021, id="one of an input"),
        pytest.param(edit(SRT_CALLER, "allowlist", "srt.latency"), EditRules.CONSOLE_2022, id="an allowlist and more"),
        pytest.param(CREATE, EditRules.STRICT_2021, id="a new output"),
        pytest.param(DELETE, EditRules.STRICT_2021, id="the delete of an output"),
    ],
)
async def test_a_live_change_that_is_refused_teaches_the_widest_rules_that_explain_it(
    call: Call, rules: EditRules
) -> None:
    """They hold from then on, and the refusal says so."""
    backend = backend_of(an_account())
    before = known(backend)

    error = await refused(backend, call)

    assert before == (EditRules.LIVE_2023, False)
    assert known(backend) == (rules, True)
    assert isinstance(error, WrongStateError)
    assert f"the edit rules {rules} from now on" in str(error)
    assert (error.code, bool(error.request_id)) == ("InvalidParameter.State", True)


async def test_a_second_refusal_teaches_more() -> None:
    """What the console's rules do not explain leaves the strictest."""
    backend = backend_of(an_account())

    await refused(backend, edit(SRT_CALLER, "srt.latency"))
    await refused(backend, edit(SRT_CALLER, "srt.latency"))

    assert known(backend) == (EditRules.STRICT_2021, True)


@pytest.mark.parametrize(
    ("call", "state"),
    [
        pytest.param(Start(key=SRT_FLOW.key, at=AT), "IDLE", id="a start"),
        pytest.param(Stop(key=SRT_FLOW.key, at=AT), "RUNNING", id="a stop"),
        pytest.param(Create(key=SRT_FLOW.key, at=AT, wanted=SRT_FLOW), "RUNNING", id="a new flow"),
        pytest.param(
            Delete(key=SRT_FLOW.key, at=AT, found=FLOW, impact=Impact.INTERRUPT), "RUNNING", id="the delete of a flow"
        ),
    ],
)
async def test_what_is_no_live_edit_teaches_nothing(call: Call, state: str) -> None:
    """A flow that is not deleted while it runs says nothing of edits."""
    backend = backend_of(an_account(state=state))

    error = await refused(backend, call)

    assert known(backend) == (EditRules.LIVE_2023, False)
    assert isinstance(error, WrongStateError)
    assert "from now on" not in str(error)


async def test_the_name_of_a_flow_teaches_nothing() -> None:
    """No generation wants a flow stopped for a new name."""
    renamed = Flow(key=SRT_FLOW.key, live_name="Stadium", spec=SRT_FLOW.spec)
    backend = backend_of(an_account())

    error = await refused(backend, edit(renamed, "liveName"))

    assert isinstance(error, WrongStateError)
    assert known(backend) == (EditRules.LIVE_2023, False)


async def test_what_is_refused_while_a_flow_does_not_run_teaches_nothing() -> None:
    """Whether it takes edits live is not known by that."""
    backend = backend_of(an_account(state="IDLE"))

    await refused(backend, edit(SRT_CALLER, "srt.latency"))

    assert known(backend) == (EditRules.LIVE_2023, False)


async def test_a_flow_whose_name_is_gone_teaches_nothing() -> None:
    """Nobody can say what state it was in: by the time of the question there is none of this name."""
    api = an_account()
    backend = backend_of(api)
    nameless = replace(edit(SRT_FLOW, "input.srt.latency"), at=FlowAt(REGION, "gone"))

    error = await refused(backend, nameless)

    assert isinstance(error, WrongStateError)
    assert known(backend) == (EditRules.LIVE_2023, False)


async def test_another_refusal_teaches_nothing() -> None:
    """A value that is not allowed is not allowed in any state."""
    backend = backend_of(an_account(answer=refusal("InvalidParameter.Latency", "too long")))

    error = await refused(backend, edit(SRT_CALLER, "srt.latency"))

    assert isinstance(error, RejectedError)
    assert known(backend) == (EditRules.LIVE_2023, False)


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        pytest.param(Service(), (EditRules.LIVE_2023, False), id="a cloud account"),
        pytest.param(Service(is_ours=True), (EditRules.LIVE_2023, True), id="a relay"),
        pytest.param(Service(rules=EditRules.STRICT_2021), (EditRules.STRICT_2021, True), id="as somebody said"),
    ],
)
async def test_what_is_known_beforehand(service: Service, expected: tuple[EditRules, bool]) -> None:
    """A cloud account's rules are not known until somebody says them, or a refusal teaches them."""
    assert known(backend_of(an_account(), service=service)) == expected


def planned(capabilities: Capabilities) -> list[tuple[str, str]]:
    """Return what is planned for an output with another latency, as action and calls."""
    assert isinstance(SRT_CALLER.spec.settings, Srt)
    spec = replace(SRT_CALLER.spec, settings=replace(SRT_CALLER.spec.settings, latency_ms=777))
    runs = replace(SRT_FLOW, spec=replace(SRT_FLOW.spec, state=FlowState.RUNNING))
    desired = Desired(flows=(runs,), outputs=(replace(SRT_CALLER, spec=spec),))
    proposed = plan(
        Resolved(desired=desired, failed=()), Actual(regions={REGION: (FLOW,)}), owner=US, capabilities=capabilities
    )
    return [
        (str(change.impact), " ".join(call.action for call in change.calls))
        if isinstance(change, Sequence)
        else (str(change.impact), change.action)
        for change in proposed.changes
    ]


async def test_the_planner_goes_by_what_was_learnt() -> None:
    """First the edit is tried live; once it was refused, it takes a stop and a start, and says so."""
    backend = backend_of(an_account())
    before = planned(backend.capabilities)

    await refused(backend, edit(SRT_CALLER, "srt.latency"))

    assert before == [("reconnect", "edit")]
    assert planned(backend.capabilities) == [("interrupt", "stop edit start")]
