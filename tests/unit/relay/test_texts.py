"""Answers as texts, and what is made of a flow once."""

import json
from dataclasses import replace
from typing import Any

import pytest

from reconciler.relay.api.texts import Written, digest_of, text_of
from reconciler.relay.flows import Flow
from reconciler.relay.per_flow import PerFlow
from reconciler.streamlink.wire import Profile
from tests.unit.relay.calling import Api, Json, srt_input, srt_output

NEWS = Flow(id="f1", region="local", name="news", max_bandwidth_bps=10_000_000, host="127.0.0.1")


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"a": 1, "b": None, "c": [1, {"d": "e"}], "f": {}}, id="of every kind"),
        pytest.param({"a": 'quote " and \\, ü, \ud800'}, id="what JSON escapes"),
        pytest.param({"Info": Written({"a": [1]})}, id="a written member"),
        pytest.param({"Infos": [Written({"a": 1}), Written({})], "TotalNum": 2}, id="a list of written ones"),
        pytest.param({"Infos": [Written({"a": 1}), {"b": 2}], "Empty": []}, id="a list of both"),
        pytest.param({"deep": {"deeper": [Written({"a": 1})]}}, id="a written one further down"),
    ],
)
def test_a_text_says_what_its_fields_say(fields: dict[str, Any]) -> None:
    """Byte for byte as if nothing had been written before."""
    assert text_of(fields) == json.dumps(fields, separators=(",", ":"))


def test_a_digest_is_of_the_text_alone() -> None:
    """The same when all is written anew, and another one for any other text."""
    said: list[dict[str, Any]] = [
        {"Infos": [Written({"a": 1}), Written({"b": 2})], "TotalNum": 2},
        {"Infos": [Written({"b": 2}), Written({"a": 1})], "TotalNum": 2},
        {"Infos": [Written({"a": 1}), Written({"b": 2})], "TotalNum": 3},
        {"Infos": [Written({"a": 1}), Written({"b": "2"})], "TotalNum": 2},
        {"Infos": [Written({"a": 1})], "TotalNum": 2},
        {"Info": Written({"a": 1})},
        {},
    ]
    digests = [digest_of(fields) for fields in said]

    assert digest_of({"Infos": [Written({"a": 1}), Written({"b": 2})], "TotalNum": 2}) == digests[0]
    assert len(set(digests)) == len(said)


def test_what_is_written_is_not_written_again() -> None:
    """Its text is taken as it is."""
    written = Written({"a": 1})
    written.text = '{"a":"as it was"}'

    assert text_of({"Info": written, "Infos": [written]}) == '{"Info":{"a":"as it was"},"Infos":[{"a":"as it was"}]}'


def test_a_flow_that_is_the_very_same_is_made_once() -> None:
    """Another value under its id, or another way, is made anew; one that is gone is forgotten."""
    made: list[str] = []

    def make(flow: Flow) -> str:
        made.append(flow.name)
        return flow.name

    kept: PerFlow[str] = PerFlow()
    sport = replace(NEWS, name="sport")
    told = [kept.of(flow, way, make) for flow, way in ((NEWS, 1), (NEWS, 1), (sport, 1), (sport, 2), (sport, 2))]
    kept.forget(sport)
    kept.forget(sport)

    assert told == ["news", "news", "sport", "sport", "sport"]
    assert made == ["news", "sport", "sport"]
    assert kept.of(sport, 2, make) == "sport"
    assert made == ["news", "sport", "sport", "sport"]


def test_nothing_of_what_was_made_is_shown() -> None:
    """There may be passphrases in it."""
    kept: PerFlow[str] = PerFlow()

    assert kept.of(NEWS, 1, lambda _: "canary") == "canary"
    assert "canary" not in repr(kept)


@pytest.mark.anyio
async def test_a_list_says_what_a_flow_is_now(api: Api) -> None:
    """After every change of a flow, and in either profile, the list says what the flow alone says."""
    flow = await api.create_flow(OutputGroup=[srt_output("tower")])
    other = await api.create_flow(FlowName="sport")
    named = {"FlowId": flow["FlowId"]}
    (made,) = flow["OutputGroup"]
    sent = {name: value for name, value in srt_output("mast").items() if name != "OutputRegion"}
    renamed = {**sent, "OutputId": made["OutputId"]}
    gone = api.plane.catalogue.flow(other["FlowId"])
    assert gone is not None

    assert (await listed(api)).keys() == {"news", "sport"}
    await api.done("ModifyStreamLinkOutputInfo", {**named, "Output": renamed})
    assert (await listed(api))["news"]["OutputGroup"][0]["OutputName"] == "mast"
    await api.done("StartStreamLinkFlow", named)
    assert (await listed(api))["news"]["State"] == "RUNNING"
    await api.done("ModifyStreamLinkFlow", {**named, "FlowName": "film"})
    assert (await listed(api)).keys() == {"film", "sport"}
    await api.done("DeleteStreamLinkFlow", {"FlowId": other["FlowId"]})
    assert (await listed(api)).keys() == {"film"}
    assert api.plane.described.of(gone, Profile.MAINLAND, lambda _: "made anew") == "made anew"
    await api.create_flow(FlowName="sport", InputGroup=[srt_input()])
    assert (await listed(api)).keys() == {"film", "sport"}


async def listed(api: Api) -> Json:
    """Return the flows of the list by their names; each of them as it is described alone, in either profile."""
    for service in ("mps", "mdc"):
        for each in (await api.done("DescribeStreamLinkFlows", service=service))["Infos"]:
            named = {"FlowId": each["FlowId"]}
            assert (await api.done("DescribeStreamLinkFlow", named, service=service))["Info"] == each
    answer = await api.done("DescribeStreamLinkFlows")
    return {each["FlowName"]: each for each in answer["Infos"]}
