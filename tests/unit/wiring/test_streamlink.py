"""Tests of `wiring.streamlink`."""

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler import wiring
from reconciler.domain.errors import UsageError
from reconciler.domain.impact import EditRules
from reconciler.settings import BackendSettings
from reconciler.wiring.streamlink import CLOUD_RATE_PER_S
from tests.unit.wiring.chosen import CLOUD, NOTHING, settings_in

pytestmark = pytest.mark.anyio


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


async def test_a_cloud_account_is_named_and_has_the_vendors_host(tmp_path: Path) -> None:
    """The backend says which account it is, and not its key."""
    async with wiring.existing_backend(settings_in(tmp_path, CLOUD)) as backend:
        assert "mps.tencentcloudapi.com" in backend.name
        assert "canary" not in backend.name
        assert backend.capabilities.calls_per_s == CLOUD_RATE_PER_S


async def test_a_cloud_account_goes_by_the_rules_that_are_said(tmp_path: Path) -> None:
    """`auto` tries and learns; anything else is certain."""
    known = []
    for rules in ("auto", "strict-2021"):
        async with wiring.existing_backend(settings_in(tmp_path, replace(CLOUD, edit_rules=rules))) as backend:
            known.append((backend.capabilities.rules, backend.capabilities.is_certain))

    assert known == [(EditRules.LIVE_2023, False), (EditRules.STRICT_2021, True)]


async def test_plain_http_to_another_machine_is_asked_for(tmp_path: Path) -> None:
    """The message names the setting; with it the client is made."""
    away = replace(CLOUD, endpoint="http://192.0.2.1:8080")

    with pytest.raises(UsageError, match=r"in the clear.*backend\.insecureHttp"):
        async with wiring.existing_backend(settings_in(tmp_path, away)):
            pytest.fail("there is no backend")
    async with wiring.existing_backend(settings_in(tmp_path, replace(away, insecure_http=True))) as backend:
        name = backend.name

    assert "http://192.0.2.1:8080" in name
