"""The settings file."""

import pytest

from reconciler.manifests.settings_file import read_settings
from reconciler.ports.source import ManifestFile

SETTINGS = """\
# of the studio
backend: {kind: streamlink, profile: international, owner: studio, regions: [ap-singapore], ratePerS: 15}
source: {paths: [manifests]}
secrets: {dir: /run/secrets, env: [STREAM_*]}
loop: {debounceMs: 100, maxWaitMs: 2000, rescanS: 10, observeS: 60}
guard: {}
"""


def test_settings_are_read() -> None:
    """What fits the schema comes back as nested values."""
    reading = read_settings(ManifestFile(path="reconciler.yaml", content=SETTINGS.encode()))

    assert reading.findings == ()
    assert reading.values["backend"]["owner"] == "studio"
    assert reading.values["loop"] == {"debounceMs": 100, "maxWaitMs": 2000, "rescanS": 10, "observeS": 60}


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_nothing_set_is_fine(text: str) -> None:
    """An empty file sets nothing."""
    assert read_settings(ManifestFile(path="r.yaml", content=text.encode())).values == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("bakend: {}\n", "1:1: SL101 error: there is no property `bakend`", id="a slip"),
        pytest.param("loop: {rescanS: 0}\n", "1:17: SL105 error: must be 1 to 86400, not 0", id="a range"),
        pytest.param("backend: {owner: A}\n", "1:18: SL106 error: not a valid `owner`: A", id="a form"),
        pytest.param("loop: [\n", "1:7: SL003 error: a list in brackets is not closed", id="broken"),
        pytest.param("loop: *x\n", "1:7: SL005 error: an alias", id="an alias"),
        pytest.param("loop: {}\n---\nguard: {}\n", "3:1: SL103 error: must be a mapping, not a list", id="two"),
        pytest.param("- a\n", "1:1: SL103 error: must be a mapping, not a list", id="a list"),
        pytest.param("\x00", "1:1: SL002 error: the character U+0000 is not allowed", id="binary"),
    ],
)
def test_a_wrong_setting_is_a_finding(text: str, expected: str) -> None:
    """At its place, as in a manifest, and nothing is set then."""
    reading = read_settings(ManifestFile(path="r.yaml", content=text.encode()))

    (finding,) = reading.findings
    assert str(finding).startswith(f"r.yaml:{expected}")
    assert reading.values == {}


def test_a_file_that_cannot_be_read_says_why() -> None:
    """As a manifest does."""
    reading = read_settings(ManifestFile(path="r.yaml", problem="no reason"))

    assert [str(finding) for finding in reading.findings] == [
        "r.yaml:1:1: SL001 error: the file cannot be read: no reason"
    ]
