"""An account that people made by hand, put under git: exported, adopted, and nothing left to do."""

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.relay.editing import EditRules
from reconciler.relay.faults.knobs import MaskedSecrets, Shown
from reconciler.relay.service import Relay
from reconciler.relay.settings import MediaKind, RelaySettings
from tests.endtoend.by_hand import call, ends_of, make_account
from tests.endtoend.commands import Said, Shell
from tests.endtoend.manifests import CANARY
from tests.endtoend.sdk import Sdk
from tests.endtoend.studio import Studio

pytestmark = pytest.mark.anyio


def sdk_of(relay: Relay) -> Sdk:
    """Return the official SDK on the relay's account."""
    return Sdk(relay.address, relay.credentials)


def marked_alone(before: Mapping[str, Any], after: Mapping[str, Any]) -> int:
    """Return how many inputs and outputs bear our mark now; nothing else may be different of anything."""
    marked = 0
    assert before.keys() == after.keys()
    for id_, end in after.items():
        text, _, mark = end.get("Description", "").partition("[gitops:v1 o=local ")
        marked += bool(mark)
        assert end | {"Description": text.removesuffix(" ")} == {"Description": "", **before[id_]}
    return marked


def next_of(exported: Said) -> list[list[str]]:
    """Return the next commands that an export prints, each without how the program and its state are called."""
    (line,) = [line for line in exported.err.splitlines() if line.startswith("Next: ")]
    return [shlex.split(command.partition("/state ")[2]) for command in line.split("`")[1::2]]


async def test_an_account_of_a_hundred_objects_is_put_under_git(
    relay: Relay, tmp_path: Path, reconciler: Shell
) -> None:
    """Exported and adopted, it has an empty plan, and every object is what it was but for our mark."""
    sdk = sdk_of(relay)
    await make_account(sdk)
    before = await ends_of(sdk)
    tree, secrets = tmp_path / "live", tmp_path / "state" / "secrets"

    exported = await reconciler("export", "--out", tree, "--secrets-dir", secrets)
    validate, adopt, plan = next_of(exported)
    validated = await reconciler(*validate)
    adopted = await reconciler(*adopt, "--auto-approve")
    planned = await reconciler(*plan, "--detailed-exitcode")
    again = await reconciler("adopt", "--all", tree, "--auto-approve")

    assert [said.status for said in (exported, validated, adopted, planned, again)] == [0] * 5, "\n".join(
        said.everything for said in (exported, validated, adopted, planned, again)
    )
    assert "all 100 resources are as the manifests say" in planned.out
    assert relay.calls["ModifyStreamLinkInput"] == 20
    assert relay.calls["ModifyStreamLinkOutputInfo"] == 80
    assert marked_alone(before, await ends_of(sdk)) == 100
    written = "".join(path.read_text() for path in tree.iterdir())
    for said in (exported.everything, validated.everything, adopted.everything, planned.everything, written):
        assert CANARY not in said
    assert {path.stat().st_mode & 0o777 for path in secrets.iterdir()} == {0o600}


@pytest.mark.parametrize(
    "mask", [MaskedSecrets(even_empty=True), MaskedSecrets(shown=Shown.EMPTY), MaskedSecrets(shown=Shown.ABSENT)]
)
async def test_masked_secrets_come_from_the_manifests(studio: Studio, tmp_path: Path, mask: MaskedSecrets) -> None:
    """What an account does not tell is listed to be set, and sent with the mark; to running flows only on request."""
    sdk = sdk_of(studio.relay)
    await make_account(sdk, flows=6)
    before = await ends_of(sdk)
    values = tmp_path / "values"
    await studio.reconciler("export", "--out", tmp_path / "other", "--secrets-dir", values)
    variables = {f"STREAM_{path.name.upper()}": path.read_text().removesuffix("\n") for path in values.iterdir()}
    told = replace(studio.reconciler, variables=variables)
    tree = tmp_path / "live"
    studio.faults.turn(mask)

    exported = await told("export", "--out", tree)
    untold = await studio.reconciler("adopt", "--all", tree, "--auto-approve")
    refused = await told("adopt", "--all", tree, "--auto-approve")
    adopted = await told("adopt", "--all", tree, "--auto-approve", "--send-secrets")
    planned = await told("plan", tree, "--detailed-exitcode")
    studio.faults.turn()
    unmasked = await told("plan", tree, "--detailed-exitcode")

    assert exported.err.count("(the backend does not tell it)") == len(variables) == 17
    assert (exported.status, untold.status, refused.status) == (0, 4, 4)
    assert "is not set" in untold.err
    assert "--send-secrets" in refused.err
    assert (adopted.status, planned.status, unmasked.status) == (0, 0, 0), adopted.everything + planned.everything
    assert marked_alone(before, await ends_of(sdk)) == 30
    for said in (exported, untold, refused, adopted, planned):
        assert CANARY not in said.everything


