"""Faults of what is read, seen from outside."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from reconciler.relay.faults.injection import Faults
from reconciler.relay.faults.knobs import AllowedProtocolsNull, DelayedStates, MaskedSecrets, Shown, UnknownFields
from tests.fakes.clock import FakeClock
from tests.unit.relay.calling import Api, Json, output, srt_input, srt_output

pytestmark = pytest.mark.anyio

CANARY = "canary-canary"
SECURE: Json = {"Passphrase": f"{CANARY}-srt", "PbKeyLen": 16}
PUSH = output(
    "platform", "RTMP", RTMPSettings={"Destinations": [{"Url": "rtmp://a.example/live", "StreamKey": f"{CANARY}-key"}]}
)
CAMERA = {
    "InputName": "camera",
    "Protocol": "RTSP_PULL",
    "RTSPPullSettings": {"SourceAddresses": [{"Url": f"rtsp://user:{CANARY}@camera.example:554/one"}]},
}


async def a_flow(api: Api) -> Json:
    """Make a flow that holds secrets."""
    return await api.create_flow(InputGroup=[srt_input(**SECURE)], OutputGroup=[srt_output(**SECURE), PUSH])


@pytest.mark.parametrize(
    ("shown", "expected"), [(Shown.STARS, "******"), (Shown.EMPTY, ""), (Shown.ABSENT, None)], ids=list(Shown)
)
async def test_secrets_are_not_read_back(api: Api, faults: Faults, shown: Shown, expected: str | None) -> None:
    """Whatever they are called and wherever they stand; the relay itself keeps them, and what is none stays."""
    made = await a_flow(api)
    faults.turn(MaskedSecrets(shown=shown))

    masked = await api.describe(made)

    tower, platform = masked["OutputGroup"]
    (destination,) = platform["RTMPSettings"]["Destinations"]
    assert masked["InputGroup"][0]["SRTSettings"]["Passphrase"] == expected
    assert (tower["SRTSettings"]["Passphrase"], tower["SRTSettings"]["PbKeyLen"]) == (expected, 16)
    assert destination == {"Url": "rtmp://a.example/live", "StreamKey": expected}
    assert CANARY not in json.dumps(masked)
    faults.turn()
    assert await api.describe(made) == made


@pytest.mark.parametrize(("even_empty", "expected"), [(False, ""), (True, "******")])
async def test_where_there_is_no_secret_there_may_be_stars(
    api: Api, faults: Faults, *, even_empty: bool, expected: str
) -> None:
    """A service that masks without looking shows a passphrase where nothing is encrypted."""
    faults.turn(MaskedSecrets(even_empty=even_empty))

    flow = await api.create_flow(InputGroup=[srt_input()])

    srt = flow["InputGroup"][0]["SRTSettings"]
    assert (srt["Passphrase"], srt["PbKeyLen"]) == (expected, 0)


@pytest.mark.parametrize(("shown", "expected"), [(Shown.STARS, "user:******"), (Shown.EMPTY, "user:")])
async def test_the_password_of_a_source_is_masked_within_its_url(
    api: Api, faults: Faults, shown: Shown, expected: str
) -> None:
    """The rest of the URL is as it was."""
    faults.turn(MaskedSecrets(shown=shown))

    flow = await api.create_flow(InputGroup=[CAMERA])

    (source,) = flow["InputGroup"][0]["RTSPPullSettings"]["SourceAddresses"]
    assert source == {"Url": f"rtsp://{expected}@camera.example:554/one"}


async def test_what_receivers_and_publishers_call_stays_whole(api: Api, faults: Faults) -> None:
    """A URL that the account's owner must hand out is no use with stars in it."""
    made = await api.create_flow(InputGroup=[{"InputName": "studio", "Protocol": "RTMP"}])
    faults.turn(MaskedSecrets())

    masked = await api.describe(made)

    assert masked["InputGroup"][0]["StreamUrls"] == made["InputGroup"][0]["StreamUrls"]
    assert masked["InputGroup"][0]["RTMPSettings"]["StreamKey"] == "******"


