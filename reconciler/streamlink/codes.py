"""The API's error codes, and what each means for who called: the one table from which errors are made."""

from enum import StrEnum
from typing import Final


class Code(StrEnum):
    """A code that the API answers. Messages are not stable: branch on these alone."""

    ACTION_OFFLINE = "ActionOffline"
    INVALID_AUTHORIZATION = "AuthFailure.InvalidAuthorization"
    INVALID_SECRET_ID = "AuthFailure.InvalidSecretId"  # noqa: S105 -- a code, not a secret.
    MFA_FAILURE = "AuthFailure.MFAFailure"
    SECRET_ID_NOT_FOUND = "AuthFailure.SecretIdNotFound"  # noqa: S105 -- a code, not a secret.
    SIGNATURE_EXPIRE = "AuthFailure.SignatureExpire"
    SIGNATURE_FAILURE = "AuthFailure.SignatureFailure"
    TOKEN_FAILURE = "AuthFailure.TokenFailure"  # noqa: S105 -- a code, not a secret.
    UNAUTHORIZED_BY_AUTH = "AuthFailure.UnauthorizedOperation"
    DRY_RUN = "DryRunOperation"
    FAILED_OPERATION = "FailedOperation"
    NETWORK_ERROR = "FailedOperation.NetWorkError"
    USER_ARREARS = "FailedOperation.UserArrears"
    INTERNAL_ERROR = "InternalError"
    INVALID_ACTION = "InvalidAction"
    INVALID_PARAMETER = "InvalidParameter"
    INVALID_PARAMETER_VALUE = "InvalidParameterValue"
    INVALID_REQUEST = "InvalidRequest"
    IP_IN_BLACKLIST = "IpInBlacklist"
    IP_NOT_IN_WHITELIST = "IpNotInWhitelist"
    LIMIT_EXCEEDED = "LimitExceeded"
    MISSING_PARAMETER = "MissingParameter"
    NO_SUCH_PRODUCT = "NoSuchProduct"
    NO_SUCH_VERSION = "NoSuchVersion"
    REQUEST_LIMIT_EXCEEDED = "RequestLimitExceeded"
    REGION_UIN_LIMIT_EXCEEDED = "RequestLimitExceeded.GlobalRegionUinLimitExceeded"
    IP_LIMIT_EXCEEDED = "RequestLimitExceeded.IPLimitExceeded"
    UIN_LIMIT_EXCEEDED = "RequestLimitExceeded.UinLimitExceeded"
    REQUEST_SIZE_LIMIT_EXCEEDED = "RequestSizeLimitExceeded"
    RESOURCE_IN_USE = "ResourceInUse"
    RESOURCE_INSUFFICIENT = "ResourceInsufficient"
    RESOURCE_NOT_FOUND = "ResourceNotFound"
    RESOURCE_UNAVAILABLE = "ResourceUnavailable"
    RESPONSE_SIZE_LIMIT_EXCEEDED = "ResponseSizeLimitExceeded"
    SERVICE_UNAVAILABLE = "ServiceUnavailable"
    UNAUTHORIZED = "UnauthorizedOperation"
    UNKNOWN_PARAMETER = "UnknownParameter"
    UNSUPPORTED_OPERATION = "UnsupportedOperation"
    UNSUPPORTED_PROTOCOL = "UnsupportedProtocol"
    UNSUPPORTED_REGION = "UnsupportedRegion"

    ALREADY_ASSOCIATED_INPUT = "InvalidParameter.AlreadyAssociatedInput"
    END_TIME = "InvalidParameter.EndTime"
    EXCEEDED_QUANTITY_LIMIT = "InvalidParameter.ExceededQuantityLimit"
    ID = "InvalidParameter.Id"
    INPUT = "InvalidParameter.Input"
    INPUT_OUTPUT_ID = "InvalidParameter.InputOutputId"
    MAX_BANDWIDTH = "InvalidParameter.MaxBandwidth"
    NAME = "InvalidParameter.Name"
    NOT_FOUND = "InvalidParameter.NotFound"
    OUTPUT = "InvalidParameter.Output"
    OUTPUT_GROUPS = "InvalidParameter.OutputGroups"
    OUTPUT_ID = "InvalidParameter.OutputId"
    PAGE_NUM = "InvalidParameter.PageNum"
    PAGE_SIZE = "InvalidParameter.PageSize"
    PERIOD = "InvalidParameter.Period"
    PIPELINE = "InvalidParameter.Pipeline"
    PROTOCOL = "InvalidParameter.Protocol"
    SORT_TYPE = "InvalidParameter.SortType"
    START_TIME = "InvalidParameter.StartTime"
    STATE = "InvalidParameter.State"
    TYPE = "InvalidParameter.Type"
    WHITELIST = "InvalidParameter.Whitelist"


