"""The official SDK against a relay, as a user of it would write; each call in a thread, since it blocks."""

import asyncio
from typing import Any

from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mps.v20190612 import models
from tencentcloud.mps.v20190612.mps_client import MpsClient

from reconciler.streamlink.signing import Credentials


class Sdk:
    """One account, in the region `local`."""

    def __init__(self, address: str, credentials: Credentials, region: str = "local") -> None:
        http = HttpProfile(protocol="http", endpoint=address)
        key = Credential(credentials.secret_id, credentials.secret_key)
        self._client = MpsClient(key, region, ClientProfile(httpProfile=http, language="en-US"))

    async def call(self, action: str, request: Any) -> Any:
        """Make one call."""
        return await asyncio.to_thread(getattr(self._client, action), request)

    async def only_flow(self) -> Any:
        """Return the one flow of the account."""
        answer = await self.call("DescribeStreamLinkFlows", models.DescribeStreamLinkFlowsRequest())
        (flow,) = answer.Infos
        return flow

    async def names(self) -> list[str]:
        """Return the names of the account's flows."""
        answer = await self.call("DescribeStreamLinkFlows", models.DescribeStreamLinkFlowsRequest())
        return [flow.FlowName for flow in answer.Infos]

    async def create_listener(self, flow: Any, name: str) -> None:
        """Make an SRT listener output by hand."""
        request = models.CreateStreamLinkOutputInfoRequest()
        request.FlowId = flow.FlowId
        request.Output = models.CreateOutputInfo()
        request.Output.OutputName, request.Output.Description = name, "made by hand"
        request.Output.Protocol, request.Output.OutputRegion = "SRT", "local"
        request.Output.SRTSettings = models.CreateOutputSRTSettings()
        request.Output.SRTSettings.Mode = "LISTENER"
        request.Output.SRTSettings.Destinations = []
        await self.call("CreateStreamLinkOutputInfo", request)

    async def set_security_group(self, flow: Any, output_name: str, group: str) -> None:
        """Put an output into a security group, leaving the rest as it was read."""
        (found,) = [output for output in flow.OutputGroup if output.OutputName == output_name]
        request = models.ModifyStreamLinkOutputInfoRequest()
        request.FlowId = flow.FlowId
        request.Output = models.ModifyOutputInfo()
        for member in ("OutputId", "OutputName", "Description", "Protocol"):
            setattr(request.Output, member, getattr(found, member))
        request.Output.SRTSettings = models.CreateOutputSRTSettings()
        for member in ("Mode", "Latency", "RecvLatency", "PeerLatency", "PeerIdleTimeout", "Passphrase", "PbKeyLen"):
            setattr(request.Output.SRTSettings, member, getattr(found.SRTSettings, member))
        request.Output.SRTSettings.Destinations = []
        for destination in found.SRTSettings.Destinations:
            target = models.CreateOutputSRTSettingsDestinations()
            target.Ip, target.Port = destination.Ip, destination.Port
            request.Output.SRTSettings.Destinations.append(target)
        request.Output.SecurityGroupIds = [group]
        await self.call("ModifyStreamLinkOutputInfo", request)
