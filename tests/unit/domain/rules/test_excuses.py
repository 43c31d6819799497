"""Resources that are excused from rules, with a reason."""

import pytest

from reconciler.manifests.reader import ManifestReader
from reconciler.ports.source import ManifestFile, Verdict

FLOW = """\
apiVersion: reconciler/v1
kind: Flow
metadata:
  name: news
  annotations:
    reconciler/ignore: {excuse}
spec:
  region: local
  state: idle
  input: {received}
"""
OPEN = "{protocol: RTMP}"
SHUT = "{protocol: RTMP, allowlist: [10.0.0.0/8]}"


def read(excuse: str, received: str = OPEN) -> Verdict:
    """Return what is said of a flow with this excuse."""
    content = FLOW.format(excuse=excuse, received=received).encode()
    return ManifestReader().read([ManifestFile(path="a.yaml", content=content)])


def ids(verdict: Verdict) -> list[str]:
    """Return the rules that are broken."""
    return [finding.rule.id for finding in verdict.findings]


def test_a_resource_is_excused_with_a_reason() -> None:
    """The finding is kept, beside the reason, and keeps nothing from being applied."""
    verdict = read('"SL205: anybody may publish, the key protects it"')

    assert verdict.findings == ()
    assert [(one.finding.rule.id, one.reason) for one in verdict.excused] == [
        ("SL205", "anybody may publish, the key protects it")
    ]
    assert verdict.desired is not None


def test_nobody_else_is_excused() -> None:
    """An excuse is of its own resource."""
    other = FLOW.format(excuse='"SL205: ours"', received=OPEN) + "---\n"
    other += FLOW.replace("name: news", "name: sport").format(excuse='""', received=OPEN)

    verdict = ManifestReader().read([ManifestFile(path="a.yaml", content=other.encode())])

    assert {finding.resource for finding in verdict.findings} == {"flow/sport"}


@pytest.mark.parametrize(
    ("excuse", "message"),
    [
        ("SL205", "the excuse from SL205 gives no reason"),
        ('"SL205:  "', "the excuse from SL205 gives no reason"),
        ('"SL999: why"', "there is no rule SL999"),
        ('"SL104: why"', "nothing can be excused from SL104 (value not allowed)"),
        ('"because"', "there is no rule because"),
        ('"?"', "an excuse names no rule"),
        ('""', "an excuse names no rule"),
    ],
)
def test_an_excuse_that_does_not_count_is_an_error(excuse: str, message: str) -> None:
    """It excuses nothing."""
    verdict = read(excuse)

    assert message in [finding.message for finding in verdict.findings if finding.rule.id == "SL113"]
    assert "SL205" in ids(verdict)
    assert verdict.desired is None


def test_several_are_separated() -> None:
    """With semicolons or line ends; several rules may share a reason, and a reason may hold a semicolon."""
    excuse = '"SL205, SL204: it is open; we know;\\nSL210: twice"'

    verdict = read(excuse, "{protocol: RTMP, allowlist: [0.0.0.0/0, 10.0.0.1/8]}")

    assert {one.finding.rule.id: one.reason for one in verdict.excused} == {
        "SL204": "it is open; we know",
        "SL210": "twice",
    }
    assert ids(verdict) == ["SL114"]


def test_an_excuse_that_nothing_needs_is_told() -> None:
    """But not where an error may hide what it is for."""
    assert ids(read('"SL205: open"', SHUT)) == ["SL114"]
    assert ids(read('"SL205: open"', "{protocol: RTMP, allowlist: [nonsense]}")) == ["SL203"]


def test_excuses_are_bounded() -> None:
    """What nobody can have meant is not searched."""
    (finding,) = read('"' + "\\n" * 60_000 + 'x"', SHUT).findings

    assert (finding.rule.id, finding.message) == (
        "SL113",
        "the excuses have 60001 characters, and at most 1000 are read",
    )


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("reconciler/ignored", "there is no annotation of this name"),
        ("reconcilier/ignore", "an excuse under another name"),
        ("recnciler/ignore", "an excuse under another name"),
    ],
)
def test_an_excuse_under_another_name_is_told(key: str, message: str) -> None:
    """It would excuse nothing, in silence; what belongs to others is theirs."""
    text = FLOW.format(excuse='"SL205: we know"', received=OPEN).replace("reconciler/ignore", key)

    findings = ManifestReader().read([ManifestFile(path="a.yaml", content=text.encode())]).findings

    assert [(one.rule.id, one.message, one.at.column) for one in findings if one.rule.id == "SL113"] == [
        ("SL113", message, 5)
    ]
    theirs = text.replace(key, "example.com/ignore").encode()
    assert ids(ManifestReader().read([ManifestFile(path="a.yaml", content=theirs)])) == ["SL205"]


def test_an_excuse_counts_where_another_property_does_not_fit() -> None:
    """What is excused is not told beside a slip."""
    anybody = "{protocol: RTMP, allowlist: [0.0.0.0/0]}"
    text = FLOW.format(excuse='"SL210: we know"', received=anybody).replace("idle", "off").encode()

    verdict = ManifestReader().read([ManifestFile(path="a.yaml", content=text)])

    assert (ids(verdict), [one.finding.rule.id for one in verdict.excused]) == (["SL104"], ["SL210"])


def test_annotations_of_others_mean_nothing_here() -> None:
    """However many there are."""
    text = FLOW.format(excuse="x", received=SHUT).replace("reconciler/ignore", "ticket: OPS-1\n    team")

    assert ids(ManifestReader().read([ManifestFile(path="a.yaml", content=text.encode())])) == []
