"""Flows that read as before are the very same values."""

from typing import Any

import pytest

from reconciler.domain.errors import GarbledError
from reconciler.domain.model import Region
from reconciler.streamlink.decoding import FlowDecoder
from tests.unit.streamlink.test_backend import flow_payload, output_payload

LOCAL, FAR = Region("local"), Region("far")


def a_flow(flow_id: str = "f1", **members: Any) -> dict[str, Any]:
    """Return a flow with an output as the API reads it back, made anew each time."""
    return {**flow_payload(output_payload(), flow_id=flow_id), **members}


def test_what_reads_as_before_is_the_same_value() -> None:
    """Whatever its place in the list; the order is that of the list."""
    decoder = FlowDecoder()
    first = decoder.flows([a_flow("f1"), a_flow("f2")], LOCAL)

    again = decoder.flows([a_flow("f2"), a_flow("f1")], LOCAL)

    assert [found.id for found in again] == ["f2", "f1"]
    assert [id(found) for found in again] == [id(found) for found in reversed(first)]


def test_what_reads_otherwise_is_decoded_anew() -> None:
    """One member of one flow is another one: that flow is another value, and the other one is not."""
    decoder = FlowDecoder()
    one, two = decoder.flows([a_flow("f1"), a_flow("f2")], LOCAL)

    other, same = decoder.flows([a_flow("f1", FlowName="sport"), a_flow("f2")], LOCAL)

    assert (one.live_name, other.live_name) == ("srt_in", "sport")
    assert same is two


def test_an_id_is_one_of_its_region() -> None:
    """A flow lives where it was listed, whatever is known of a flow of that id elsewhere."""
    decoder = FlowDecoder()
    (near,) = decoder.flows([a_flow()], LOCAL)
    (far,) = decoder.flows([a_flow()], FAR)

    assert (near.region, far.region) == (LOCAL, FAR)
    assert decoder.flows([a_flow()], LOCAL)[0] is near


def test_what_is_gone_is_forgotten() -> None:
    """Flows come and go for years; one that comes back is decoded anew."""
    decoder = FlowDecoder()
    (before,) = decoder.flows([a_flow()], LOCAL)
    decoder.forget_all_but([], LOCAL)

    (back,) = decoder.flows([a_flow()], LOCAL)

    assert back == before
    assert back is not before


@pytest.mark.parametrize(
    "members",
    [
        {"FlowId": 7},
        {"FlowId": []},
        {"FlowId": None},
        {"State": "?"},
        {"OutputGroup": [1]},
        {"MaxBandwidth": float(flow_payload()["MaxBandwidth"])},
    ],
)
def test_what_is_outside_the_contract_is_refused_each_time(members: dict[str, Any]) -> None:
    """It is never taken for what was read before, and does not take its place."""
    decoder = FlowDecoder()
    (before,) = decoder.flows([a_flow()], LOCAL)

    for _ in range(2):
        with pytest.raises(GarbledError):
            decoder.flows([a_flow(**members)], LOCAL)

    assert decoder.flows([a_flow()], LOCAL)[0] is before
