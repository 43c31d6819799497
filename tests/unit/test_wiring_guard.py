"""Tests of `wiring`: the guard, and what is known of a backend beforehand."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler import wiring
from reconciler.domain.impact import EditRules
from reconciler.domain.safety.limits import Limits
from reconciler.settings import BackendSettings, GuardSettings
from tests.unit.test_wiring import CLOUD, NOTHING, settings_in, write_manifests

pytestmark = pytest.mark.anyio


def test_the_guard_is_as_the_settings_say(tmp_path: Path) -> None:
    """What is no setting is the product's promise."""
    chosen = GuardSettings(delete_share=0.1, edit_share=0.2, twin_deadline_s=30)

    limits = wiring.limits(replace(settings_in(tmp_path), guard=chosen))

    assert limits == Limits(delete_share=0.1, edit_share=0.2, twin_deadline_s=30)
    assert wiring.limits(settings_in(tmp_path)) == Limits()


def test_a_signature_is_asked_for_where_approvers_are_named(tmp_path: Path) -> None:
    """And only there; what was signed by wiring is known by wiring."""
    key = tmp_path / "anna"
    subprocess.run(("/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)), check=True, timeout=30)
    anna = f"anna {key.with_suffix('.pub').read_text()}"
    verifier = wiring.verifier(replace(settings_in(tmp_path), guard=GuardSettings(approvers=(anna,))))

    assert not wiring.verifier(settings_in(tmp_path)).is_asked
    assert verifier.is_asked
    assert verifier.signer("a text", wiring.sign("a text", key)) == "anna"


@pytest.mark.parametrize(
    ("backend", "expected"),
    [
        pytest.param(NOTHING, (EditRules.LIVE_2023, True), id="a relay edits everything live"),
        pytest.param(CLOUD, (EditRules.LIVE_2023, False), id="of a cloud account nobody knows"),
        pytest.param(replace(CLOUD, edit_rules="console-2022"), (EditRules.CONSOLE_2022, True), id="unless it is said"),
        pytest.param(replace(NOTHING, edit_rules="strict-2021"), (EditRules.STRICT_2021, True), id="of any backend"),
    ],
)
def test_what_a_backend_can_do_without_asking_it(
    tmp_path: Path, backend: BackendSettings, expected: tuple[EditRules, bool]
) -> None:
    """Plans between two revisions are made of it."""
    known = wiring.capabilities(settings_in(tmp_path, backend))

    assert (known.rules, known.is_certain) == expected


async def test_a_cloud_account_goes_by_the_rules_that_are_said(tmp_path: Path) -> None:
    """`auto` tries and learns; anything else is certain."""
    known = []
    for rules in ("auto", "strict-2021"):
        async with wiring.existing_backend(settings_in(tmp_path, replace(CLOUD, edit_rules=rules))) as backend:
            known.append((backend.capabilities.rules, backend.capabilities.is_certain))

    assert known == [(EditRules.LIVE_2023, False), (EditRules.STRICT_2021, True)]


async def test_a_relay_is_certain(tmp_path: Path) -> None:
    """It is ours, and edits everything live."""
    write_manifests(tmp_path)

    async with wiring.session(settings_in(tmp_path), media="none") as session:
        assert session.world.backend.capabilities.is_certain
