"""Whole trees."""

import json
from collections.abc import Callable, Mapping

import pytest

from reconciler.domain.model import Care, DriftMode
from reconciler.manifests.reader import ManifestReader
from reconciler.ports.source import ManifestFile, Verdict
from tests.unit.manifests.written import INPUTS, OUTPUTS, Json, flow, output


def text_of(*documents: Json) -> str:
    """Return documents as a file of YAML; JSON is YAML."""
    return "\n---\n".join(json.dumps(document, indent=1) for document in documents)


def files(contents: Mapping[str, str | bytes]) -> list[ManifestFile]:
    """Return files of these contents."""
    return [
        ManifestFile(path=path, content=text if isinstance(text, bytes) else text.encode())
        for path, text in contents.items()
    ]


def read(contents: Mapping[str, str | bytes]) -> Verdict:
    """Return what a new reader says of these files."""
    return ManifestReader().read(files(contents))


def lines(verdict: Verdict) -> list[str]:
    """Return the findings without their words: `file:line:column: id severity`."""
    return [str(finding).split(" ", 3)[0] + " " + " ".join(str(finding).split()[1:3]) for finding in verdict.findings]


FLOW = """\
apiVersion: reconciler/v1
kind: Flow
metadata: {name: news}
spec:
  region: local
  state: idle
  input: {protocol: RTMP, allowlist: [10.0.0.0/8]}
"""
OUTPUT = """\
apiVersion: reconciler/v1
kind: Output
metadata: {name: tower}
spec: {flow: news, protocol: RTMP_PULL, allowlist: [10.0.0.0/8]}
"""


def test_a_sound_tree_is_desired() -> None:
    """Documents of any number of files make one desired state."""
    verdict = read({"b.yaml": OUTPUT, "a.yaml": FLOW})

    assert verdict.findings == ()
    assert verdict.desired is not None
    assert [str(one.key) for one in verdict.desired.flows] == ["flow/news"]
    assert [str(one.key) for one in verdict.desired.outputs] == ["output/news/tower"]


def test_nothing_is_desired_of_nothing() -> None:
    """An empty tree is sound; what that means is for the brake to say."""
    verdict = read({})

    assert verdict.findings == ()
    assert verdict.desired is not None
    assert verdict.desired.flows == ()