class Class(StrEnum):
    """What a code means for who called."""

    ABSENT = "absent"
    """The object is gone, or the id is malformed: a list call tells which."""
    WRONG_STATE = "wrong state"
    """Refused while the flow is in this state."""
    PLAN_ERROR = "plan error"
    """Refused until the manifest changes."""
    QUOTA = "quota"
    """Refused until something is freed."""
    THROTTLE = "throttle"
    """Not carried out; the same call may be sent again later."""
    TRANSIENT = "transient"
    """May have been carried out, or not."""
    CREDENTIALS = "credentials"
    """Nothing will work until the account is mended."""


_CLASSES: Final[dict[str, Class]] = {
    "ActionOffline": Class.PLAN_ERROR,
    "AuthFailure": Class.CREDENTIALS,
    "DryRunOperation": Class.PLAN_ERROR,
    "FailedOperation": Class.TRANSIENT,
    "FailedOperation.NetWorkError": Class.TRANSIENT,
    "FailedOperation.UserArrears": Class.CREDENTIALS,
    "InternalError": Class.TRANSIENT,
    "InvalidAction": Class.PLAN_ERROR,
    "InvalidParameter": Class.PLAN_ERROR,
    "InvalidParameter.ExceededQuantityLimit": Class.QUOTA,
    "InvalidParameter.Id": Class.ABSENT,
    "InvalidParameter.InputOutputId": Class.ABSENT,
    "InvalidParameter.NotFound": Class.ABSENT,
    "InvalidParameter.OutputId": Class.ABSENT,
    "InvalidParameter.State": Class.WRONG_STATE,
    "InvalidParameterValue": Class.PLAN_ERROR,
    "InvalidRequest": Class.PLAN_ERROR,
    "IpInBlacklist": Class.CREDENTIALS,
    "IpNotInWhitelist": Class.CREDENTIALS,
    "LimitExceeded": Class.QUOTA,
    "MissingParameter": Class.PLAN_ERROR,
    "NoSuchProduct": Class.PLAN_ERROR,
    "NoSuchVersion": Class.PLAN_ERROR,
    "RequestLimitExceeded": Class.THROTTLE,
    "RequestSizeLimitExceeded": Class.PLAN_ERROR,
    "ResourceInUse": Class.WRONG_STATE,
    "ResourceInsufficient": Class.TRANSIENT,
    "ResourceNotFound": Class.ABSENT,
    "ResourceUnavailable": Class.TRANSIENT,
    "ResponseSizeLimitExceeded": Class.TRANSIENT,
    "ServiceUnavailable": Class.TRANSIENT,
    "UnauthorizedOperation": Class.CREDENTIALS,
    "UnknownParameter": Class.PLAN_ERROR,
    "UnsupportedOperation": Class.PLAN_ERROR,
    "UnsupportedProtocol": Class.PLAN_ERROR,
    "UnsupportedRegion": Class.PLAN_ERROR,
}
"""By code, or by the part before its last dots. Source: StreamLink API, the classification of its error codes."""


def class_of(code: str) -> Class:
    """
    Return what the code means: its own row, else that of its family.

    A code of no family counts as transient, for then the object is observed again before anything else.
    """
    family = code
    while family not in _CLASSES:
        family, dot, _ = family.rpartition(".")
        if not dot:
            return Class.TRANSIENT
    return _CLASSES[family]
