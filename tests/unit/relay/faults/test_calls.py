"""Faults of a call as a whole, seen from outside."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from reconciler.relay.faults.injection import Faults
from reconciler.relay.faults.knobs import Delay, InternalError, Throttle, When
from tests.fakes.clock import FakeClock
from tests.unit.relay.calling import Api

pytestmark = pytest.mark.anyio

LIST = "DescribeStreamLinkFlows"
CREATE = "CreateStreamLinkFlow"
NEWS = {"FlowName": "news", "MaxBandwidth": 10_000_000}


async def codes(api: Api, *actions: str) -> list[str]:
    """Return what each call is refused with, in order; "" for one that is not."""
    payloads: dict[str, Any] = {CREATE: NEWS}
    return [await api.code(action, payloads.get(action)) for action in actions]


async def names(api: Api) -> list[str]:
    """Return the names of the flows that are there, whatever is read of them."""
    return [flow.name for flow in api.plane.catalogue.flows()]


async def test_nothing_goes_wrong_without_a_knob(api: Api) -> None:
    """Calls are answered as they are, and the log says nothing of faults."""
    with capture_logs() as events:
        refused = await codes(api, CREATE, LIST)

    assert refused == ["", ""]
    assert [event for event in events if "fault" in event["event"]] == []


async def test_a_throttled_call_is_refused_and_not_carried_out(api: Api, faults: Faults) -> None:
    """The service's own code, as often as the knob says, and nothing is made meanwhile."""
    faults.turn(Throttle(times=2))

    refused = await codes(api, CREATE, CREATE)
    made_meanwhile = await names(api)
    later = await codes(api, CREATE)

    assert refused == ["RequestLimitExceeded"] * 2
    assert (made_meanwhile, later, await names(api)) == ([], [""], ["news"])


async def test_a_rate_is_kept_for_each_action_within_any_second(api: Api, faults: Faults, clock: FakeClock) -> None:
    """What is above the rate is refused until a second has passed since a call that was let in."""
    faults.turn(Throttle(per_s=2))

    at_once = await codes(api, LIST, LIST, LIST, "DescribeStreamLinkRegions")
    await clock.sleep(0.9)
    too_soon = await codes(api, LIST)
    await clock.sleep(0.1)
    afterwards = await codes(api, LIST, LIST, LIST)

    assert at_once == ["", "", "RequestLimitExceeded", ""]
    assert too_soon == ["RequestLimitExceeded"]
    assert afterwards == ["", "", "RequestLimitExceeded"]


async def test_an_error_before_the_commit_changes_nothing(api: Api, faults: Faults) -> None:
    """The call is answered InternalError, and was not carried out."""
    faults.turn(InternalError(when=When.BEFORE_COMMIT))

    refused = await codes(api, CREATE)

    assert (refused, await names(api)) == (["InternalError"], [])


async def test_an_error_after_the_commit_hides_a_change_that_is_made(api: Api, faults: Faults) -> None:
    """The call is answered InternalError, and was carried out nevertheless."""
    faults.turn(InternalError(when=When.AFTER_COMMIT))

    refused = await codes(api, CREATE)

    assert (refused, await names(api)) == (["InternalError"], ["news"])


async def test_what_the_relay_refuses_has_no_after(api: Api, faults: Faults) -> None:
    """A refusal is answered as it is, and uses up no turn of the fault."""
    faults.turn(InternalError(when=When.AFTER_COMMIT, times=1))
    refused = await api.code("DeleteStreamLinkFlow", {"FlowId": "none"})

    met = await codes(api, CREATE, LIST)

    assert (refused, met) == ("InvalidParameter.Id", ["InternalError", ""])


@pytest.mark.parametrize("when", When)
async def test_a_delay_is_as_long_as_it_says(api: Api, faults: Faults, clock: FakeClock, when: When) -> None:
    """The answer is the true one, so many seconds later."""
    faults.turn(Delay(when=when, seconds=7.5))

    answered = await codes(api, CREATE)

    assert (answered, clock.slept_s, await names(api)) == ([""], [7.5], ["news"])


async def test_a_delay_before_the_commit_is_before_it(api: Api, faults: Faults, clock: FakeClock) -> None:
    """A call that fails after its delay has changed nothing, for the error is nearer to the wire."""
    faults.turn(Delay(when=When.BEFORE_COMMIT, seconds=3), Throttle())

    refused = await codes(api, CREATE)

    assert (refused, clock.slept_s) == (["RequestLimitExceeded"], [])


async def test_a_knob_is_for_the_actions_that_it_names(api: Api, faults: Faults) -> None:
    """Other calls pass, and are not counted."""
    faults.turn(InternalError(when=When.BEFORE_COMMIT, actions=frozenset({LIST}), every=2))

    answered = await codes(api, CREATE, LIST, "DescribeStreamLinkRegions", LIST, LIST, LIST)

    assert answered == ["", "", "", "InternalError", "", "InternalError"]


async def test_every_and_times_together_choose_one_call(api: Api, faults: Faults) -> None:
    """Every third call, once, is the third call alone; turned on again, the counting begins anew."""
    knob = InternalError(when=When.BEFORE_COMMIT, every=3, times=1)
    faults.turn(knob)

    first = await codes(api, *[LIST] * 7)
    faults.turn(knob)
    second = await codes(api, *[LIST] * 3)

    assert first == ["", "", "InternalError", "", "", "", ""]
    assert second == ["", "", "InternalError"]


async def test_what_is_turned_off_goes_wrong_no_more(api: Api, faults: Faults) -> None:
    """A test may stop a fault while the relay serves."""
    faults.turn(InternalError(when=When.BEFORE_COMMIT))
    before = await codes(api, LIST)

    faults.turn()

    assert (before, await codes(api, LIST), faults.names) == (["InternalError"], [""], ())


async def test_the_log_tells_of_every_fault(api: Api, faults: Faults) -> None:
    """One line a call that meets a fault, with the knob and the action, and none for one that does not."""
    faults.turn(Throttle(times=1), InternalError(when=When.AFTER_COMMIT, actions=frozenset({CREATE})))

    with capture_logs() as events:
        await codes(api, CREATE, CREATE, LIST)

    assert [event for event in events if event["event"] == "relay.fault_injected"] == [
        {"event": "relay.fault_injected", "log_level": "warning", "knob": "throttle", "action": CREATE},
        {"event": "relay.fault_injected", "log_level": "warning", "knob": "internalError", "action": CREATE},
    ]


async def test_an_answer_holds_nothing_of_the_fault(api: Api, faults: Faults) -> None:
    """Beside its code and message an error has what every error has."""
    faults.turn(InternalError(when=When.BEFORE_COMMIT))

    answer = await api.call(LIST)

    assert answer.keys() == {"Error", "RequestId"}
    assert answer["Error"].keys() == {"Code", "Message"}