def test_warnings_do_not_keep_a_tree_from_being_desired() -> None:
    """They are told, and that is all."""
    verdict = read({"a.yaml": FLOW.replace("local", "moon-base")})

    assert lines(verdict) == ["a.yaml:5:11: SL201 warning:"]
    assert verdict.desired is not None


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        pytest.param({"a.yaml": FLOW + "---\n" + FLOW}, ["a.yaml:11:18: SL303 error:"], id="a name twice"),
        pytest.param({"a.yaml": "- a\n"}, ["a.yaml:1:1: SL103 error:"], id="a list"),
        pytest.param({"a.yaml": FLOW.replace("reconciler/v1", "v1")}, ["a.yaml:1:13: SL108 error:"], id="foreign"),
        pytest.param({"a.yaml": FLOW.replace("reconciler/v1", "[x]")}, ["a.yaml:1:13: SL108 error:"], id="a list"),
        pytest.param({"a.yaml": FLOW.replace("kind: Flow\n", "")}, ["a.yaml:1:1: SL102 error:"], id="no kind"),
        pytest.param({"a.yaml": FLOW.replace("Flow", "flow")}, ["a.yaml:2:7: SL109 error:"], id="a slip in the kind"),
        pytest.param({"a.yaml": FLOW.replace("Flow", "[]")}, ["a.yaml:2:7: SL109 error:"], id="no text"),
        pytest.param(
            {"a.yaml": FLOW.replace("news", "news, drift: warm")}, ["a.yaml:3:31: SL104 error:"], id="no such mode"
        ),
        pytest.param(
            {"a.yaml": FLOW.replace("apiVersion: reconciler/v1\n", "")}, ["a.yaml:1:1: SL102 error:"], id="none"
        ),
        pytest.param({"a.yaml": FLOW.replace("Flow", "*x")}, ["a.yaml:2:7: SL005 error:"], id="a spoilt header"),
        pytest.param({"a.yaml": FLOW.replace("idle", "*x")}, ["a.yaml:6:10: SL005 error:"], id="a spoilt value"),
        pytest.param({"a.yaml": FLOW.replace("state", "<<")}, ["a.yaml:6:3: SL006 error:"], id="a merge key"),
        pytest.param({"a.yaml": FLOW + "  region: x\n"}, ["a.yaml:8:3: SL004 error:"], id="a key twice"),
        pytest.param({"a.yaml": FLOW + "  nope: 1\n"}, ["a.yaml:8:3: SL101 error:"], id="an unknown key"),
        pytest.param({"a.yaml": b"\x00\x01"}, ["a.yaml:1:1: SL002 error:"], id="binary"),
        pytest.param({"a.yaml": "a: [\n"}, ["a.yaml:1:4: SL003 error:"], id="broken"),
        pytest.param({"a.yaml": "[" * 100}, ["a.yaml:1:65: SL009 error:"], id="deep"),
    ],
)
def test_one_fault_is_one_finding(contents: dict[str, str | bytes], expected: list[str]) -> None:
    """At the place to blame, and nothing is desired then."""
    verdict = read(contents)

    assert lines(verdict) == expected
    assert verdict.desired is None


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(FLOW.replace("idle", "x"), id="a wrong value"),
        pytest.param(FLOW.replace("news}", "news"), id="broken YAML after the name"),
        pytest.param("x: [\n" + FLOW, id="broken YAML before the name"),
        pytest.param(FLOW.replace("Flow", "Folw"), id="a slip in the kind"),
        pytest.param(FLOW.replace("reconciler/v1", "reconciler/v2"), id="another version"),
        pytest.param(FLOW + "  input: &x 1\n", id="a refused construct"),
        pytest.param(FLOW.replace("{name: news}", "{name: news, x: 1}"), id="beside the name"),
        pytest.param(b"\x00" + FLOW.encode(), id="a file that is not read at all"),
    ],
)
def test_the_outputs_of_a_broken_flow_have_no_findings(broken: str | bytes) -> None:
    """A broken document still defines its name, as far as that can be told."""
    verdict = read({"a.yaml": broken, "b.yaml": OUTPUT})

    assert len(verdict.findings) == 1
    assert verdict.findings[0].at.file == "a.yaml"


def test_a_name_of_the_wrong_form_is_defined_all_the_same() -> None:
    """Whoever refers to it is told nothing; it is mended once."""
    verdict = read({"a.yaml": FLOW.replace("news", "city-news"), "b.yaml": OUTPUT.replace("news", "city-news")})

    assert lines(verdict) == ["a.yaml:3:18: SL106 error:"]


def test_documents_before_and_after_a_broken_one_count() -> None:
    """A syntax error costs its document alone."""
    broken = f"{FLOW}---\nkind: [\n---\n{OUTPUT}---\n{OUTPUT.replace('news', 'nwes')}"

    assert lines(read({"a.yaml": broken})) == ["a.yaml:9:7: SL003 error:"]
    assert lines(read({"a.yaml": broken.replace("kind: [", "kind: [\nmetadata: {name: x}")})) == [
        "a.yaml:9:7: SL003 error:",
        "a.yaml:20:14: SL301 error:",
    ]


def test_a_finding_between_documents_has_its_line() -> None:
    """The file is looked at again for it."""
    verdict = read({"b.yaml": FLOW, "a.yaml": "# one\n---\n" + OUTPUT.replace("RTMP_PULL", "RTSP")})

    assert str(verdict.findings[0]).startswith("a.yaml:6:30: SL305 error: an input of protocol RTMP cannot feed")


def test_findings_in_many_files_have_their_lines() -> None:
    """However many files are looked at again."""
    outputs = {f"{index:02}.yaml": "\n" * index + OUTPUT.replace("RTMP_PULL", "RTSP") for index in range(20)}
    renamed = {path: text.replace("tower", f"t{path[:2]}") for path, text in outputs.items()}

    verdict = read({**renamed, "x.yaml": FLOW})

    assert lines(verdict) == [f"{index:02}.yaml:{4 + index}:30: SL305 error:" for index in range(20)]


def test_files_that_could_not_be_read_say_why() -> None:
    """The source's words are told; what may be in them is not missed."""
    verdict = ManifestReader().read([ManifestFile(path="a.yaml", problem="no reason"), *files({"b.yaml": OUTPUT})])

    assert [str(finding) for finding in verdict.findings] == [
        "a.yaml:1:1: SL001 error: the file cannot be read: no reason"
    ]


