"""Requests that never become a call, and the codes that say why."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.relay.api.table import HANDLERS
from reconciler.relay.limits import MAX_BODY_BYTES
from reconciler.streamlink.signing import SignedParts, authorization
from reconciler.streamlink.wire import ACTIONS
from tests.unit.relay.calling import KEYS, NOW_S, Api

pytestmark = pytest.mark.anyio

LIST = "DescribeStreamLinkFlows"


def test_every_action_is_carried_out() -> None:
    """The relay serves exactly the actions that the wire types name."""
    assert HANDLERS.keys() == ACTIONS.keys()


async def test_an_answer_has_the_one_content_type_whose_errors_the_sdk_reads(api: Api) -> None:
    """Success and refusal alike are 200, `application/json` without a charset, with a request id."""
    for headers in (api.headers(LIST, b"{}"), {}):
        answer = await api.send(headers, b"{}")

        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert len(answer.json()["Response"]["RequestId"]) == 36


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        pytest.param({"version": "2020-08-28"}, "NoSuchVersion", id="the other product's version"),
        pytest.param({"version": ""}, "MissingParameter", id="no version"),
        pytest.param({"action": ""}, "MissingParameter", id="no action"),
        pytest.param({"action": "DescribeEverything"}, "InvalidAction", id="no such action"),
        pytest.param({"action": "BatchDeleteStreamLinkFlow"}, "InvalidAction", id="batches are not served"),
        pytest.param({"action": "CreateStreamLinkEvent"}, "InvalidAction", id="events are not served"),
        pytest.param(
            {"service": "mdc", "action": "DescribeStreamLinkActivateState"}, "InvalidAction", id="mainland only"
        ),
        pytest.param({"region": ""}, "MissingParameter", id="no region"),
        pytest.param({"region": "na-ashburn"}, "UnsupportedRegion", id="a region of others"),
        pytest.param({"timestamp_s": int(NOW_S) - 301}, "AuthFailure.SignatureExpire", id="an old clock"),
        pytest.param({"service": "cvm", "version": "1"}, "AuthFailure.InvalidAuthorization", id="another service"),
    ],
)
async def test_what_the_headers_get_wrong(api: Api, parts: dict[str, Any], code: str) -> None:
    """Each header that is missing, unknown or old has its code."""
    chosen = dict(parts)

    refused = await api.code(chosen.pop("action", LIST), **chosen)

    assert refused == code


async def test_a_changed_body_is_not_the_one_that_was_signed(api: Api) -> None:
    """The signature covers the body."""
    headers = api.headers(LIST, b"{}")

    answer = await api.send(headers, b'{"PageSize": 1}')

    assert answer.json()["Response"]["Error"]["Code"] == "AuthFailure.SignatureFailure"


async def test_strangers_are_not_counted(api: Api) -> None:
    """The counter holds signed calls alone, refused ones too."""
    await api.send({"X-TC-Action": LIST}, b"{}")
    await api.done(LIST)
    await api.code(LIST, {"PageSize": 101})

    assert api.plane.calls == {LIST: 2}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"", "InvalidRequest", id="nothing"),
        pytest.param(b"{", "InvalidRequest", id="half a JSON"),
        pytest.param(b"<html>", "InvalidRequest", id="HTML"),
        pytest.param(b"\xff\xfe{}", "InvalidRequest", id="no UTF-8"),
        pytest.param(b'{"PageSize": NaN}', "InvalidRequest", id="no number"),
        pytest.param(b'{"PageSize": ' + b"9" * 5000 + b"}", "InvalidRequest", id="a number without end"),
        pytest.param(b"[" * 100_000, "InvalidRequest", id="nested without end"),
        pytest.param(b'{"FlowName": "\\ud800"}', "InvalidRequest", id="half a character"),
        pytest.param(b"[]", "InvalidParameter", id="a list"),
        pytest.param(b'"text"', "InvalidParameter", id="a string"),
        pytest.param(b'{"PageSize": "10"}', "InvalidParameter", id="a number as text"),
        pytest.param(b'{"PageSize": true}', "InvalidParameter", id="a boolean for a number"),
        pytest.param(b'{"Pagesize": 10}', "UnknownParameter", id="a misspelt parameter"),
        pytest.param(b'{"PageSize": 0}', "InvalidParameter.PageSize", id="an empty page"),
        pytest.param(b'{"PageNum": 0}', "InvalidParameter.PageNum", id="page nought"),
    ],
)
async def test_what_a_body_gets_wrong(api: Api, body: bytes, code: str) -> None:
    """A body that is no request is refused, never an internal error."""
    answer = await api.send(api.headers(LIST, body), body)

    assert answer.json()["Response"]["Error"]["Code"] == code


async def test_a_body_that_is_too_large_is_refused(api: Api) -> None:
    """Ten megabytes are the limit."""
    body = b" " * (MAX_BODY_BYTES + 1)

    answer = await api.send(api.headers(LIST, body), body)

    assert answer.json()["Response"]["Error"]["Code"] == "RequestSizeLimitExceeded"


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("PUT", "/"), ("POST", "/api"), ("BREW", "/")])
async def test_other_methods_and_paths_are_answered_in_the_same_words(api: Api, method: str, path: str) -> None:
    """There is one address and one method; the rest gets the API's own error, not a page."""
    answer = await api.send(api.headers(LIST, b"{}"), b"{}", method=method, path=path)

    assert (answer.status_code, answer.json()["Response"]["Error"]["Code"]) == (200, "UnsupportedProtocol")


