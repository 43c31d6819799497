"""Settings as tests of the wiring choose them, and manifests to go with them."""

from pathlib import Path
from typing import Final

from reconciler.domain.marks import Owner
from reconciler.domain.secrets import Secret
from reconciler.settings.choices import (
    Account,
    BackendKind,
    BackendSettings,
    GuardSettings,
    LoopSettings,
    SecretsSettings,
    Settings,
)

ACCOUNT: Final = Account(secret_id="AKID", secret_key=Secret("canary-of-a-key"))
NOTHING: Final = BackendSettings()
RELAY: Final = BackendSettings(kind=BackendKind.RELAY)
CLOUD: Final = BackendSettings(kind=BackendKind.STREAMLINK, account=ACCOUNT, owner=Owner("local"))
FLOW: Final = """\
apiVersion: reconciler/v1
kind: Flow
metadata: {name: news}
spec: {region: eu-frankfurt, input: {protocol: RTMP, allowlist: [127.0.0.0/8]}}
"""


def settings_in(folder: Path, backend: BackendSettings = NOTHING) -> Settings:
    """Return settings whose state is in a folder of the test's own."""
    state = folder / "state"
    return Settings(
        backend=backend,
        secrets=SecretsSettings(dir=state / "secrets"),
        loop=LoopSettings(),
        guard=GuardSettings(),
        state=state,
        paths=(folder / "manifests",),
    )


def write_manifests(folder: Path, text: str = FLOW) -> None:
    """Write a tree of manifests."""
    (folder / "manifests").mkdir()
    (folder / "manifests" / "news.yaml").write_text(text)