def test_a_file_beyond_the_bound_is_not_read() -> None:
    """The reader keeps the bound whatever the source does."""
    verdict = ManifestReader(max_file_bytes=10).read(files({"a.yaml": FLOW}))

    assert [finding.rule.id for finding in verdict.findings] == ["SL001"]


def test_the_setting_says_which_variables_may_be_named() -> None:
    """`validate` checks it too."""
    secret = text_of(flow(INPUTS["RTMP_PULL"]))

    allowed = ManifestReader(secrets_env=["STREAM_*"]).read(files({"a.yaml": secret}))
    refused = ManifestReader(secrets_env=["LIVE_*"]).read(files({"a.yaml": secret}))

    assert [finding.rule.id for finding in allowed.findings] == []
    assert [(finding.rule.id, finding.pointer) for finding in refused.findings] == [
        ("SL207", "/spec/input/rtmpPull/streamKey/env")
    ]


def test_every_rule_of_one_document_is_asked() -> None:
    """Each sort of input and output has its own places that may be wrong."""
    odd = "rtmp://u:p@x/a"
    documents = [
        flow({**INPUTS["RTMP_PULL"], "rtmpPull": {"url": odd, "streamKey": {"file": "../x"}}}, name="a"),
        flow({**INPUTS["RTSP"], "rtsp": {"url": "rtsp://u@x/1"}}, name="b"),
        flow({"protocol": "SRT", "srt": {"latency": {"senderCountry": "DE", "ms": 1}}}, name="c"),
        output({"protocol": "SRT", "srt": {"mode": "listener", "latency": {"receiverCountry": "XX"}}}, of="c"),
        output({"protocol": "RTMP", "rtmpPush": {"destinations": [{"url": odd, "streamKey": {"env": "X"}}]}}, of="a"),
        output(OUTPUTS["RTSP"], name="far", of="b", region="moon-base"),
    ]

    verdict = read({"a.yaml": text_of(*documents)})

    assert sorted(finding.rule.id for finding in verdict.findings) == [
        "SL112", "SL112", "SL112", "SL201", "SL205", "SL205", "SL206", "SL207", "SL208", "SL209", "SL214", "SL214",
    ]  # fmt: skip


def test_what_did_not_change_is_not_read_again() -> None:
    """A reader that has seen a tree says of the changed tree what a new one would, and keeps the values of the rest."""
    reader = ManifestReader()
    other = FLOW.replace("news", "other")
    before = reader.read(files({"a.yaml": FLOW, "b.yaml": OUTPUT, "c.yaml": other}))

    changed = {"a.yaml": FLOW, "b.yaml": OUTPUT.replace("10.", "11."), "c.yaml": other}
    after = reader.read(files(changed))

    assert after == read(changed)
    assert before.desired is not None
    assert after.desired is not None
    assert after.desired.flows[1] is before.desired.flows[1]
    assert after.desired.outputs != before.desired.outputs


def test_a_tree_recovers_when_it_is_mended() -> None:
    """Nothing of a broken state stays behind."""
    reader = ManifestReader()
    sound = files({"a.yaml": FLOW, "b.yaml": OUTPUT})

    first = reader.read(sound)
    broken = reader.read(files({"a.yaml": FLOW + "x: [", "b.yaml": OUTPUT}))
    gone = reader.read(sound[1:])
    last = reader.read(sound)

    assert broken.desired is None
    assert [finding.rule.id for finding in gone.findings] == ["SL301"]
    assert last == first


def test_all_that_is_wrong_with_a_document_is_told_at_once() -> None:
    """What does not fit the schema hides nothing of the rest, and is missed nowhere."""
    text = """\
apiVersion: reconciler/v1
kind: Flow
metadata: {name: news}
spec:
  region: ap-singapor
  state: idle
  maxBandwith: 10M
  input:
    protocol: SRT
    allowlist: [203.0.113.7]
    srt: {latency: 5000, encryption: {keyLength: 32, passphrase: {env: TOWER}}}
"""

    assert [finding.rule.id for finding in read({"a.yaml": text}).findings] == [
        "SL201",
        "SL101",
        "SL203",
        "SL105",
        "SL207",
    ]


