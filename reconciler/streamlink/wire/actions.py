"""Every action of the API that this package sends or serves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.streamlink.codes import Code
from reconciler.streamlink.wire.checking import Field, Kind, Shape
from reconciler.streamlink.wire.history import LOGS, STATISTICS
from reconciler.streamlink.wire.shapes import CREATE_INPUT, CREATE_OUTPUT, MODIFY_INPUT, MODIFY_OUTPUT, NAME_LENGTHS
from reconciler.streamlink.wire.words import BOTH, MAINLAND_ONLY, MAX_BANDWIDTHS_BPS, Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One action of the API."""

    name: str
    request: Shape
    profiles: frozenset[Profile] = BOTH
    writes: bool = False
    repeatable: bool = True
    """
    Whether it may be sent again when its outcome is unknown. No create may: the API has no token that would make two of
    them one, so it is sent once, and then looked for. A start or stop is refused the second time, so its state is read.
    """


_FLOW_ID: Final = Field(name="FlowId", required=True, lengths=range(1, 129), code=Code.ID)
_FLOW_NAME: Final = Field(name="FlowName", required=True, lengths=NAME_LENGTHS, code=Code.NAME)
_PAGE: Final = (
    Field(name="PageNum", kind=Kind.INT, values=range(1, 1_000_001), code=Code.PAGE_NUM),
    Field(name="PageSize", kind=Kind.INT, values=range(1, 1_000_001), code=Code.PAGE_SIZE),
)


def _inputs(*, required: bool) -> Field:
    return Field(name="InputGroup", kind=CREATE_INPUT, many=True, required=required, code=Code.INPUT)


_ACTIONS: Final = (
    Action(
        name="CreateStreamLinkFlow",
        request=Shape(
            "CreateStreamLinkFlow",
            (
                _FLOW_NAME,
                Field(
                    name="MaxBandwidth",
                    kind=Kind.INT,
                    required=True,
                    choices=MAX_BANDWIDTHS_BPS,
                    code=Code.MAX_BANDWIDTH,
                ),
                _inputs(required=False),
                Field(
                    name="OutputGroup",
                    kind=CREATE_OUTPUT,
                    many=True,
                    code=Code.OUTPUT,
                    profiles=MAINLAND_ONLY,
                ),
            ),
        ),
        writes=True,
        repeatable=False,
    ),
    Action(name="DescribeStreamLinkFlow", request=Shape("DescribeStreamLinkFlow", (_FLOW_ID,))),
    Action(name="DescribeStreamLinkFlows", request=Shape("DescribeStreamLinkFlows", _PAGE)),
    Action(
        name="ModifyStreamLinkFlow",
        request=Shape("ModifyStreamLinkFlow", (_FLOW_ID, _FLOW_NAME)),
        writes=True,
    ),
    Action(name="DeleteStreamLinkFlow", request=Shape("DeleteStreamLinkFlow", (_FLOW_ID,)), writes=True),
    Action(
        name="StartStreamLinkFlow", request=Shape("StartStreamLinkFlow", (_FLOW_ID,)), writes=True, repeatable=False
    ),
    Action(name="StopStreamLinkFlow", request=Shape("StopStreamLinkFlow", (_FLOW_ID,)), writes=True, repeatable=False),
    Action(
        name="CreateStreamLinkInput",
        request=Shape("CreateStreamLinkInput", (_FLOW_ID, _inputs(required=True))),
        writes=True,
        repeatable=False,
    ),
    Action(
        name="ModifyStreamLinkInput",
        request=Shape(
            "ModifyStreamLinkInput", (_FLOW_ID, Field(name="Input", kind=MODIFY_INPUT, required=True, code=Code.INPUT))
        ),
        writes=True,
    ),
    Action(
        name="CreateStreamLinkOutputInfo",
        request=Shape(
            "CreateStreamLinkOutputInfo",
            (_FLOW_ID, Field(name="Output", kind=CREATE_OUTPUT, required=True, code=Code.OUTPUT)),
        ),
        writes=True,
        repeatable=False,
    ),
    Action(
        name="ModifyStreamLinkOutputInfo",
        request=Shape(
            "ModifyStreamLinkOutputInfo",
            (_FLOW_ID, Field(name="Output", kind=MODIFY_OUTPUT, required=True, code=Code.OUTPUT)),
        ),
        writes=True,
    ),
    Action(
        name="DeleteStreamLinkOutput",
        request=Shape(
            "DeleteStreamLinkOutput",
            (_FLOW_ID, Field(name="OutputId", required=True, lengths=range(1, 129), code=Code.OUTPUT_ID)),
        ),
        writes=True,
    ),
    Action(name="DescribeStreamLinkRegions", request=Shape("DescribeStreamLinkRegions", ())),
    Action(
        name="DescribeStreamLinkActivateState",
        request=Shape("DescribeStreamLinkActivateState", ()),
        profiles=MAINLAND_ONLY,
    ),
    Action(
        name="DescribeStreamLinkFlowRealtimeStatus",
        request=Shape(
            "DescribeStreamLinkFlowRealtimeStatus",
            (_FLOW_ID, Field(name="InputIds", many=True), Field(name="OutputIds", many=True)),
        ),
    ),
    *(
        Action(name=name, request=Shape(name, STATISTICS))
        for name in (
            "DescribeStreamLinkFlowStatistics",
            "DescribeStreamLinkFlowMediaStatistics",
            "DescribeStreamLinkFlowSRTStatistics",
        )
    ),
    Action(name=LOGS.name, request=LOGS),
)
ACTIONS: Final[Mapping[str, Action]] = {action.name: action for action in _ACTIONS}
"""Every action that this package sends or serves, by name."""
