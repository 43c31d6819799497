"""What is wrong with a request, as the API says it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.streamlink.codes import Code
from reconciler.streamlink.wire import ACTIONS, Profile, check

OUTPUT: dict[str, Any] = {
    "OutputName": "tower",
    "Description": "",
    "Protocol": "SRT",
    "OutputRegion": "ap-singapore",
    "SRTSettings": {"Mode": "CALLER", "Destinations": [{"Ip": "tower.example", "Port": 9000}]},
}
INPUT: dict[str, Any] = {"InputName": "in", "Protocol": "RTP"}


def problems(action: str, payload: Any, profile: Profile = Profile.MAINLAND) -> list[tuple[Code, str]]:
    """Return the codes and fields of everything wrong."""
    return [(problem.code, problem.field) for problem in check(ACTIONS[action].request, payload, profile=profile)]


def of_output(**changes: Any) -> list[tuple[Code, str]]:
    """Return what is wrong with an output that was changed so; None takes a member away."""
    return problems("CreateStreamLinkOutputInfo", {"FlowId": "f", "Output": OUTPUT | changes})


def of_srt(**changes: Any) -> list[tuple[Code, str]]:
    """Return what is wrong with SRT settings that were changed so."""
    return of_output(SRTSettings=OUTPUT["SRTSettings"] | changes)


def test_a_whole_request_has_no_problem() -> None:
    """What is right passes, in either profile and with words in any case."""
    assert of_output(Protocol="srt") == []
    assert problems("CreateStreamLinkOutputInfo", {"FlowId": "f", "Output": OUTPUT}, Profile.INTERNATIONAL) == []


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(of_output(OutputName=None), [(Code.MISSING_PARAMETER, "Output.OutputName")], id="missing"),
        pytest.param(of_output(OutputName=""), [(Code.NAME, "Output.OutputName")], id="a name that is empty"),
        pytest.param(
            of_output(OutputName=7), [(Code.INVALID_PARAMETER, "Output.OutputName")], id="a number for a text"
        ),
        pytest.param(of_output(Failover="x"), [(Code.UNKNOWN_PARAMETER, "Output.Failover")], id="unknown"),
        pytest.param(of_srt(Extra=1), [(Code.UNKNOWN_PARAMETER, "Output.SRTSettings.Extra")], id="unknown and nested"),
        pytest.param(of_output(Protocol="WEBRTC"), [(Code.PROTOCOL, "Output.Protocol")], id="no such protocol"),
        pytest.param(of_output(Description="x" * 256), [(Code.OUTPUT, "Output.Description")], id="too long"),
        pytest.param(of_output(MaxConcurrent=5), [(Code.OUTPUT, "Output.MaxConcurrent")], id="too many receivers"),
        pytest.param(
            of_output(SRTSettings=[]), [(Code.INVALID_PARAMETER, "Output.SRTSettings")], id="a list for an object"
        ),
        pytest.param(
            of_output(AllowIpList="x"), [(Code.INVALID_PARAMETER, "Output.AllowIpList")], id="a text for a list"
        ),
        pytest.param(
            of_output(AllowIpList=["10.0.0.0/8", 1]),
            [(Code.INVALID_PARAMETER, "Output.AllowIpList.1")],
            id="a number in a list of texts",
        ),
        pytest.param(of_srt(Latency=3001), [(Code.OUTPUT, "Output.SRTSettings.Latency")], id="too late"),
        pytest.param(
            of_srt(Latency=True), [(Code.INVALID_PARAMETER, "Output.SRTSettings.Latency")], id="true is no number"
        ),
        pytest.param(of_srt(PbKeyLen=20), [(Code.OUTPUT, "Output.SRTSettings.PbKeyLen")], id="no such key length"),
        pytest.param(
            of_srt(Passphrase="short"), [(Code.OUTPUT, "Output.SRTSettings.Passphrase")], id="short passphrase"
        ),
        pytest.param(of_srt(Passphrase=""), [], id="no passphrase"),
        pytest.param(
            of_srt(StreamId="a b"), [(Code.OUTPUT, "Output.SRTSettings.StreamId")], id="a space in a stream id"
        ),
        pytest.param(
            of_srt(FEC={"Enable": 1}), [(Code.INVALID_PARAMETER, "Output.SRTSettings.FEC.Enable")], id="no boolean"
        ),
        pytest.param(
            of_srt(Destinations=[{"Ip": "a", "Port": 1}] * 2),
            [(Code.OUTPUT, "Output.SRTSettings.Destinations")],
            id="two destinations of SRT",
        ),
        pytest.param(
            of_srt(Destinations=[{"Ip": "a", "Port": 65_536}]),
            [(Code.OUTPUT, "Output.SRTSettings.Destinations.0.Port")],
            id="no such port",
        ),
        pytest.param(
            problems("CreateStreamLinkFlow", {"FlowName": "f", "MaxBandwidth": 1}),
            [(Code.MAX_BANDWIDTH, "MaxBandwidth")],
            id="no such bandwidth",
        ),
        pytest.param(
            problems("CreateStreamLinkInput", {"FlowId": "f", "InputGroup": [INPUT | {"InputName": "a-b"}]}),
            [(Code.NAME, "InputGroup.0.InputName")],
            id="an input's name with a dash",
        ),
        pytest.param(
            problems("CreateStreamLinkInput", {"FlowId": "f", "InputGroup": [INPUT | {"FailOver": "on"}]}),
            [(Code.INPUT, "InputGroup.0.FailOver")],
            id="no such failover",
        ),
        pytest.param(
            problems("ModifyStreamLinkInput", {"FlowId": "f", "Input": {"InputId": "i", "InputName": "n"}}),
            [
                (Code.MISSING_PARAMETER, "Input.Description"),
                (Code.MISSING_PARAMETER, "Input.AllowIpList"),
                (Code.MISSING_PARAMETER, "Input.SRTSettings"),
                (Code.MISSING_PARAMETER, "Input.RTPSettings"),
            ],
            id="an edit is a whole input",
        ),
        pytest.param(problems("DescribeStreamLinkFlow", {"FlowId": ""}), [(Code.ID, "FlowId")], id="no id"),
        pytest.param(problems("DescribeStreamLinkFlow", []), [(Code.INVALID_PARAMETER, "")], id="no object"),
        pytest.param(
            problems("DescribeStreamLinkFlows", {"PageNum": 0, "PageSize": 0}),
            [(Code.PAGE_NUM, "PageNum"), (Code.PAGE_SIZE, "PageSize")],
            id="no such page",
        ),
        pytest.param(
            problems("CreateStreamLinkFlow", {"FlowName": "f", "MaxBandwidth": 10_000_000, "EventId": "e"}),
            [(Code.UNKNOWN_PARAMETER, "EventId")],
            id="events are not spoken of",
        ),
    ],
)
def test_problems_are_those_of_the_api(found: list[tuple[Code, str]], expected: list[tuple[Code, str]]) -> None:
    """Each rule has the code that the API answers, and names the member by its path."""
    assert found == expected


def test_the_international_product_lacks_some_members() -> None:
    """What only the mainland product takes is unknown to the other one."""
    payload = {"FlowId": "f", "Output": OUTPUT | {"OutputKind": "Pinpoint"}}

    assert problems("CreateStreamLinkOutputInfo", payload) == []
    assert problems("CreateStreamLinkOutputInfo", payload, Profile.INTERNATIONAL) == [
        (Code.UNKNOWN_PARAMETER, "Output.OutputKind")
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["FlowId", "Output", "Input", "SRTSettings", "Latency", "Mode", "x"]), inner)
    ),
    max_leaves=10,
)


@given(action=st.sampled_from(sorted(ACTIONS)), payload=json_values, profile=st.sampled_from(Profile))
def test_any_json_is_checked_without_failing(action: str, payload: Any, profile: Profile) -> None:
    """Whatever somebody sends gets problems, and never an exception."""
    found = check(ACTIONS[action].request, payload, profile=profile)

    assert all(problem.message.endswith(".") for problem in found)


def test_a_problem_never_quotes_the_value() -> None:
    """A refused passphrase does not come back in the refusal."""
    found = check(
        ACTIONS["CreateStreamLinkOutputInfo"].request,
        {"FlowId": "f", "Output": OUTPUT | {"SRTSettings": {"Destinations": [], "Passphrase": "canary"}}},
    )

    assert found
    assert not any("canary" in problem.message for problem in found)
