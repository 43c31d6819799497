"""From manifests to an account, with the real command line and the relay's API."""

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.relay.service import Relay
from tests.endtoend.commands import Shell
from tests.endtoend.manifests import CANARY, TOWER
from tests.endtoend.sdk import Sdk

pytestmark = pytest.mark.anyio


def writes(relay: Relay) -> int:
    """Return how many calls the relay has had that change something."""
    return sum(count for action, count in relay.calls.items() if not action.startswith("Describe"))


async def test_apply_closes_the_gap_that_plan_shows(relay: Relay, tree: Path, reconciler: Shell) -> None:
    """A plan says 2 before and 0 after `apply`, and a second `apply` makes no write call."""
    before = await reconciler("plan", tree, "--detailed-exitcode")
    applied = await reconciler("apply", tree, "--auto-approve")
    made = writes(relay)
    after = await reconciler("plan", tree, "--detailed-exitcode")
    again = await reconciler("apply", tree, "--auto-approve")

    assert (before.status, applied.status, after.status, again.status) == (2, 0, 0, 0), applied.everything
    assert made == 4
    assert writes(relay) == made
    for said in (before, applied, after, again):
        assert CANARY not in said.everything


async def test_what_others_made_survives(relay: Relay, tree: Path, reconciler: Shell) -> None:
    """An unmarked output in our flow outlives apply and the delete of ours; a security group outlives our edit."""
    await reconciler("apply", tree, "--auto-approve")
    sdk = Sdk(relay.address, relay.credentials)
    flow = await sdk.only_flow()
    await sdk.create_listener(flow, "by_hand")
    await sdk.set_security_group(flow, "tower", "sg-1")
    (tree / "tower.yaml").write_text(TOWER.replace("LATENCY", "333"))
    (tree / "platform.yaml").unlink()

    said = await reconciler("apply", tree, "--auto-approve")

    outputs = {output.OutputName: output for output in (await sdk.only_flow()).OutputGroup}
    assert said.status == 0, said.everything
    assert outputs.keys() == {"tower", "by_hand"}
    assert outputs["tower"].SRTSettings.Latency == 333
    assert outputs["tower"].SecurityGroupIds == ["sg-1"]


async def test_a_missing_secret_fails_its_output_alone(relay: Relay, tree: Path, reconciler: Shell) -> None:
    """The output whose variable is not set is named; the others go on."""
    poorer = replace(reconciler, variables={"STREAM_IN": f"{CANARY}-in"})

    said = await poorer("apply", tree, "--auto-approve")

    flow = await Sdk(relay.address, relay.credentials).only_flow()
    assert said.status == 5
    assert "output/news/tower" in said.everything
    assert "STREAM_TOWER" in said.everything
    assert [output.OutputName for output in flow.OutputGroup] == ["platform"]


@pytest.mark.usefixtures("relay")
async def test_wrong_credentials_end_with_seven(tree: Path, reconciler: Shell) -> None:
    """The account that does not know us is named as the cause, and nothing is sent."""
    keys = reconciler.state / "credentials.env"
    keys.write_text("TENCENTCLOUD_SECRET_ID=AKIDnobody\nTENCENTCLOUD_SECRET_KEY=canary-canary\n")

    said = await reconciler("plan", tree)

    assert said.status == 7
    assert "canary" not in said.everything


async def test_no_relay_ends_with_seven_and_says_what_to_start(tree: Path, reconciler: Shell) -> None:
    """Without configuration a verb uses the relay on the state directory, and says how to start one."""
    said = await reconciler("plan", tree)

    assert said.status == 7
    assert "reconciler run" in said.err


async def test_a_broken_tree_changes_nothing(relay: Relay, tree: Path, reconciler: Shell) -> None:
    """A tree with an error is reported at its place, and nothing is sent."""
    (tree / "tower.yaml").write_text(TOWER.replace("LATENCY", "99999"))

    said = await reconciler("apply", tree, "--auto-approve")

    assert said.status == 3
    assert "tower.yaml:10:14: SL" in said.everything
    assert writes(relay) == 0


async def test_an_emptied_tree_deletes_nothing(relay: Relay, tree: Path, reconciler: Shell) -> None:
    """A tree without a single flow is taken for a mistake by every verb."""
    await reconciler("apply", tree, "--auto-approve")
    for name in ("news.yaml", "tower.yaml", "platform.yaml"):
        (tree / name).unlink()
    made = writes(relay)

    said = await reconciler("apply", tree, "--auto-approve")

    assert said.status == 4
    assert "not a single Flow" in said.everything
    assert writes(relay) == made
