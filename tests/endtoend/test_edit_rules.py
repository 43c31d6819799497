"""The reconciler against each generation of the vendor's rules on what may be changed while a flow runs."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.relay.editing import EditRules
from reconciler.relay.service import MediaKind, Relay, RelaySettings
from tests.endtoend.commands import Shell
from tests.endtoend.conftest import TOWER
from tests.endtoend.sdk import Sdk

pytestmark = pytest.mark.anyio

STUDIO = TOWER.replace("name: tower", "name: studio").replace("LATENCY", "120")


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What becomes of one edit, one create and one delete on a running flow."""

    status: int
    outputs: set[str]
    latency_ms: int


EXPECTED = {
    EditRules.LIVE_2023: Expected(status=0, outputs={"tower", "studio"}, latency_ms=333),
    EditRules.LIVE_2022: Expected(status=5, outputs={"tower", "studio"}, latency_ms=120),
    EditRules.STRICT_2021: Expected(status=1, outputs={"tower", "platform"}, latency_ms=120),
}


@pytest.fixture(params=list(EditRules))
async def ruled(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Relay]:
    """Serve the control plane alone, under each set of rules."""
    settings = RelaySettings(state=tmp_path / "state", media=MediaKind.NONE, edit_rules=request.param)
    async with Relay(settings) as serving:
        yield serving


async def test_what_the_rules_refuse_fails_alone_and_stops_nothing(ruled: Relay, tree: Path, reconciler: Shell) -> None:
    """Each change is made or refused by itself; no flow is stopped to force one, and what failed stays to be done."""
    await reconciler("apply", tree, "--auto-approve")
    (tree / "tower.yaml").write_text(TOWER.replace("LATENCY", "333"))
    (tree / "studio.yaml").write_text(STUDIO)
    (tree / "platform.yaml").unlink()
    expected = EXPECTED[ruled.settings.edit_rules]

    applied = await reconciler("apply", tree, "--auto-approve")
    left = await reconciler("plan", tree, "--detailed-exitcode")

    flow = await Sdk(ruled.address, ruled.credentials).only_flow()
    outputs = {output.OutputName: output for output in flow.OutputGroup}
    assert applied.status == expected.status, applied.everything
    assert outputs.keys() == expected.outputs
    assert outputs["tower"].SRTSettings.Latency == expected.latency_ms
    assert flow.State == "RUNNING"
    assert ruled.calls["StopStreamLinkFlow"] == 0
    assert left.status == (0 if expected.status == 0 else 2)