def test_ten_thousand_documents_in_one_file() -> None:
    """Each has its place, the last one too."""
    outputs = [OUTPUT.replace("tower", f"tower_{number}") for number in range(9_998)]
    last = OUTPUT.replace("tower", "last").replace("RTMP_PULL", "RTMP_PUL")
    text = "---\n".join([FLOW, *outputs, last])

    verdict = read({"a.yaml": text})

    assert lines(verdict) == [f"a.yaml:{text.count(chr(10))}:30: SL104 error:"]
    assert len(verdict.sound.outputs) == 9_998


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(lambda text: text.encode("utf-8-sig"), id="a mark of order"),
        pytest.param(lambda text: text.replace("\n", "\r\n").encode(), id="lines as Windows ends them"),
        pytest.param(lambda text: text.replace("\n", "\r\n").encode("utf-8-sig"), id="both"),
    ],
)
def test_what_other_editors_write_is_read_alike(written: Callable[[str], bytes]) -> None:
    """To the same findings at the same places, and the same desired state."""
    bad = FLOW.replace("news", "Köln").replace("idle", "off")

    assert read({"a.yaml": written(FLOW)}).desired == read({"a.yaml": FLOW}).desired
    assert lines(read({"a.yaml": written(bad)})) == lines(read({"a.yaml": bad}))


def test_paths_of_windows_are_no_paths_here() -> None:
    """A secret's file is named with slashes; a manifest's name is told as it is."""
    pushed = "{destinations: [{url: rtmp://a.example/b, streamKey: {file: 'C:\\\\keys\\\\tower'}}]}"
    text = FLOW + "---\n" + OUTPUT.replace("RTMP_PULL, allowlist: [10.0.0.0/8]", f"RTMP_PUSH, rtmpPush: {pushed}")

    (finding,) = read({"C:\\manifests\\a.yaml": text}).findings

    assert (finding.rule.id, finding.at.file) == ("SL208", "C:\\manifests\\a.yaml")
    assert "parted with /" in finding.message


MOVE = """\
apiVersion: reconciler/v1
kind: Move
metadata: {name: renamed}
spec: {from: output/news/old, to: output/news/tower}
"""
CALENDAR = """\
apiVersion: reconciler/v1
kind: Calendar
metadata: {name: cup_final}
spec:
  zone: Europe/Berlin
  flows: [news]
  windows:
    - {kind: freeze, from: 2026-11-28T19:00, to: 2026-11-28T23:00}
    - {kind: no-disruptive, every: [sat, sun], from: 18:00, to: 01:30, since: 2026-11-01}
"""
"""Times and dates need no quotes: to YAML 1.2 they are text."""


def test_a_verdict_says_how_changes_are_made() -> None:
    """Beside what is desired; dates and times are text to YAML."""
    verdict = read({"a.yaml": FLOW, "b.yaml": OUTPUT, "how/c.yaml": CALENDAR + "---\n" + MOVE})

    assert lines(verdict) == []
    assert [one.name for one in verdict.policies.calendars] == ["cup_final"]
    assert [str(one.before) for one in verdict.policies.moves] == ["output/news/old"]
    assert verdict.policies.calendars[0].windows[0].begins.isoformat() == "2026-11-28T19:00:00"


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        pytest.param(CALENDAR.replace("freeze", "frozen"), "SL104", id="a schema"),
        pytest.param(CALENDAR.replace("11-28T23", "02-30T23"), "SL402", id="a value"),
        pytest.param(CALENDAR.replace("[news]", "[nwes]"), "SL301", id="between documents"),
        pytest.param(CALENDAR + "  zone: UTC\n", "SL004", id="the text"),
    ],
)
def test_only_sound_documents_say_how_changes_are_made(broken: str, expected: str) -> None:
    """Whatever is wrong with another one."""
    verdict = read({"a.yaml": FLOW, "b.yaml": OUTPUT, "c.yaml": broken, "d.yaml": MOVE})

    assert [finding.rule.id for finding in verdict.findings] == [expected]
    assert verdict.desired is None
    assert verdict.policies.calendars == ()
    assert [one.name for one in verdict.policies.moves] == ["renamed"]


