"""The matrix that is shown is the whole one, and its verdicts mean what they say."""

from pathlib import Path

import pytest
import yaml

from benchmarks.matrix import WANTED_FRAMES, Row, Secrets, Trial, documents, trials
from reconciler import wiring
from reconciler.domain.protocols import ALLOWED_OUTPUTS
from reconciler.ports.source import ManifestFile
from reconciler.settings import Layers, settings_from


@pytest.fixture
def rows(tmp_path: Path) -> list[Trial]:
    """Give all that is tried."""
    return list(trials(Secrets(tmp_path / "secrets")))


def test_every_pair_that_the_rules_allow_is_tried(rows: list[Trial]) -> None:
    """No row of the protocol matrix is left out, and none is made up."""
    tried = {(trial.manifest["protocol"], leg.manifest["protocol"]) for trial in rows for leg in trial.legs}

    assert tried == {(str(source), str(sink)) for source, sinks in ALLOWED_OUTPUTS.items() for sink in sinks}


def test_srt_is_tried_in_both_modes_with_every_key_length(rows: list[Trial]) -> None:
    """Plain, 16, 24 and 32 bytes, for callers and listeners, at both ends."""
    ends = {
        (trial.manifest["srt"]["mode"], srt["mode"], srt.get("encryption", {}).get("keyLength", 0))
        for trial in rows
        for leg in trial.legs
        if trial.manifest["protocol"] == "SRT" and (srt := leg.manifest.get("srt"))
    }

    assert ends == {
        (source, sink, length)
        for source in ("listener", "caller")
        for sink in ("listener", "caller")
        for length in (0, 16, 24, 32)
    }


def test_what_is_tried_is_valid(rows: list[Trial]) -> None:
    """The manifests have no error, or nothing would be carried."""
    reader = wiring.reader(settings_from(Layers()))
    files = tuple(
        ManifestFile(path=f"{trial.name}.yaml", content=yaml.safe_dump_all(documents(trial)).encode()) for trial in rows
    )

    verdict = reader.read(files)

    assert verdict.desired is not None, [str(finding) for finding in verdict.findings]


@pytest.mark.parametrize(
    ("frames", "discontinuities", "holds"),
    [(WANTED_FRAMES, 0, True), (WANTED_FRAMES - 1, 0, False), (WANTED_FRAMES, 1, False)],
)
def test_a_row_holds_with_enough_frames_and_no_discontinuity(frames: int, discontinuities: int, *, holds: bool) -> None:
    """One frame too few, or one gap, and it does not hold."""
    row = Row("SRT", "SRT", frames=frames, discontinuities=discontinuities)

    assert row.holds is holds
