"""Answers that say what was said before are not read again; whatever differs by a byte is."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.errors import BackendError, GarbledError, RejectedError
from reconciler.domain.model import Region
from reconciler.streamlink.answers import Answer, tag_of
from reconciler.streamlink.listing import FlowList
from tests.fakes.api import Received, Reply, ScriptedApi, client_of, refusal
from tests.unit.streamlink.test_backend import flow_payload, output_payload

pytestmark = pytest.mark.anyio

LIST = "DescribeStreamLinkFlows"
LOCAL = Region("local")
NEWS = {"Infos": [{"FlowName": "news"}]}
TAG = '"the server\'s"'


def text(fields: dict[str, Any], request_id: str = "r-1") -> bytes:
    """Return an answer as it comes."""
    return json.dumps({"Response": {**fields, "RequestId": request_id}}).encode()


def test_a_tag_is_of_all_but_the_id_of_the_request() -> None:
    """Which is returned beside it."""
    tag, request_id = tag_of(text(NEWS, "r-1"))

    assert tag
    assert request_id == "r-1"
    assert tag_of(text(NEWS, "r-2")) == (tag, "r-2")


@given(st.binary(min_size=1, max_size=3), st.data())
def test_any_other_byte_is_another_tag(other: bytes, data: st.DataObject) -> None:
    """Wherever it is, or it has none."""
    content = text(NEWS)
    begin, end = content.index(b"r-1"), content.index(b"r-1") + 3
    places = [place for place in range(len(content) + 1) if not begin <= place <= end]
    at = data.draw(st.sampled_from(places))

    assert tag_of(content[:at] + other + content[at:])[0] != tag_of(content)[0]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(json.dumps({"Response": NEWS}).encode(), id="no id"),
        pytest.param(json.dumps({"Response": {"RequestId": 7}}).encode(), id="none that is a text"),
        pytest.param(json.dumps({"Response": {"RequestId": "r", "deep": {"RequestId": "r"}}}).encode(), id="two"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_has_not_one_id_has_no_tag(content: bytes) -> None:
    """Nobody knows what to leave out; it is read."""
    assert tag_of(content) == ("", "")


def test_what_somebody_wrote_is_no_id() -> None:
    """A description is inside a string, where its quotes are written otherwise; so another one is another tag."""
    one, other = (text({"Description": f'"RequestId": "{word}"'}, "r-1") for word in ("one", "other"))

    assert tag_of(one)[1] == "r-1"
    assert tag_of(one)[0] != tag_of(other)[0]


async def asked(*replies: Reply, known: str | None = "") -> list[Answer]:
    """Ask as often as there are replies, each time with the tag of the answer before."""
    api, answers = ScriptedApi(DescribeStreamLinkFlows=list(replies)), list[Answer]()
    client = client_of(api)
    for _ in replies:
        answers.append(await client.call(LIST, {}, region="local", known=known))
        known = answers[-1].tag if known is not None else None
    await client.close()
    return answers


async def test_what_is_said_again_is_known() -> None:
    """It is not read, and bears the id of its own request."""
    first, second, third = await asked(NEWS, NEWS, {"Infos": []})

    assert (first.is_known, second.is_known, third.is_known) == (False, True, False)
    assert (first.response["Infos"], second.response, third.response["Infos"]) == (NEWS["Infos"], {}, [])
    assert [each.request_id for each in (first, second, third)] == ["r1", "r2", "r3"]


async def test_who_asks_for_no_tag_reads_all() -> None:
    """Each time."""
    answers = await asked(NEWS, NEWS, known=None)

    assert [(each.tag, each.is_known, each.response["Infos"]) for each in answers] == [("", False, NEWS["Infos"])] * 2


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param(refusal("FailedOperation"), BackendError, id="a refusal"),
        pytest.param(lambda _: httpx.Response(500, content=text(NEWS, "r2")), BackendError, id="another status"),
        pytest.param(lambda _: httpx.Response(304), BackendError, id="a 304 that nobody asked for"),
        pytest.param(lambda _: httpx.Response(200, content=b"{"), GarbledError, id="half of it"),
    ],
)
async def test_what_fails_is_not_known(reply: Reply, expected: type[Exception]) -> None:
    """Whatever was answered before."""
    with pytest.raises(expected):
        await asked(NEWS, *[reply] * 4)


def tagged(received: Received, *, fields: dict[str, Any], tag: str = TAG) -> httpx.Response:
    """Answer as a server that gives tags, and heeds them."""
    if received.headers.get("If-None-Match") == tag:
        return httpx.Response(304, headers={"ETag": tag, "X-TC-RequestId": "r-304"})
    return httpx.Response(200, content=text(fields), headers={"ETag": tag})


async def test_a_server_that_gives_a_tag_may_say_that_it_still_holds() -> None:
    """In a line, and with the id of the request."""
    first, second = await asked(lambda one: tagged(one, fields=NEWS), lambda one: tagged(one, fields=NEWS))

    assert (first.tag, first.is_known, first.response["Infos"]) == (TAG, False, NEWS["Infos"])
    assert (second.tag, second.is_known, second.response, second.request_id) == (TAG, True, {}, "r-304")


async def test_only_a_tag_that_the_server_gave_is_sent_to_it() -> None:
    """And only one that stands for every byte."""
    weak = 'W/"as good as the same"'
    api = ScriptedApi(
        DescribeStreamLinkFlows=[
            lambda one: tagged(one, fields=NEWS, tag=weak),
            lambda one: tagged(one, fields=NEWS),
            lambda one: tagged(one, fields=NEWS, tag='"another"'),
            refusal("InvalidParameter"),
        ]
    )
    client, known, tags = client_of(api), "", list[str]()
    for _ in range(3):
        known = (await client.call(LIST, {}, region="local", known=known)).tag
        tags.append(known)
    with pytest.raises(RejectedError):
        await client.call(LIST, {}, region="local", known=known)

    sent = [received.headers.get("If-None-Match") for received in api.received]
    assert sent == [None, None, TAG, '"another"']
    assert tags == [tag_of(text(NEWS))[0], TAG, '"another"']
    await client.close()


FLOWS = [
    flow_payload(*[output_payload()][:outputs], flow_id=id_, state=state)
    for id_ in ("f1", "f2", "f3", "f4", "f5")
    for state in ("IDLE", "RUNNING")
    for outputs in (0, 1)
]
lists = st.lists(st.sampled_from(FLOWS), max_size=5, unique_by=lambda flow: str(flow["FlowId"]))


@given(st.lists(lists, min_size=2, max_size=5), st.sampled_from(["texts", "tags"]))
async def test_list_after_list_is_read_as_if_it_were_the_first(listed: list[list[dict[str, Any]]], by: str) -> None:
    """Whatever is known of its pages and its flows, and whoever says what is the same."""
    now: list[dict[str, Any]] = []

    def page(received: Received) -> Any:
        # So many a page as a service that takes no more; more would be refused.
        size, number = received.payload["PageSize"], received.payload["PageNum"]
        if size > 25:
            return refusal("InvalidParameter.PageSize")
        part = now[(number - 1) * 2 : number * 2]
        fields = {"Infos": part, "TotalNum": len(now)}
        return fields if by == "texts" else tagged(received, fields=fields, tag=f'"{hash(repr(fields))}"')

    kept = FlowList(client_of(ScriptedApi(DescribeStreamLinkFlows=page)))
    for now in listed:
        found = await kept.read(LOCAL)

        assert found == await FlowList(client_of(ScriptedApi(DescribeStreamLinkFlows=page))).read(LOCAL)
        assert [flow.id for flow in found] == [flow["FlowId"] for flow in now]