def test_a_warning_does_not_keep_a_document_from_counting() -> None:
    """Also one about the document itself."""
    text = CALENDAR.replace("2026-11-28T19:00", "2027-03-28T02:15").replace("2026-11-28T23:00", "2027-03-28T02:45")

    verdict = read({"a.yaml": FLOW, "b.yaml": OUTPUT, "c.yaml": text})

    assert lines(verdict) == ["c.yaml:8:28: SL405 warning:"]
    assert len(verdict.policies.calendars) == 1


def test_a_document_about_changes_is_excused_as_any_other() -> None:
    """By its own annotation."""
    text = CALENDAR.replace("2026-11-28T19:00", "2027-03-28T02:15").replace("2026-11-28T23:00", "2027-03-28T02:45")
    annotated = text.replace("cup_final}", "cup_final, annotations: {reconciler/ignore: 'SL405: a rehearsal'}}")

    verdict = read({"a.yaml": FLOW, "b.yaml": OUTPUT, "c.yaml": annotated})

    assert verdict.findings == ()
    assert [(one.finding.rule.id, one.finding.resource) for one in verdict.excused] == [("SL405", "calendar/cup_final")]


def test_documents_about_changes_follow_the_tree() -> None:
    """A reader that has seen another tree says of this one what a new one says, though their file is the same."""
    reader = ManifestReader()
    how = {"how.yaml": CALENDAR + "---\n" + MOVE}
    trees = [
        {"a.yaml": FLOW, "b.yaml": OUTPUT, **how},
        {"a.yaml": FLOW, "b.yaml": OUTPUT.replace("tower", "other"), **how},
        {"a.yaml": FLOW.replace("news", "sports"), "b.yaml": OUTPUT.replace("news", "sports"), **how},
        {"a.yaml": FLOW, "b.yaml": OUTPUT},
        {"a.yaml": FLOW, "b.yaml": OUTPUT, **how},
    ]

    verdicts = [reader.read(files(tree)) for tree in trees]

    assert verdicts == [read(tree) for tree in trees]
    assert [len(one.findings) for one in verdicts] == [0, 1, 2, 0, 0]
    assert [len(one.policies.moves) for one in verdicts] == [1, 0, 0, 0, 1]


def test_care_is_part_of_what_is_desired() -> None:
    """Of flows and outputs; labels are sorted, and most have none of it."""
    cared = "contacts: [tower@example], protect: true, drift: warn, labels: {b: x, a: y}"
    contents = {
        "a.yaml": FLOW.replace("{name: news", "{name: news, " + cared),
        "b.yaml": OUTPUT.replace("{name: tower", "{name: tower, redundancyGroup: legs"),
        "c.yaml": OUTPUT.replace("{name: tower", "{name: spare, redundancyGroup: legs"),
        "d.yaml": OUTPUT.replace("tower", "plain"),
        "e.yaml": OUTPUT.replace("{name: tower", "{name: late, drift: correctWhenOffAir"),
        "f.yaml": OUTPUT.replace("{name: tower", "{name: usual, drift: correct"),
    }

    verdict = read(contents)

    assert lines(verdict) == []
    assert verdict.desired is not None
    assert verdict.desired.flows[0].care == Care(
        contacts=("tower@example",), protected=True, labels=(("a", "y"), ("b", "x")), drift=DriftMode.WARN
    )
    assert {one.key.name: one.care for one in verdict.desired.outputs} == {
        "late": Care(drift=DriftMode.CORRECT_WHEN_OFF_AIR),
        "plain": Care(),
        "spare": Care(redundancy_group="legs"),
        "tower": Care(redundancy_group="legs"),
        "usual": Care(),
    }


def test_every_resource_has_its_places() -> None:
    """A broken document describes its resource all the same; one without a name has none, and what is gone is gone."""
    broken = OUTPUT.replace("tower", "mast").replace("flow: news,", "flow: news, nothing: 1,")
    reader = ManifestReader()

    reader.read(files({"b.yaml": FLOW, "a.yaml": FLOW + "---\n" + OUTPUT, "c.yaml": broken, "d.yaml": "kind: Flow\n"}))
    places = {name: [str(place.at(())) for place in found] for name, found in reader.places().items()}
    reader.read(files({"b.yaml": FLOW}))

    assert places == {
        "flow/news": ["a.yaml:1:1", "b.yaml:1:1"],
        "output/news/tower": ["a.yaml:9:1"],
        "output/news/mast": ["c.yaml:1:1"],
    }
    assert list(reader.places()) == ["flow/news"]