async def test_a_form_is_no_request(api: Api) -> None:
    """Only JSON is read, however well another content type is signed."""
    headers = {**api.headers(LIST, b"a=1"), "Content-Type": "application/x-www-form-urlencoded"}
    parts = SignedParts(
        service="mps",
        host=headers["Host"],
        action=LIST,
        version=headers["X-TC-Version"],
        region=headers["X-TC-Region"],
        timestamp_s=int(NOW_S),
        body=b"a=1",
    )
    headers["Authorization"] = authorization(headers, parts, KEYS)

    answer = await api.send(headers, b"a=1")

    assert answer.json()["Response"]["Error"]["Code"] == "InvalidRequest"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = sorted({field.name for action in ACTIONS.values() for field in action.request.fields} | {"SRTSettings"})
ENDS = st.fixed_dictionaries(
    {},
    optional={
        "InputName": st.sampled_from(["camera", "", "ü"]) | JSON,
        "OutputName": st.just("tower") | JSON,
        "Description": st.just("") | JSON,
        "Protocol": st.sampled_from(["SRT", "RTP", "RTMP", "rtmp_pull", "RTSP_PULL", "RIST", "HLS_PULL", "x"]) | JSON,
        "OutputRegion": st.just("ap-singapore") | JSON,
        "AllowIpList": st.just(["10.0.0.0/8"]) | JSON,
        "Zones": JSON,
        "SRTSettings": st.dictionaries(
            st.sampled_from(["Mode", "Latency", "Destinations", "SourceAddresses", "Passphrase", "FEC"]), JSON
        )
        | JSON,
        "RTMPSettings": st.fixed_dictionaries({"Destinations": JSON}) | JSON,
        "RTPSettings": JSON,
    },
)
PAYLOADS = st.dictionaries(
    st.sampled_from(MEMBERS) | st.text(), JSON | ENDS | st.lists(ENDS, max_size=2) | st.just("news"), max_size=5
)
CREATES = st.fixed_dictionaries(
    {"FlowName": st.text(max_size=4), "MaxBandwidth": st.just(10_000_000)},
    optional={"InputGroup": st.lists(ENDS, max_size=2), "OutputGroup": st.lists(ENDS, max_size=2)},
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    request=st.tuples(st.sampled_from(sorted(HANDLERS)), PAYLOADS | JSON)
    | st.tuples(st.just("CreateStreamLinkFlow"), CREATES)
)
async def test_no_body_makes_an_internal_error(api: Api, request: tuple[str, Any]) -> None:
    """Whatever JSON is sent to whatever action, the answer is a success or says what is wrong with it."""
    action, payload = request
    body = json.dumps(payload).encode()

    answer = await api.send(api.headers(action, body), body)

    assert answer.status_code == 200
    assert answer.json()["Response"].get("Error", {}).get("Code") != "InternalError"
