"""The reconciler against each generation of the vendor's rules on what may be changed while a flow runs."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.relay.editing import EditRules
from reconciler.relay.service import Relay
from reconciler.relay.settings import MediaKind, RelaySettings
from tests.endtoend.commands import Kept, Shell
from tests.endtoend.manifests import FLOW, TOWER
from tests.endtoend.sdk import Sdk

pytestmark = pytest.mark.anyio

STUDIO = TOWER.replace("name: tower", "name: studio").replace("LATENCY", "120")
POOL = """\
apiVersion: reconciler/v1
kind: Output
metadata: {name: pool}
spec:
  flow: news
  protocol: SRT
  allowlist: [127.0.0.0/8]
  srt: {mode: listener}
"""
OTHER = """\
apiVersion: reconciler/v1
kind: Flow
metadata: {name: other}
spec: {region: local, state: idle, input: {protocol: RTMP, allowlist: [127.0.0.0/8]}}
"""
GOES = """\
apiVersion: reconciler/v1
kind: Override
metadata: {name: news_goes}
spec:
  resource: flow/news
  action: delete
  lifts: [budget, tree]
  reason: the channel is over
  expires: 2099-01-01T00:00:00Z
"""
EVERY, LISTS_ONLY = frozenset(EditRules), frozenset({EditRules.LIVE_2022, EditRules.LIVE_2023})
LIVE_ONLY = frozenset({EditRules.LIVE_2023})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled(Kept):
    """A relay that keeps to some rules, a running flow on it, its tree, and the command line."""

    relay: Relay

    async def flow(self) -> Any:
        """Return the one flow."""
        return await Sdk(self.relay.address, self.relay.credentials).only_flow()

    def write(self, name: str, text: str, *, was: str = "", now: str = "") -> None:
        """Write a manifest, with something in it replaced."""
        assert was in text
        (self.tree / f"{name}.yaml").write_text(text.replace(was, now) if was else text)


@pytest.fixture(params=list(EditRules))
async def ruled(request: pytest.FixtureRequest, tmp_path: Path, tree: Path, reconciler: Shell) -> AsyncIterator[Ruled]:
    """Serve the control plane alone under each set of rules, with a flow that runs."""
    (tree / "pool.yaml").write_text(POOL)
    settings = RelaySettings(state=tmp_path / "state", media=MediaKind.NONE, edit_rules=request.param)
    async with Relay(settings) as relay:
        serving = Ruled(relay=relay, tree=tree, reconciler=reconciler)
        made = await serving.apply()
        assert made.status == 0, made.everything
        yield serving


def latency_of_an_output(ruled: Ruled) -> None:
    """Change how an output sends."""
    ruled.write("tower", TOWER, was="LATENCY", now="333")


def latency_of_the_input(ruled: Ruled) -> None:
    """Change how the input receives."""
    ruled.write("news", FLOW, was="latency: 120", now="latency: 333")


def allowlist_of_an_output(ruled: Ruled) -> None:
    """Change who may pull."""
    ruled.write("pool", POOL, was="127.0.0.0/8", now="127.0.0.2/32")


def allowlist_of_the_input(ruled: Ruled) -> None:
    """Change who may push."""
    ruled.write("news", FLOW, was="127.0.0.0/8", now="127.0.0.2/32")


def another_output(ruled: Ruled) -> None:
    """Add one."""
    ruled.write("studio", STUDIO)


def one_output_less(ruled: Ruled) -> None:
    """Take one away."""
    (ruled.tree / "platform.yaml").unlink()


CHANGES: dict[Callable[[Ruled], None], frozenset[EditRules]] = {
    latency_of_an_output: LIVE_ONLY,
    latency_of_the_input: LIVE_ONLY,
    allowlist_of_an_output: LISTS_ONLY,
    allowlist_of_the_input: LISTS_ONLY,
    another_output: LISTS_ONLY,
    one_output_less: LISTS_ONLY,
}
"""What is changed on a running flow, and the rules that let it be."""


OVERRIDES = "---\n".join(
    f"""\
apiVersion: reconciler/v1
kind: Override
metadata: {{name: {name}}}
spec: {{kind: {kind}, action: {action}, lifts: [budget], reason: half of it changes, expires: 2099-01-01T00:00:00Z}}
"""
    for name, kind, action in (("stops", "Flow", "stop"), ("inputs", "Flow", "edit"), ("outputs", "Output", "edit"))
)
"""More than half of the objects are edited at once."""


@pytest.mark.parametrize(("change", "allowed"), CHANGES.items(), ids=[change.__name__ for change in CHANGES])
async def test_a_change_is_made_live_where_the_rules_let_it(
    ruled: Ruled, change: Callable[[Ruled], None], allowed: frozenset[EditRules]
) -> None:
    """Elsewhere the account says so, once; and as nobody is connected, the flow stops for it and runs again."""
    change(ruled)
    is_allowed = ruled.relay.settings.edit_rules in allowed

    applied = await ruled.apply()

    assert applied.status == 0, applied.everything
    assert ("The flow's state does not allow it" in applied.everything) is not is_allowed
    assert not await ruled.differs()
    assert (await ruled.flow()).State == "RUNNING"
    assert ruled.relay.calls["StopStreamLinkFlow"] == (0 if is_allowed else 1)


async def test_what_the_rules_refuse_is_done_while_the_flow_stands_still(ruled: Ruled) -> None:
    """Several changes at once: what may be done live is, and the flow stops once for all of the rest."""
    changes = (latency_of_an_output, allowlist_of_an_output, another_output, one_output_less)
    for change in changes:
        change(ruled)
    rules = ruled.relay.settings.edit_rules

    applied = await ruled.apply()

    outputs = {output.OutputName: output for output in (await ruled.flow()).OutputGroup}
    assert applied.status == 0, applied.everything
    assert outputs.keys() == {"tower", "pool", "studio"}
    assert outputs["tower"].SRTSettings.Latency == 333
    assert outputs["pool"].AllowIpList == ["127.0.0.2/32"]
    assert ruled.relay.calls["StopStreamLinkFlow"] == (0 if rules in LIVE_ONLY else 1)
    assert (await ruled.flow()).State == "RUNNING"


async def test_whoever_stops_the_flow_gets_every_change(ruled: Ruled) -> None:
    """A manifest that says idle is the way out: the stop comes first, and then all rules let everything be changed."""
    changes = tuple(CHANGES)
    for change in changes:
        change(ruled)
    ruled.write("overrides", OVERRIDES)
    ruled.write("news", FLOW, was="  region: local\n", now="  region: local\n  state: idle\n")

    stopped = await ruled.apply()
    ruled.write("news", FLOW)
    started = await ruled.apply()

    flow = await ruled.flow()
    assert (stopped.status, started.status) == (0, 0), stopped.everything + started.everything
    assert {output.OutputName for output in flow.OutputGroup} == {"tower", "pool", "studio"}
    assert (flow.State, ruled.relay.calls["StopStreamLinkFlow"]) == ("RUNNING", 1)


async def test_a_running_flow_that_no_manifest_names_is_deleted(ruled: Ruled) -> None:
    """Under all rules: it is stopped first, then whatever it has may go; with an exception, for that is everything."""
    for manifest in ruled.tree.iterdir():
        manifest.unlink()
    ruled.write("other", OTHER)

    held = await ruled.apply()
    ruled.write("overrides", GOES)
    applied = await ruled.apply()

    assert held.status == 4, held.everything
    assert "less than half" in held.everything
    assert applied.status == 0, applied.everything
    assert (await ruled.flow()).FlowName == "other"
