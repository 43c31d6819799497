"""What manifests are looked up in, chosen by the settings."""

from pathlib import Path

import pytest

from reconciler.domain.errors import SecretUnavailableError
from reconciler.domain.secrets import SecretRef, SecretSource
from reconciler.settings import Layers, settings_from
from reconciler.wiring import sources

FILES = {
    "source": {"git": "https://git.example/tv", "tokenFile": "source.tokenFile", "sshKey": "source.sshKey"},
    "service": {
        "tokenFile": "service.tokenFile",
        "keyFile": "service.keyFile",
        "webhookSecretFile": "service.webhookSecretFile",
    },
    "secrets": {"ageKeyFile": "secrets.ageKeyFile"},
    "notify": {
        "sinks": [
            {"kind": "webhook", "name": "pager", "urlFile": "notify.sinks pager.urlFile"},
        ]
    },
}
"""Each file has the name of its setting."""


def test_no_manifest_names_a_file_of_the_reconciler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it is for: whoever may push the branch may not read what it is fetched with."""
    monkeypatch.chdir(tmp_path)
    settings = settings_from(Layers(file=FILES, environment={"RECONCILER_SECRETS_DIR": str(tmp_path)}))
    vault = sources.vault(settings, environment={})
    names = {str(path) for path in sources.own_files(settings) if path.parent == Path()}
    assert names == {
        *("source.tokenFile", "source.sshKey", "service.tokenFile", "service.keyFile", "service.webhookSecretFile"),
        *("secrets.ageKeyFile", "notify.sinks pager.urlFile"),
    }

    for name in names:
        Path(name).write_text("canary")
        with pytest.raises(SecretUnavailableError, match=f"it is the file of {name}: "):
            vault.resolve(SecretRef(source=SecretSource.FILE, name=name))
