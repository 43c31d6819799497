"""TC3-HMAC-SHA256: the published vector, the way back, and every refusal."""

from dataclasses import replace

import pytest

from reconciler.streamlink.signing import (
    MAX_CLOCK_SKEW_S,
    Credentials,
    SignatureRefused,
    SignedParts,
    Signer,
    authorization,
    signed_headers,
    verify,
)

KEYS = Credentials(secret_id="AKIDEXAMPLE", secret_key="SECRETEXAMPLE")
NOW_S = 1_700_000_000
PARTS = SignedParts(
    service="mps",
    host="mps.tencentcloudapi.com",
    action="DescribeStreamLinkFlow",
    version="2019-06-12",
    region="ap-guangzhou",
    timestamp_s=NOW_S,
    body=b'{"FlowId": "f"}',
)
KNOWN = {KEYS.secret_id: KEYS.secret_key}.get
SDK_HEADERS = {"Content-Type": "application/json", "Host": "mps.tencentcloudapi.com"}


def test_the_vector_of_the_official_sdk_is_reproduced() -> None:
    """The same request gets the signature that the official SDK gives it."""
    signed = authorization(SDK_HEADERS, PARTS, KEYS, signed=("content-type", "host"))

    assert signed == (
        "TC3-HMAC-SHA256 Credential=AKIDEXAMPLE/2023-11-14/mps/tc3_request, SignedHeaders=content-type;host, "
        "Signature=c245f074bc79f742a6caa78076f0ce0566364a62ffacdbbcabe3ba2b3d1afc6c"
    )


def test_what_the_official_sdk_signs_is_accepted() -> None:
    """A request that signs two headers alone is whole; more are our client's choice."""
    signed = authorization(SDK_HEADERS, PARTS, KEYS, signed=("content-type", "host"))
    headers = {**SDK_HEADERS, "X-TC-Timestamp": str(NOW_S), "Authorization": signed}

    assert verify(headers, PARTS.body, secret_key_of=KNOWN, now_s=NOW_S) == Signer(
        secret_id="AKIDEXAMPLE", service="mps"
    )


@pytest.mark.parametrize("skew_s", [-MAX_CLOCK_SKEW_S, 0, MAX_CLOCK_SKEW_S])
def test_what_we_sign_is_accepted(skew_s: int) -> None:
    """A signature holds within five minutes of either clock."""
    headers = signed_headers(PARTS, KEYS)

    assert verify(headers, PARTS.body, secret_key_of=KNOWN, now_s=NOW_S + skew_s).secret_id == "AKIDEXAMPLE"


def test_a_body_that_is_declared_unsigned_may_be_any() -> None:
    """The scheme lets a client leave its body out of the signature, if it says so."""
    headers = {**SDK_HEADERS, "X-TC-Timestamp": str(NOW_S), "X-TC-Content-SHA256": "UNSIGNED-PAYLOAD"}
    unsigned = replace(PARTS, body=b"UNSIGNED-PAYLOAD")
    headers["Authorization"] = authorization(headers, unsigned, KEYS, signed=("content-type", "host"))

    assert verify(headers, b"{}", secret_key_of=KNOWN, now_s=NOW_S).service == "mps"


@pytest.mark.parametrize("header", ["X-TC-Action", "X-TC-Region", "X-TC-Version", "Host"])
def test_a_signed_header_cannot_be_exchanged(header: str) -> None:
    """Whoever stands between cannot turn one call into another."""
    headers = signed_headers(PARTS, KEYS) | {header: "other"}

    with pytest.raises(SignatureRefused) as refused:
        verify(headers, PARTS.body, secret_key_of=KNOWN, now_s=NOW_S)

    assert refused.value.code == "AuthFailure.SignatureFailure"


def refused_headers(**changes: str) -> dict[str, str]:
    """Return signed headers with some replaced, names written with underscores."""
    return signed_headers(PARTS, KEYS) | {name.replace("_", "-"): value for name, value in changes.items()}


@pytest.mark.parametrize(
    ("headers", "body", "now_s", "code"),
    [
        pytest.param({}, b"", NOW_S, "AuthFailure.InvalidAuthorization", id="no authorization"),
        pytest.param(
            refused_headers(Authorization="Bearer x"),
            b"",
            NOW_S,
            "AuthFailure.InvalidAuthorization",
            id="another scheme",
        ),
        pytest.param(
            signed_headers(replace(PARTS, service="cvm"), KEYS),
            PARTS.body,
            NOW_S,
            "AuthFailure.InvalidAuthorization",
            id="another service",
        ),
        pytest.param(
            refused_headers(Authorization=authorization(SDK_HEADERS, PARTS, KEYS, signed=("host",))),
            PARTS.body,
            NOW_S,
            "AuthFailure.InvalidAuthorization",
            id="content type unsigned",
        ),
        pytest.param(
            {name: value for name, value in refused_headers().items() if name != "X-TC-Action"},
            PARTS.body,
            NOW_S,
            "AuthFailure.InvalidAuthorization",
            id="a signed header is not sent",
        ),
        pytest.param(
            refused_headers(X_TC_Timestamp="soon"), PARTS.body, NOW_S, "AuthFailure.InvalidAuthorization", id="no time"
        ),
        pytest.param(
            refused_headers(), PARTS.body, NOW_S + 301, "AuthFailure.SignatureExpire", id="our clock is ahead"
        ),
        pytest.param(
            refused_headers(), PARTS.body, NOW_S - 301, "AuthFailure.SignatureExpire", id="our clock is behind"
        ),
        pytest.param(
            refused_headers(X_TC_Timestamp=str(NOW_S + 86_400)),
            PARTS.body,
            NOW_S + 86_400,
            "AuthFailure.SignatureFailure",
            id="the scope is of another day",
        ),
        pytest.param(refused_headers(), b"{}", NOW_S, "AuthFailure.SignatureFailure", id="another body"),
        pytest.param(
            signed_headers(PARTS, replace(KEYS, secret_key="other")),
            PARTS.body,
            NOW_S,
            "AuthFailure.SignatureFailure",
            id="another key",
        ),
        pytest.param(
            signed_headers(PARTS, replace(KEYS, secret_id="AKIDOTHER")),
            PARTS.body,
            NOW_S,
            "AuthFailure.SecretIdNotFound",
            id="nobody's id",
        ),
        pytest.param(
            signed_headers(PARTS, replace(KEYS, token="t")),
            PARTS.body,
            NOW_S,
            "AuthFailure.TokenFailure",
            id="temporary credentials",
        ),
    ],
)
def test_what_is_not_proven_is_refused(headers: dict[str, str], body: bytes, now_s: int, code: str) -> None:
    """Each way to fail has the API's own code, and none lets anything through."""
    with pytest.raises(SignatureRefused) as refused:
        verify(headers, body, secret_key_of=KNOWN, now_s=now_s)

    assert refused.value.code == code


def test_credentials_do_not_show_their_keys() -> None:
    """Whatever prints credentials prints the id alone."""
    keys = Credentials(secret_id="id", secret_key="canary", token="canary")

    assert "canary" not in repr(keys)
