"""Who has an answer already is told in a line that it still holds; whoever does not say so is told all."""

import json
from typing import Any

import httpx
import pytest

from tests.unit.relay.calling import Api, Json, output, srt_output

pytestmark = pytest.mark.anyio

LIST = "DescribeStreamLinkFlows"


async def ask(api: Api, action: str, payload: Json | None = None, *, known: str = "", **parts: Any) -> httpx.Response:
    """Return the whole answer for somebody who says what he has."""
    body = json.dumps(payload or {}).encode()
    more = {"If-None-Match": known} if known else {}
    return await api.send(api.headers(action, body, **parts) | more, body)


async def test_what_has_not_changed_is_said_in_a_line(api: Api) -> None:
    """With the id of the request; after any change, all is said again."""
    flow = await api.create_flow(OutputGroup=[srt_output("tower")])
    first = await ask(api, LIST)

    again = await ask(api, LIST, known=first.headers["ETag"])
    await api.done("ModifyStreamLinkFlow", {"FlowId": flow["FlowId"], "FlowName": "sport"})
    after = await ask(api, LIST, known=first.headers["ETag"])

    assert (first.status_code, again.status_code, after.status_code) == (200, 304, 200)
    assert (again.content, again.headers["ETag"]) == (b"", first.headers["ETag"])
    assert len(again.headers["X-TC-RequestId"]) == len(first.json()["Response"]["RequestId"])
    assert after.json()["Response"]["Infos"][0]["FlowName"] == "sport"
    assert after.headers["ETag"] != first.headers["ETag"]


@pytest.mark.parametrize(
    ("payload", "parts"),
    [
        pytest.param({"PageSize": 1}, {}, id="another page"),
        pytest.param({}, {"region": "ap-tokyo"}, id="another region"),
        pytest.param({}, {"service": "mdc"}, id="another profile"),
    ],
)
async def test_a_tag_is_of_what_was_asked(api: Api, payload: Json, parts: dict[str, str]) -> None:
    """Another question has another answer, also where it begins alike."""
    await api.create_flow()
    first = await ask(api, LIST)

    other = await ask(api, LIST, payload, known=first.headers["ETag"], **parts)

    assert other.status_code == 200
    assert other.headers.get("ETag") != first.headers["ETag"]


async def test_what_changes_something_has_no_tag(api: Api) -> None:
    """Nor has an error: whoever asks for those wants to know."""
    flow = await api.create_flow()
    one = {"FlowId": flow["FlowId"]}

    done = await ask(api, "CreateStreamLinkOutputInfo", {**one, "Output": output("tower", "SRT")}, known='"any"')
    refused = await ask(api, "DescribeStreamLinkFlow", {"FlowId": "none"}, known='"any"')

    assert [each.status_code for each in (done, refused)] == [200, 200]
    assert [each.headers.get("ETag") for each in (done, refused)] == [None, None]


async def test_who_may_not_ask_is_told_nothing(api: Api) -> None:
    """Not even that it still holds."""
    await api.create_flow()
    tag = (await ask(api, LIST)).headers["ETag"]
    headers = api.headers(LIST, b"{}") | {"If-None-Match": tag}

    refused = await api.send(headers, b'{"PageNum": 1}')

    assert refused.status_code == 200
    assert refused.json()["Response"]["Error"]["Code"].startswith("AuthFailure")


async def test_a_tag_that_is_not_the_answers_is_no_answer(api: Api) -> None:
    """Only the very one counts; nothing that stands for any."""
    await api.create_flow()
    tag = (await ask(api, LIST)).headers["ETag"]

    for known in ("*", f"W/{tag}", tag.strip('"'), '""'):
        assert (await ask(api, LIST, known=known)).status_code == 200
