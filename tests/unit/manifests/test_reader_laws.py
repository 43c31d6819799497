"""What holds of every tree."""

import json
import random
from copy import deepcopy
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.domain.documents import Path
from reconciler.domain.findings import Finding, Severity
from reconciler.domain.model import Desired
from reconciler.domain.rules.catalogue import OWN_INPUT, SAME_DESTINATION
from reconciler.manifests.reader import ManifestReader
from reconciler.ports.source import ManifestFile
from tests import strategies
from tests.unit.manifests.mutations import at, edited, mutants, paths
from tests.unit.manifests.written import EVERY, Json, documents_of

CANARY: Final = "CANARYhunter2"
UNWISE: Final = (SAME_DESTINATION, OWN_INPUT)
"""Errors that a world made by chance may have: two streams meet, or one feeds itself."""


def file_of(path: str, documents: list[Json]) -> ManifestFile:
    """Return a file of these documents."""
    return ManifestFile(path=path, content="\n---\n".join(map(json.dumps, documents)).encode())


@settings(deadline=None)
@given(strategies.desireds())
def test_decode_is_the_inverse_of_encode(desired: Desired) -> None:
    """What is desired and written out is read as the same, to the last property; wise or not."""
    verdict = ManifestReader().read([file_of("a.yaml", documents_of(desired))])

    errors = [finding for finding in verdict.findings if finding.weight is Severity.ERROR]
    assert [str(finding) for finding in errors if finding.rule not in UNWISE] == []
    assert verdict.sound == desired
    assert verdict.desired == (None if errors else desired)


TREES = st.lists(st.sampled_from([*EVERY.values(), {"kind": "Flow"}, {"x": 1}, []]), max_size=6)


@settings(deadline=None)
@given(TREES, st.randoms(use_true_random=False))
def test_the_order_of_files_never_matters(documents: list[Json], chance: random.Random) -> None:
    """Files are judged by their paths, in whatever order the source finds them."""
    files = [file_of(f"{index}.yaml", [document]) for index, document in enumerate(documents)]
    shuffled = list(files)
    chance.shuffle(shuffled)

    assert ManifestReader().read(shuffled) == ManifestReader().read(files)


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, len(EVERY) - 1), max_size=4), max_size=5))
def test_memory_never_matters(trees: list[list[int]]) -> None:
    """A reader that has seen other trees says what a new one says."""
    every = list(EVERY.values())
    reader = ManifestReader()

    for tree in trees:
        files = [file_of(f"{place}.yaml", [every[index]]) for place, index in enumerate(tree)]
        assert reader.read(files) == ManifestReader().read(files)


def capable(document: Json) -> list[Path]:
    """Return every path of a document that may hold a secret, and the URLs."""
    names = {"passphrase", "streamKey", "password", "url", "encryption", "credentials", "env", "file"}
    return [path for path in paths(document) if path and path[-1] in names]


SPOILT: Final[tuple[Any, ...]] = (
    CANARY, [CANARY], {CANARY: 1}, {"env": CANARY}, {"file": f"/{CANARY}"}, {"env": f"{CANARY}!"},
    {"env": "STREAM_X", "version": CANARY}, {"env": "STREAM_X", CANARY: 1}, {"env": [CANARY]},
    {"file": f"../{CANARY}"}, f"rtmp://{CANARY}:x@y/z", f"http://x/{CANARY}", f"rtmp://x/{CANARY} ", {"url": CANARY},
    {f"streamKey:{CANARY}": None}, {"keyLength": CANARY, "passphrase": CANARY}, {"flow": CANARY},
)  # fmt: skip


@pytest.mark.parametrize("document", EVERY.values(), ids=EVERY.keys())
def test_no_secret_is_in_any_finding(document: Json) -> None:
    """Whatever is written where a secret may be, no finding quotes it, in any of its parts."""
    written = [edited(document, path, odd) for path in capable(document) for odd in SPOILT]

    verdict = ManifestReader().read([file_of("a.yaml", written)])

    assert len(verdict.findings) >= len(written) / 2
    assert [finding for finding in verdict.findings if CANARY in everything(finding)] == []


def everything(finding: Finding) -> str:
    """Return all that a finding may show anywhere."""
    return repr(finding) + str(finding)


RAW: Final = (
    "*{}", "&{} x", "!{} x", "@{}", "%{}", "`{}", "'{}", '"{}', "[{}", "{{{}", '"\\q{}"', "{}: x: y", "? {}", "|{}",
    "- {}", "{{env: {}, env: {}}}", "{{env: &{} x}}", "{{{}: 1, {}: 2}}", "{{env:{}}}", "<<: {}", "!!binary {}",
    "{}\x01",
)  # fmt: skip
"""What people may type where a secret goes, before it is any YAML."""


@pytest.mark.parametrize("name", ["passphrase", "streamKey", "password", "url"])
@pytest.mark.parametrize("raw", RAW)
def test_no_secret_is_in_a_finding_about_broken_yaml(name: str, raw: str) -> None:
    """The parser's own words, names of anchors and tags, and the source line are never quoted."""
    text = f"kind: Flow\nspec:\n  {name}: {raw.format(*[CANARY] * 3)}\n"

    verdict = ManifestReader().read([ManifestFile(path="a.yaml", content=text.encode())])

    assert verdict.findings
    assert [finding for finding in verdict.findings if CANARY in everything(finding)] == []


@pytest.mark.parametrize("document", EVERY.values(), ids=EVERY.keys())
def test_every_slip_is_a_finding_within_its_document(document: Json) -> None:
    """Whatever is edited, a finding points into the text, and what has no error is desired."""
    for mutant in list(mutants(document))[::7]:
        text = json.dumps(mutant, indent=1)
        verdict = ManifestReader().read([ManifestFile(path="a.yaml", content=text.encode())])
        rows = text.split("\n")
        for finding in verdict.findings:
            assert 1 <= finding.at.column <= len(rows[finding.at.line - 1]) + 1
            assert reaches(mutant, finding.pointer)
        has_error = any(finding.weight is Severity.ERROR for finding in verdict.findings)
        assert (verdict.desired is None) is has_error


def reaches(document: Any, pointer: str) -> bool:
    """Return whether a pointer leads somewhere, but for its last part: what is missing is missed there."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    value = deepcopy(document)
    for part in parts[:-1]:
        value = at(value, (int(part) if isinstance(value, list) else part,))
    return True