async def test_what_an_account_does_not_let_be_edited_live_fails_alone(tmp_path: Path, reconciler: Shell) -> None:
    """Where a flow has to be stopped for a description, it fails with the account's words, and the others go on."""
    settings = RelaySettings(state=tmp_path / "state", media=MediaKind.NONE, edit_rules=EditRules.STRICT_2021)
    async with Relay(settings) as relay:
        sdk = sdk_of(relay)
        await make_account(sdk, flows=6)
        before = await ends_of(sdk)
        await reconciler("export", "--out", tmp_path / "live")

        adopted = await reconciler("adopt", "--all", tmp_path / "live", "--auto-approve")

        assert adopted.status == 5, adopted.everything
        assert adopted.out.startswith("Adopted: 20, 10 not done. `")
        assert adopted.out.endswith(f" plan {tmp_path / 'live'}` says what is left to do.\n")
        assert adopted.err.count("FAILED") == 10
        assert marked_alone(before, await ends_of(sdk)) == 20


async def test_what_differs_stays_as_it_is_and_is_said(relay: Relay, tmp_path: Path, reconciler: Shell) -> None:
    """A manifest that says something else is adopted all the same, and the account keeps what it has."""
    sdk = sdk_of(relay)
    await make_account(sdk, flows=1)
    before = await ends_of(sdk)
    tree, secrets = tmp_path / "live", tmp_path / "state" / "secrets"
    await reconciler("export", "--out", tree, "--secrets-dir", secrets)
    file = tree / "City_News.yaml"
    file.write_text(file.read_text().replace("    latency: 200\n", "    latency: 250\n").replace("20M", "50M"))

    adopted = await reconciler("adopt", "flow/City_News", tree, "--auto-approve")
    planned = await reconciler("plan", tree)

    assert adopted.status == 0, adopted.everything
    assert "srt.latency 200 -> 250" in adopted.err
    assert "maxBandwidth 20M -> 50M" in adopted.err
    assert marked_alone(before, await ends_of(sdk)) == 5
    assert "srt.latency  200 -> 250" in planned.out


async def test_what_manifests_cannot_say_is_left_out(relay: Relay, tmp_path: Path, reconciler: Shell) -> None:
    """RIST, mixed latencies, a key in a path and two of one name are named with the reason, and hold nobody up."""
    sdk = sdk_of(relay)
    await make_account(sdk, flows=1)
    rist = {"InputName": "in_r", "Protocol": "RIST", "RISTSettings": {"Mode": "LISTENER"}}
    mixed = {
        "InputName": "in_m",
        "Protocol": "SRT",
        "SRTSettings": {"Latency": 100, "RecvLatency": 200, "PeerLatency": 300},
    }
    keyed = {
        "InputName": "in_k",
        "Protocol": "RTMP_PULL",
        "RTMPPullSettings": {
            "SourceAddresses": [{"TcUrl": f"rtmp://origin.example/live?token={CANARY}", "StreamKey": "k"}]
        },
    }
    rtmp = {"InputName": "in_t", "Protocol": "RTMP"}
    named = (("rist", rist), ("mixed", mixed), ("keyed", keyed), ("empty", None))
    for name, end in named:
        request = {"FlowName": name, "MaxBandwidth": 10_000_000, "InputGroup": [end] if end is not None else []}
        await call(sdk, "CreateStreamLinkFlow", request)
    await call(sdk, "CreateStreamLinkFlow", {"FlowName": "last", "MaxBandwidth": 10_000_000, "InputGroup": [rtmp]})

    said = await reconciler("export", "--out", tmp_path / "live")
    again = await reconciler("export", "--out", tmp_path / "live")
    lost = await reconciler("export", "--flow", "nobody")

    assert said.status == 4, said.everything
    assert sorted(path.name for path in (tmp_path / "live").iterdir()) == ["City_News.yaml", "last.yaml"]
    assert "flow 'rist' in local: its input is of the protocol RIST, which manifests do not have" in said.err
    assert "flow 'mixed' in local: its Latency, RecvLatency and PeerLatency differ" in said.err
    assert "flow 'keyed' in local: its manifest would not validate, SL112" in said.err
    assert "flow 'empty' in local: it has 0 inputs" in said.err
    assert CANARY not in said.everything
    assert (again.status, lost.status) == (64, 64)
    assert "City_News.yaml" in again.err
    assert "no flow 'nobody'" in lost.err
