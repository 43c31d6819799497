"""
The API as values: what every action takes, in which profile, and what the service answers.

Both sides read this: the client sends nothing that is not here, and the relay refuses what `check` finds. The rules
are those of the official SDK's models, with the required flags that only the vendor's command line publishes.
Events and their batches are in no profile: neither side of this package speaks of them.
"""

from reconciler.streamlink.wire.actions import ACTIONS, Action
from reconciler.streamlink.wire.answers import DESCRIBE_FLOW, DESCRIBE_INPUT, DESCRIBE_OUTPUT, REALTIME_STATUS
from reconciler.streamlink.wire.checking import Field, Kind, Payload, Problem, Shape, check
from reconciler.streamlink.wire.history import (
    DEFAULT_LOG_PAGE_SIZE,
    KEPT_S,
    MAX_PAGE,
    MAX_WINDOW_S,
    PERIODS_S,
    TIME_FORMAT,
    Side,
    SortType,
)
from reconciler.streamlink.wire.shapes import (
    CREATE_INPUT,
    CREATE_OUTPUT,
    INPUT_RIST,
    INPUT_RTP,
    INPUT_SRT,
    MODIFY_INPUT,
    MODIFY_OUTPUT,
    OUTPUT_RIST,
    OUTPUT_RTMP,
    OUTPUT_RTP,
    OUTPUT_SRT,
    RTMP_PULL_SOURCE,
    URL_PULL_SOURCE,
)
from reconciler.streamlink.wire.words import (
    ALLOWED_OUTPUTS,
    DEFAULT_PAGE_SIZE,
    MAX_BANDWIDTHS_BPS,
    PRODUCTS,
    REQUEST_ID_HEADER,
    EndState,
    Mode,
    Product,
    Profile,
    State,
    UrlType,
    WireProtocol,
)

__all__ = [
    "ACTIONS",
    "ALLOWED_OUTPUTS",
    "CREATE_INPUT",
    "CREATE_OUTPUT",
    "DEFAULT_LOG_PAGE_SIZE",
    "DEFAULT_PAGE_SIZE",
    "DESCRIBE_FLOW",
    "DESCRIBE_INPUT",
    "DESCRIBE_OUTPUT",
    "INPUT_RIST",
    "INPUT_RTP",
    "INPUT_SRT",
    "KEPT_S",
    "MAX_BANDWIDTHS_BPS",
    "MAX_PAGE",
    "MAX_WINDOW_S",
    "MODIFY_INPUT",
    "MODIFY_OUTPUT",
    "OUTPUT_RIST",
    "OUTPUT_RTMP",
    "OUTPUT_RTP",
    "OUTPUT_SRT",
    "PERIODS_S",
    "PRODUCTS",
    "REALTIME_STATUS",
    "REQUEST_ID_HEADER",
    "RTMP_PULL_SOURCE",
    "TIME_FORMAT",
    "URL_PULL_SOURCE",
    "Action",
    "EndState",
    "Field",
    "Kind",
    "Mode",
    "Payload",
    "Problem",
    "Product",
    "Profile",
    "Shape",
    "Side",
    "SortType",
    "State",
    "UrlType",
    "WireProtocol",
    "check",
]
