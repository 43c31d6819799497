"""Tests of `wiring.loading`: settings. Faults are loaded in `relay/faults/test_knobs.py`."""

from pathlib import Path

import pytest

from reconciler import wiring
from reconciler.domain.errors import UsageError
from reconciler.settings import BackendKind


def test_a_settings_file_is_read(tmp_path: Path) -> None:
    """The file says what neither flag nor environment says."""
    file = tmp_path / "reconciler.yaml"
    file.write_text("backend: {kind: streamlink, owner: from-file}\nloop: {debounceMs: 300}\n")

    settings = wiring.load_settings(file, {"backend.owner": "from-flag"}, environment={})

    assert settings.backend.kind is BackendKind.STREAMLINK
    assert settings.backend.owner == "from-flag"
    assert settings.loop.debounce_ms == 300


def test_the_environment_may_name_the_settings_file(tmp_path: Path) -> None:
    """`RECONCILER_CONFIG` stands for `--config`."""
    file = tmp_path / "other.yaml"
    file.write_text("loop: {rescanS: 3}\n")

    settings = wiring.load_settings(environment={"RECONCILER_CONFIG": str(file)})

    assert settings.loop.rescan_s == 3


def test_a_wrong_settings_file_is_refused_with_places(tmp_path: Path) -> None:
    """An unknown key is found at its line and column."""
    file = tmp_path / "reconciler.yaml"
    file.write_text("backend:\n  knid: relay\n")

    with pytest.raises(UsageError, match=r"reconciler\.yaml:2:3: "):
        wiring.load_settings(file, environment={})


def test_a_named_settings_file_must_be_there(tmp_path: Path) -> None:
    """A file that was asked for and is missing is no default."""
    with pytest.raises(UsageError, match="is not there"):
        wiring.load_settings(tmp_path / "gone.yaml", environment={})
