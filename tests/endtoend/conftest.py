"""A relay that keeps everything but carries nothing, a working tree, and the command line."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reconciler.relay.service import Relay
from reconciler.relay.settings import MediaKind, RelaySettings
from tests.endtoend.commands import Shell
from tests.media.conftest import free_port

__all__ = ["free_port"]

CANARY = "canary-canary-canary"

FLOW = """\
apiVersion: reconciler/v1
kind: Flow
metadata: {name: news}
spec:
  region: local
  input:
    protocol: SRT
    allowlist: [127.0.0.0/8]
    srt: {latency: 120, encryption: {keyLength: 16, passphrase: {env: STREAM_IN}}}
"""
TOWER = """\
apiVersion: reconciler/v1
kind: Output
metadata: {name: tower}
spec:
  flow: news
  protocol: SRT
  srt:
    mode: caller
    destination: {host: 127.0.0.1, port: 9}
    latency: LATENCY
    encryption: {keyLength: 32, passphrase: {env: STREAM_TOWER}}
"""
PLATFORM = """\
apiVersion: reconciler/v1
kind: Output
metadata: {name: platform}
spec:
  flow: news
  protocol: RTMP_PUSH
  rtmpPush: {destinations: [{url: rtmp://127.0.0.1:9/live, streamKey: {file: platform}}]}
"""


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
