"""The time that a request for statistics or logs asks of."""

from datetime import UTC, datetime
from typing import Final

from reconciler.relay.api.refusals import RefusalError
from reconciler.streamlink.codes import Code
from reconciler.streamlink.wire import KEPT_S, MAX_WINDOW_S, TIME_FORMAT, Payload

_SLACK_S: Final = 300.0
"""A client that asks of exactly seven days ago is late already; this is how far its clock may differ, too."""


def window_of(payload: Payload, now_s: float) -> tuple[float, float]:
    """
    Return the first second that is asked of, and the one behind the last, of the Unix epoch.

    Raises:
        RefusalError: it is no time, begins more than 7 days ago, ends before it begins, or is longer than 24 hours.

    """
    start_s = _seconds(payload["StartTime"], Code.START_TIME)
    end_s = _seconds(payload["EndTime"], Code.END_TIME)
    if start_s < now_s - KEPT_S - _SLACK_S:
        raise RefusalError(Code.START_TIME, "StartTime is more than 7 days ago.")
    if end_s <= start_s:
        raise RefusalError(Code.END_TIME, "EndTime is not after StartTime.")
    if end_s - start_s > MAX_WINDOW_S:
        raise RefusalError(Code.END_TIME, "EndTime is more than 24 hours after StartTime.")
    return start_s, end_s


def _seconds(text: str, code: Code) -> float:
    try:
        return datetime.strptime(text, TIME_FORMAT).replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise RefusalError(code, "The time is none; write UTC such as 2020-01-01T12:00:00Z.") from error