def objects_in(value: Any) -> Iterator[Json]:
    """Yield every object of an answer, however deep, but for those that the fault has put there."""
    if isinstance(value, dict):
        yield value
        for name, member in value.items():
            if not name.startswith("Unknown"):
                yield from objects_in(member)
    elif isinstance(value, list):
        for member in value:
            yield from objects_in(member)


async def test_every_object_has_members_that_nobody_knows(api: Api, faults: Faults) -> None:
    """At the top and nested, of every type, beside all that was there."""
    made = await a_flow(api)
    faults.turn(UnknownFields())

    answer = await api.done("DescribeStreamLinkFlow", {"FlowId": made["FlowId"]})

    found = list(objects_in(answer))
    assert len(found) > 10
    for each in found:
        assert {"UnknownText", "UnknownNumber", "UnknownObject", "UnknownList"} <= each.keys()
    assert made.keys() <= answer["Info"].keys()
    faults.turn()
    assert await api.describe(made) == made


async def test_a_flow_does_not_say_what_it_allows(api: Api, faults: Faults) -> None:
    """Null, in a list as in one flow."""
    made = await a_flow(api)
    faults.turn(AllowedProtocolsNull())

    one = await api.describe(made)
    (listed,) = (await api.done("DescribeStreamLinkFlows"))["Infos"]

    assert made["AllowedOutputProtocols"] == ["SRT", "RTMP"]
    for flow in (one, listed):
        assert (flow["AllowedInputProtocols"], flow["AllowedOutputProtocols"]) == (None, None)


async def states(api: Api, flow: Json, count: int) -> list[str]:
    """Return the state as it is read so many times."""
    return [(await api.describe(flow))["State"] for _ in range(count)]


async def turn(api: Api, flow: Json, how: str) -> None:
    """Start or stop the flow."""
    await api.done(f"{how}StreamLinkFlow", {"FlowId": flow["FlowId"]})


async def test_a_former_state_is_read_so_many_times(api: Api, faults: Faults) -> None:
    """Started or stopped, the flow is so at once, and is shown so later; a sibling flow is shown as it is."""
    flow, other = await a_flow(api), await api.create_flow(FlowName="other", OutputGroup=[srt_output()])
    await turn(api, other, "Start")
    faults.turn(DelayedStates(reads=2))

    await turn(api, flow, "Start")
    started = await states(api, flow, 3)
    await turn(api, flow, "Stop")
    stopped = await states(api, flow, 3)

    assert (started, stopped) == (["IDLE", "IDLE", "RUNNING"], ["RUNNING", "RUNNING", "IDLE"])
    assert await states(api, other, 1) == ["RUNNING"]


async def test_a_former_state_is_read_for_so_long(api: Api, faults: Faults, clock: FakeClock) -> None:
    """In lists too, until the time is over."""
    flow = await a_flow(api)
    faults.turn(DelayedStates(seconds=5))

    await turn(api, flow, "Start")
    await clock.sleep(4.9)
    (listed,) = (await api.done("DescribeStreamLinkFlows"))["Infos"]
    await clock.sleep(0.1)

    assert (listed["State"], await states(api, flow, 1)) == ("IDLE", ["RUNNING"])


async def test_only_the_turns_that_are_meant_are_late(api: Api, faults: Faults) -> None:
    """A knob for stops leaves starts alone."""
    flow = await a_flow(api)
    faults.turn(DelayedStates(actions=frozenset({"StopStreamLinkFlow"}), reads=1))

    await turn(api, flow, "Start")

    assert await states(api, flow, 1) == ["RUNNING"]


async def test_the_log_tells_of_every_answer_that_was_changed(api: Api, faults: Faults) -> None:
    """A fault is never silent; an answer that has no secret to mask meets none, and uses up no turn."""
    flow = await a_flow(api)
    faults.turn(MaskedSecrets(times=1), DelayedStates(reads=1))

    with capture_logs() as events:
        await turn(api, flow, "Start")
        await states(api, flow, 2)

    told = [(event["knob"], event["action"]) for event in events if event["event"] == "relay.fault_injected"]
    assert told == [
        ("delayedStates", "StartStreamLinkFlow"),
        ("delayedStates", "DescribeStreamLinkFlow"),
        ("maskedSecrets", "DescribeStreamLinkFlow"),
    ]
