"""A relay that keeps everything but carries nothing, a working tree, and the command line."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reconciler.relay.faults.injection import Faults
from reconciler.relay.service import Relay
from reconciler.relay.settings import MediaKind, RelaySettings
from tests.endtoend.commands import Shell
from tests.endtoend.manifests import CANARY, FLOW, PLATFORM, TOWER
from tests.endtoend.studio import Studio
from tests.media.conftest import free_port

__all__ = ["free_port"]


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Relay]:
    """Serve the control plane alone."""
    settings = RelaySettings(state=tmp_path / "state", media=MediaKind.NONE)
    async with Relay(settings) as serving:
        yield serving


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Write a flow with two outputs, and the secret file that one of them names."""
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    (manifests / "news.yaml").write_text(FLOW)
    (manifests / "tower.yaml").write_text(TOWER.replace("LATENCY", "120"))
    (manifests / "platform.yaml").write_text(PLATFORM)
    secrets = tmp_path / "state" / "secrets"
    secrets.mkdir(parents=True)
    (secrets / "platform").write_text(f"{CANARY}-platform\n")
    return manifests


@pytest.fixture
def reconciler(tmp_path: Path) -> Shell:
    """Return the command line, with the secrets that the tree names in its environment."""
    variables = {"STREAM_IN": f"{CANARY}-in", "STREAM_TOWER": f"{CANARY}-tower"}
    return Shell(home=tmp_path, state=tmp_path / "state", variables=variables)


@pytest.fixture
async def studio(tmp_path: Path, tree: Path, reconciler: Shell) -> AsyncIterator[Studio]:
    """Serve the control plane alone, with no knob on yet."""
    delayed, released = asyncio.Event(), asyncio.Event()

    async def sleep(_: float) -> None:
        delayed.set()
        await released.wait()

    faults = Faults(sleep=sleep)
    settings = RelaySettings(state=tmp_path / "state", media=MediaKind.NONE, faults=faults)
    async with Relay(settings) as relay:
        yield Studio(relay=relay, faults=faults, tree=tree, reconciler=reconciler, delayed=delayed, released=released)
        released.set()
