"""What must be signed where a network may listen, and that a signature is good for one write."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.relay.api.door import AS_THE_SDK_WITH_BODY, WHOLE, Door
from reconciler.relay.signatures import SpentSignatures
from reconciler.streamlink.signing import SIGNED_HEADERS, SignedParts, authorization
from tests.unit.relay.calling import HOST, KEYS, NOW_S, VERSIONS, Api, Json, make_plane

pytestmark = pytest.mark.anyio

LIST = "DescribeStreamLinkFlows"
DELETE = "DeleteStreamLinkFlow"
CREATE = b'{"FlowName": "second", "MaxBandwidth": 10000000}'
SDK_SIGNS = ("content-type", "host")


@pytest.fixture
async def spent(tmp_path: Path) -> AsyncIterator[SpentSignatures]:
    """Remember what was let in."""
    kept = await SpentSignatures.open(tmp_path)
    yield kept
    await kept.close()


@pytest.fixture
async def api(tmp_path: Path, spent: SpentSignatures) -> AsyncIterator[Api]:
    """Speak to a control plane whose door is the one off loopback."""
    plane = await make_plane(tmp_path)
    speaking = Api(plane, Door(credentials=KEYS, now_s=lambda: NOW_S, demands=WHOLE, spent=spent))
    yield speaking
    await speaking.close()
    await plane.carriage.close()
    await plane.catalogue.close()


def signed(action: str, body: bytes, *, covers: tuple[str, ...], **more: str) -> dict[str, str]:
    """Return a request's headers whose signature covers so much."""
    parts = SignedParts(
        service="mps",
        host=HOST,
        action=action,
        version=VERSIONS["mps"],
        region="ap-singapore",
        timestamp_s=int(NOW_S),
        body=body,
    )
    headers = {
        "Content-Type": "application/json",
        "Host": HOST,
        "X-TC-Action": action,
        "X-TC-Region": "ap-singapore",
        "X-TC-Timestamp": str(int(NOW_S)),
        "X-TC-Version": VERSIONS["mps"],
        **more,
    }
    return headers | {"Authorization": authorization(headers, parts, KEYS, signed=covers)}


async def refusal(api: Api, headers: Mapping[str, str], body: bytes) -> Json:
    """Return what a request is refused with; empty when it is not."""
    answer = (await api.send(headers, body)).json()["Response"]
    error: Json = answer.get("Error", {})
    return error


@pytest.mark.parametrize("left_out", ["x-tc-action", "x-tc-region", "x-tc-version"])
async def test_all_that_a_call_means_is_signed(api: Api, left_out: str) -> None:
    """A signature that leaves open what is done, where, or in which words, is none; the message lists the headers."""
    covers = tuple(name for name in SIGNED_HEADERS if name != left_out)

    refused = await refusal(api, signed(LIST, b"{}", covers=covers), b"{}")

    assert refused["Code"] == "AuthFailure.InvalidAuthorization"
    assert "content-type, host, x-tc-action, x-tc-region, x-tc-version" in refused["Message"]


async def test_the_timestamp_need_not_be_listed(api: Api) -> None:
    """The scheme has it in every signature; a changed one is another signature."""
    covers = tuple(name for name in SIGNED_HEADERS if name != "x-tc-timestamp")
    headers = signed(LIST, b"{}", covers=covers)

    accepted = await refusal(api, headers, b"{}")
    changed = await refusal(api, headers | {"X-TC-Timestamp": str(int(NOW_S) + 1)}, b"{}")

    assert (accepted, changed["Code"]) == ({}, "AuthFailure.SignatureFailure")


async def test_an_overheard_read_is_not_sent_again_as_a_delete(api: Api) -> None:
    """Not with another action, nor with a second header of the name, nor signed as the official SDK does it."""
    flow = await api.create_flow()
    body = f'{{"FlowId": "{flow["FlowId"]}"}}'.encode()
    overheard = api.headers("DescribeStreamLinkFlow", body)

    as_delete = await refusal(api, overheard | {"X-TC-Action": DELETE}, body)
    twice = (await api.send_raw([("X-TC-Action", DELETE), *overheard.items()], body))["Error"]
    after = (await api.send_raw([*overheard.items(), ("X-TC-Action", DELETE)], body))["Error"]
    of_the_sdk = await refusal(
        api, signed("DescribeStreamLinkFlow", body, covers=SDK_SIGNS) | {"X-TC-Action": DELETE}, body
    )

    assert as_delete["Code"] == "AuthFailure.SignatureFailure"
    assert (twice["Code"], twice["Message"]) == (after["Code"], after["Message"])
    assert (twice["Code"], "twice" in twice["Message"]) == ("AuthFailure.InvalidAuthorization", True)
    assert of_the_sdk["Code"] == "AuthFailure.InvalidAuthorization"
    assert await api.describe(flow)


