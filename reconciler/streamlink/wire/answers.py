"""The members of what the service answers."""

from typing import Final

DESCRIBE_FLOW: Final = (
    "FlowId",
    "FlowName",
    "State",
    "MaxBandwidth",
    "InputGroup",
    "OutputGroup",
    "EventId",
    "Region",
    "AllowedInputProtocols",
    "AllowedOutputProtocols",
)
"""Members of a flow as it is read; all are there, null where they say nothing."""
DESCRIBE_INPUT: Final = (
    "InputId",
    "InputName",
    "Description",
    "Protocol",
    "InputAddressList",
    "AllowIpList",
    "SRTSettings",
    "RTPSettings",
    "InputRegion",
    "RTMPSettings",
    "FailOver",
    "RTMPPullSettings",
    "RTSPPullSettings",
    "HLSPullSettings",
    "ResilientStream",
    "SecurityGroupIds",
    "Zones",
    "RISTSettings",
    "StreamUrls",
)
"""Members of an input as it is read. The international product adds FailOverOption."""
DESCRIBE_OUTPUT: Final = (
    "OutputId",
    "OutputName",
    "OutputType",
    "OutputKind",
    "Description",
    "Protocol",
    "OutputAddressList",
    "OutputRegion",
    "SRTSettings",
    "RTPSettings",
    "RTMPSettings",
    "RTMPPullSettings",
    "AllowIpList",
    "RTSPPullSettings",
    "HLSPullSettings",
    "MaxConcurrent",
    "SecurityGroupIds",
    "Zones",
    "RISTSettings",
    "PidSelector",
    "StreamUrls",
    "StreamSelector",
    "State",
)
"""Members of an output as it is read."""
REALTIME_STATUS: Final = (
    "Type",
    "InputId",
    "OutputId",
    "FlowId",
    "Protocol",
    "CommonStatus",
    "SRTStatus",
    "RTMPStatus",
    "ConnectServerIP",
    "RTPStatus",
)
"""Members of one end's realtime status."""
