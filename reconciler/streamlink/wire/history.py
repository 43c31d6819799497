"""Statistics and logs: what is asked, and the members of what is answered."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from reconciler.streamlink.codes import Code
from reconciler.streamlink.wire.checking import Field, Kind, Shape


class Side(StrEnum):
    """Which end of a flow statistics and logs are of."""

    INPUT = "input"
    OUTPUT = "output"


class SortType(StrEnum):
    """The order of a log."""

    NEWEST_FIRST = "desc"
    OLDEST_FIRST = "asc"


PERIODS_S: Final[Mapping[str, int]] = {"5s": 5, "1min": 60, "5min": 300, "15min": 900}
"""Seconds of each Period."""
KEPT_S: Final = 7 * 24 * 3600
"""How far back statistics and logs are kept."""
MAX_WINDOW_S: Final = 24 * 3600
"""The longest time that one request may ask of."""
MAX_PAGE: Final = 1000
"""Largest PageSize, and PageNum, of a log."""
DEFAULT_LOG_PAGE_SIZE: Final = 100
TIME_FORMAT: Final = "%Y-%m-%dT%H:%M:%SZ"
"""UTC, to the second."""

_FLOW_ID: Final = Field(name="FlowId", required=True, lengths=range(1, 129), code=Code.ID)
_SIDES: Final = tuple(Side)
_PIPELINES: Final = ("0", "1")
_TIME: Final = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z"
_WINDOW: Final = (
    Field(name="StartTime", required=True, pattern=_TIME, code=Code.START_TIME),
    Field(name="EndTime", required=True, pattern=_TIME, code=Code.END_TIME),
)
STATISTICS: Final = (
    _FLOW_ID,
    Field(name="Type", required=True, choices=_SIDES, code=Code.TYPE),
    Field(name="InputOutputId", required=True, lengths=range(1, 129), code=Code.INPUT_OUTPUT_ID),
    Field(name="Pipeline", required=True, choices=_PIPELINES, code=Code.PIPELINE),
    Field(name="Period", required=True, choices=tuple(PERIODS_S), code=Code.PERIOD),
    *_WINDOW,
    Field(name="RemoteIp", lengths=range(129)),
)
"""What each of the three actions of statistics takes."""
LOGS: Final = Shape(
    "DescribeStreamLinkFlowLogs",
    (
        _FLOW_ID,
        *_WINDOW,
        Field(name="Type", many=True, required=True, choices=_SIDES, items=range(1, 3), code=Code.TYPE),
        Field(name="Pipeline", many=True, required=True, choices=_PIPELINES, items=range(1, 3), code=Code.PIPELINE),
        Field(name="PageSize", kind=Kind.INT, required=True, values=range(1, MAX_PAGE + 1), code=Code.PAGE_SIZE),
        Field(name="SortType", choices=tuple(SortType), code=Code.SORT_TYPE),
        Field(name="PageNum", kind=Kind.INT, values=range(1, MAX_PAGE + 1), code=Code.PAGE_NUM),
    ),
)
"""What DescribeStreamLinkFlowLogs takes."""
