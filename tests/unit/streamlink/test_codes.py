"""What each code means for who called."""

import pytest

from reconciler.streamlink.codes import Class, Code, class_of


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("InvalidParameter.NotFound", Class.ABSENT),
        ("InvalidParameter.Id", Class.ABSENT),
        ("InvalidParameter.OutputId", Class.ABSENT),
        ("ResourceNotFound.Flow", Class.ABSENT),
        ("InvalidParameter.State", Class.WRONG_STATE),
        ("InvalidParameter.Output", Class.PLAN_ERROR),
        ("InvalidParameter", Class.PLAN_ERROR),
        ("InvalidParameterValue.Range", Class.PLAN_ERROR),
        ("MissingParameter", Class.PLAN_ERROR),
        ("UnsupportedRegion", Class.PLAN_ERROR),
        ("InvalidParameter.ExceededQuantityLimit", Class.QUOTA),
        ("LimitExceeded.Flows", Class.QUOTA),
        ("RequestLimitExceeded.UinLimitExceeded", Class.THROTTLE),
        ("InternalError.Database", Class.TRANSIENT),
        ("FailedOperation.NetWorkError", Class.TRANSIENT),
        ("FailedOperation.UserArrears", Class.CREDENTIALS),
        ("AuthFailure.SignatureExpire", Class.CREDENTIALS),
        ("UnauthorizedOperation", Class.CREDENTIALS),
        ("NeverSeenBefore.Sub", Class.TRANSIENT),
    ],
)
def test_codes_have_the_class_of_the_reference(code: str, expected: Class) -> None:
    """The class of a code decides what the caller does next."""
    assert class_of(code) is expected


def test_every_known_code_belongs_to_a_family() -> None:
    """No code of the API falls through to the class of unheard-of ones by accident."""
    by_accident = [code for code in Code if class_of(code) is Class.TRANSIENT]

    assert set(by_accident) == {
        Code.FAILED_OPERATION,
        Code.NETWORK_ERROR,
        Code.INTERNAL_ERROR,
        Code.RESOURCE_INSUFFICIENT,
        Code.RESOURCE_UNAVAILABLE,
        Code.RESPONSE_SIZE_LIMIT_EXCEEDED,
        Code.SERVICE_UNAVAILABLE,
    }
