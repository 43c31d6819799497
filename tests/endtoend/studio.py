"""A relay that can be spoilt, a tree of manifests, and the command line."""

import asyncio
from dataclasses import dataclass
from typing import Any

from reconciler.relay.faults.injection import Faults
from reconciler.relay.faults.knobs import Drop, InternalError, Knob, When
from reconciler.relay.service import Relay
from tests.endtoend.commands import Kept
from tests.endtoend.manifests import FLOW, PLATFORM, TOWER
from tests.endtoend.sdk import Sdk

CREATE_FLOW, CREATE_OUTPUT = "CreateStreamLinkFlow", "CreateStreamLinkOutputInfo"
START, STOP = "StartStreamLinkFlow", "StopStreamLinkFlow"
LIST = "DescribeStreamLinkFlows"
LISTS_AT_REST = 15
"""Of one flow each: three flows are five passes."""
REST_S = 300.0
"""The pauses between passes that fail are of random lengths, which grow to minutes."""


RTP = """\
apiVersion: reconciler/v1
kind: Output
metadata: {name: rtp}
spec: {flow: news, protocol: RTP, rtp: {destinations: [{host: 127.0.0.1, port: 9}]}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio(Kept):
    """A relay with its faults, a tree, and the command line."""

    relay: Relay
    faults: Faults
    delayed: asyncio.Event
    """Set by the first call that meets a delay."""
    released: asyncio.Event
    """Set to end every delay."""

    async def rest(self) -> None:
        """Return once the list was read so often without a write that several passes had nothing to do."""
        writes = lists = -1
        async with asyncio.timeout(REST_S):
            while self.relay.calls[LIST] - lists < LISTS_AT_REST:
                if self.writes != writes:
                    writes, lists = self.writes, self.relay.calls[LIST]
                await asyncio.sleep(0.05)

    async def flow(self) -> Any:
        """Return the one flow, as it is: no knob is on any more."""
        self.faults.turn()
        return await Sdk(self.relay.address, self.relay.credentials).only_flow()

    async def outputs(self) -> dict[str, Any]:
        """Return the outputs of the one flow by their names, of which no two are the same."""
        outputs = (await self.flow()).OutputGroup
        named = {output.OutputName: output for output in outputs}
        assert len(named) == len(outputs)
        return named

    @property
    def writes(self) -> int:
        """Return how many calls there were that change something."""
        return sum(count for action, count in self.relay.calls.items() if not action.startswith("Describe"))

    def set_latency(self, latency_ms: int) -> None:
        """Write another latency of the output `tower` into the tree."""
        (self.tree / "tower.yaml").write_text(TOWER.replace("LATENCY", str(latency_ms)))

    def write_tower_without_encryption(self) -> None:
        """Write the output `tower` into the tree without its encryption."""
        lines = TOWER.replace("LATENCY", "120").splitlines(keepends=True)
        (self.tree / "tower.yaml").write_text("".join(line for line in lines if "encryption" not in line))


def once(kind: type[Drop | InternalError], when: When, *actions: str) -> Knob:
    """Return a knob that spoils one call of these actions."""
    return kind(when=when, actions=frozenset(actions), times=1)


def write_three_flows(studio: Studio) -> None:
    """Have three flows in the tree, each with an output."""
    for name in ("sport", "talk"):
        (studio.tree / f"{name}.yaml").write_text(FLOW.replace("name: news", f"name: {name}"))
        feed = PLATFORM.replace("name: platform", "name: feed").replace("flow: news", f"flow: {name}")
        (studio.tree / f"{name}_feed.yaml").write_text(feed.replace("9/live", f"9/{name}"))


async def three_flows(studio: Studio) -> None:
    """Have them in the account, too."""
    write_three_flows(studio)
    applied = await studio.apply()
    assert applied.status == 0, applied.everything