async def test_a_write_is_let_in_once(api: Api) -> None:
    """Sent again it is refused, though what it made is gone; the message says what to do."""
    headers = api.headers("CreateStreamLinkFlow", CREATE)

    first = await refusal(api, headers, CREATE)
    repeated = await refusal(api, headers, CREATE)

    assert (first, repeated["Code"]) == ({}, "AuthFailure.SignatureExpire")
    assert "sign anew" in repeated["Message"]
    assert (await api.done(LIST))["TotalNum"] == 1


async def test_a_read_may_come_again(api: Api) -> None:
    """Equal reads of one second bear one signature, and tell nobody more than the first did."""
    headers = api.headers(LIST, b"{}")

    assert [await refusal(api, headers, b"{}") for _ in range(3)] == [{}, {}, {}]


async def test_what_was_refused_is_not_used_up(api: Api) -> None:
    """A request that is malformed was let in nowhere, so it leaves no trace."""
    body = b'{"FlowName": 1}'
    headers = api.headers("CreateStreamLinkFlow", body)

    refused = [(await refusal(api, headers, body))["Code"] for _ in range(2)]

    assert refused == ["InvalidParameter", "InvalidParameter"]


async def test_nothing_is_done_that_cannot_be_remembered(tmp_path: Path) -> None:
    """Where there is no room for a signature, or no disk, the write is refused and can be sent later."""
    plane = await make_plane(tmp_path)
    full = await SpentSignatures.open(tmp_path, most=0)
    api = Api(plane, Door(credentials=KEYS, now_s=lambda: NOW_S, demands=WHOLE, spent=full))

    refused = await refusal(api, api.headers("CreateStreamLinkFlow", CREATE), CREATE)

    assert refused["Code"] == "RequestLimitExceeded"
    assert plane.catalogue.flows() == ()
    for part in (api, full, plane.carriage, plane.catalogue):
        await part.close()


async def test_a_body_that_nobody_vouches_for_is_refused(api: Api) -> None:
    """Whatever else is accepted there, the body is signed."""
    unsigned = {"X-TC-Content-SHA256": "UNSIGNED-PAYLOAD"}
    as_sdk = Api(api.plane, Door(credentials=KEYS, now_s=lambda: NOW_S, demands=AS_THE_SDK_WITH_BODY))

    strict = await refusal(api, signed(LIST, b"UNSIGNED-PAYLOAD", covers=SIGNED_HEADERS, **unsigned), b"{}")
    lenient = await refusal(as_sdk, signed(LIST, b"UNSIGNED-PAYLOAD", covers=SDK_SIGNS, **unsigned), b"{}")
    whole = await refusal(as_sdk, signed(LIST, b"{}", covers=SDK_SIGNS), b"{}")

    assert (strict["Code"], lenient["Code"], whole) == (
        "AuthFailure.InvalidAuthorization",
        "AuthFailure.InvalidAuthorization",
        {},
    )
    await as_sdk.close()


@pytest.mark.parametrize("skew_s", [-301, 301])
async def test_a_clock_that_is_off_is_told_so(api: Api, skew_s: int) -> None:
    """Five minutes are allowed, either way."""
    code = await api.code(LIST, timestamp_s=int(NOW_S) + skew_s)

    assert code == "AuthFailure.SignatureExpire"


async def test_a_stranger_s_body_is_not_read(api: Api) -> None:
    """Who shows no key that is known here is refused by the headers alone."""
    read = []

    async def endless() -> AsyncIterator[bytes]:
        read.append(1)
        yield b"x"

    answer: Any = await api.stream({"X-TC-Action": LIST}, endless())

    assert answer["Error"]["Code"] == "AuthFailure.InvalidAuthorization"
    assert read == []
