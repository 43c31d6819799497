"""Answers that hide, add or delay something: nothing is taken for a change that is none."""

import pytest

from reconciler.relay.faults.knobs import (
    AllowedProtocolsNull,
    DelayedStates,
    Drop,
    MaskedSecrets,
    Shown,
    UnknownFields,
    When,
)
from tests.endtoend.manifests import CANARY, FLOW, TOWER
from tests.endtoend.sdk import Sdk
from tests.endtoend.studio import RTP, START, STOP, Studio, once

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("shown", Shown)
async def test_masked_secrets_are_no_difference_and_stay(studio: Studio, shown: Shown) -> None:
    """What cannot be compared has not drifted; an edit of something else sends the true secrets again."""
    await studio.apply()
    studio.faults.turn(MaskedSecrets(shown=shown))
    differs_at_first = await studio.differs()
    studio.set_latency(333)

    applied = await studio.apply()

    differs_at_last = await studio.differs()
    outputs = await studio.outputs()
    srt, (target,) = outputs["tower"].SRTSettings, outputs["platform"].RTMPSettings.Destinations
    assert (differs_at_first, applied.status, differs_at_last) == (False, 0, False), applied.everything
    assert (srt.Latency, srt.Passphrase, srt.PbKeyLen) == (333, f"{CANARY}-tower", 32)
    assert target.StreamKey == f"{CANARY}-platform"


async def test_a_mask_where_there_is_no_secret_is_no_encryption(studio: Studio) -> None:
    """An output without encryption is not edited on every pass because a service masks without looking."""
    studio.write_tower_without_encryption()
    await studio.apply()
    studio.faults.turn(MaskedSecrets(even_empty=True))

    assert not await studio.differs()


async def test_a_masked_secret_is_changed_by_its_version(studio: Studio) -> None:
    """Once: the mark says which version was sent, for nobody can see the secret itself."""
    await studio.apply()
    studio.faults.turn(MaskedSecrets())
    versioned = TOWER.replace("LATENCY", "120").replace("{env: STREAM_TOWER}", "{file: tower, version: 1}")
    (studio.tree / "tower.yaml").write_text(versioned)
    (studio.reconciler.state / "secrets" / "tower").write_text(f"{CANARY}-another\n")

    applied = await studio.apply()

    differs = await studio.differs()
    outputs = await studio.outputs()
    assert (applied.status, differs) == (0, False), applied.everything
    assert studio.relay.calls["ModifyStreamLinkOutputInfo"] == 1
    assert outputs["tower"].SRTSettings.Passphrase == f"{CANARY}-another"


async def test_encryption_is_turned_off_although_its_passphrase_is_masked(studio: Studio) -> None:
    """A manifest without encryption differs from an output that has some, whatever can be read of it."""
    await studio.apply()
    studio.faults.turn(MaskedSecrets())
    studio.write_tower_without_encryption()

    applied = await studio.apply()

    differs = await studio.differs()
    srt = (await studio.outputs())["tower"].SRTSettings
    assert (applied.status, differs) == (0, False), applied.everything
    assert (srt.Passphrase, srt.PbKeyLen) == ("", 0)


async def test_unknown_fields_are_no_drift_and_are_not_sent_back(studio: Studio) -> None:
    """An edit keeps what the API lets us send back, and nothing of what it would refuse as unknown."""
    await studio.apply()
    sdk = Sdk(studio.relay.address, studio.relay.credentials)
    await sdk.set_security_group(await sdk.only_flow(), "tower", "sg-1")
    studio.faults.turn(UnknownFields())
    studio.set_latency(333)

    applied = await studio.apply()

    differs = await studio.differs()
    said = await studio.reconciler("status")
    tower = (await studio.outputs())["tower"]
    assert (applied.status, differs, said.status) == (0, False, 0), applied.everything
    assert (tower.SRTSettings.Latency, tower.SecurityGroupIds) == (333, ["sg-1"])


@pytest.mark.parametrize(("state", "action", "shown"), [("running", START, "RUNNING"), ("idle", STOP, "IDLE")])
async def test_a_state_that_shows_late_is_waited_for(studio: Studio, state: str, action: str, shown: str) -> None:
    """One start, one stop: a flow that is still read as it was is not turned a second time."""
    if state == "idle":
        await studio.apply()
    (studio.tree / "news.yaml").write_text(FLOW.replace("  region: local\n", f"  region: local\n  state: {state}\n"))
    studio.faults.turn(DelayedStates(reads=3))

    applied = await studio.apply()

    differs = await studio.differs()
    assert (applied.status, differs) == (0, False), applied.everything
    assert studio.relay.calls[action] == 1
    assert (await studio.flow()).State == shown


@pytest.mark.parametrize("reads", [1, 2])
async def test_a_start_that_was_lost_and_shows_late_is_settled_by_the_next_pass(studio: Studio, reads: int) -> None:
    """Whether the next pass sees that it runs or has its start refused for that, the flow runs and all is well."""
    studio.faults.turn(once(Drop, When.AFTER_COMMIT, START), DelayedStates(reads=reads, times=1))

    await studio.apply()
    second = await studio.apply()

    differs = await studio.differs()
    assert (second.status, differs) == (0, False), second.everything
    assert (await studio.flow()).State == "RUNNING"


async def test_without_the_backends_word_the_known_matrix_holds(studio: Studio) -> None:
    """A flow that does not say what it allows is given what the protocols allow, and nothing else."""
    studio.faults.turn(AllowedProtocolsNull())
    applied = await studio.apply()
    (studio.tree / "rtp.yaml").write_text(RTP)

    refused = await studio.apply()

    assert (applied.status, refused.status) == (0, 3), applied.everything + refused.everything
    assert (await studio.outputs()).keys() == {"tower", "platform"}
