"""Why a document does not fit its schema, in words."""

from typing import Any

import pytest

from reconciler.domain.documents import Path
from reconciler.manifests.explain import explain
from tests.unit.manifests.mutations import edited, mutants
from tests.unit.manifests.written import EVERY, INPUTS, KEY, OUTPUTS, PLACE, Json, flow, output


def told(document: Json, *, unreliable: tuple[Path, ...] = ()) -> list[str]:
    """Return the faults as `id pointer: message (hint)`."""
    return [
        f"{fault.rule.id} {'/'.join(map(str, fault.path))}: {fault.message}"
        + (f" ({fault.hint})" if fault.hint else "")
        for fault in explain(document, document["kind"].lower(), unreliable=unreliable)
    ]


SRT_IN, CALLER_IN = flow(INPUTS["SRT listener"]), flow(INPUTS["SRT caller"])
SRT_OUT, CALLER = output(OUTPUTS["SRT listener"]), output(OUTPUTS["SRT caller"])
PUSHES, PULL = output(OUTPUTS["RTMP_PUSH"]), output(OUTPUTS["RTMP_PULL"])
DESTINATION = ("spec", "rtmpPush", "destinations", 0)


@pytest.mark.parametrize(
    ("document", "path", "value", "expected"),
    [
        pytest.param(
            SRT_IN, ("spec", "maxBandwith"), "20M",
            "SL101 spec/maxBandwith: there is no property `maxBandwith` here (did you mean maxBandwidth?)", id="a slip",
        ),
        pytest.param(
            SRT_IN, ("metadata", "colour"), "red",
            "SL101 metadata/colour: there is no property `colour` here (there are name, labels, annotations, contacts, "
            "protect, drift)",
            id="names for outputs are not offered",
        ),
        pytest.param(SRT_IN, ("spec", "a b"), 1, "SL101 spec/a b: there is no such property here (there are region, "
                     "maxBandwidth, state, description, liveName, input)", id="a strange key is not quoted"),
        pytest.param(CALLER, ("spec", "srt", "destination"), {"host": "h"},
                     "SL102 spec/srt/destination: `port` is missing", id="half an address"),
        pytest.param(PUSHES, (*DESTINATION, "streamKey"), {},
                     "SL102 spec/rtmpPush/destinations/0/streamKey: `env` or `file` is missing", id="no reference"),
        pytest.param(PUSHES, (*DESTINATION, "streamKey"), {"env": "A", "file": "b"},
                     "SL107 spec/rtmpPush/destinations/0/streamKey/file: `env` and `file` are both given "
                     "(keep one of them)", id="two references"),
        pytest.param(SRT_IN, ("spec", "liveName"), 24,
                     "SL103 spec/liveName: must be text, not a whole number (quote it)", id="a number for text"),
        pytest.param(SRT_IN, ("spec", "input"), [], "SL103 spec/input: must be a mapping, not a list", id="a list"),
        pytest.param(SRT_IN, ("spec", "input", "srt"), None,
                     "SL103 spec/input/srt: the value is missing (write one, or remove the property)", id="empty"),
        pytest.param(SRT_OUT, ("spec", "srt", "latency"), "fast",
                     "SL103 spec/srt/latency: must be a whole number or a mapping, not text (in milliseconds, without "
                     "a unit)", id="either type"),
        pytest.param(SRT_OUT, ("spec", "srt", "latency"), "120ms",
                     "SL103 spec/srt/latency: must be a whole number or a mapping, not text (write 120, in "
                     "milliseconds)", id="a number with its unit"),
        pytest.param(SRT_OUT, ("spec", "srt", "peerIdleTimeout"), "5 s",
                     "SL103 spec/srt/peerIdleTimeout: must be a whole number, not text (write 5000, in milliseconds)",
                     id="a number of seconds"),
        pytest.param(SRT_OUT, ("spec", "maxConcurrent"), "4",
                     "SL103 spec/maxConcurrent: must be a whole number, not text (write 4, without quotes)",
                     id="a number in quotes"),
        pytest.param(SRT_OUT, ("spec", "srt", "latency"), 0.2,
                     "SL103 spec/srt/latency: must be a whole number or a mapping, not a fraction", id="a fraction"),
        pytest.param(SRT_IN, ("spec", "input", "srt", "encryption", "keyLength"), "32",
                     "SL104 spec/input/srt/encryption/keyLength: must be 16, 24 or 32 (without quotes)",
                     id="one of three in quotes"),
        pytest.param(SRT_IN, ("spec", "input", "srt", "encryption", "passphrase", "env"), "$STREAM_X",
                     "SL207 spec/input/srt/encryption/passphrase/env: not a valid `env` (the name of the variable, "
                     "without $)", id="a variable as a shell has it"),
        pytest.param(SRT_IN, ("spec", "state"), "runing",
                     "SL104 spec/state: must be running or idle, not runing (did you mean running?)", id="an enum"),
        pytest.param(SRT_IN, ("spec", "input", "srt", "encryption", "keyLength"), 128,
                     "SL104 spec/input/srt/encryption/keyLength: must be 16, 24 or 32 (in bytes)", id="one of three"),
        pytest.param(SRT_IN, ("spec", "input", "srt", "latency"), 5000,
                     "SL105 spec/input/srt/latency: must be 0 to 3000, not 5000 (in milliseconds)", id="a range"),
        pytest.param(SRT_IN, ("spec", "description"), "x" * 151,
                     "SL105 spec/description: has more than 150 characters", id="too long"),
        pytest.param(SRT_IN, ("spec", "liveName"), "", "SL105 spec/liveName: must not be empty", id="too short"),
        pytest.param(PUSHES, DESTINATION[:-1], [],
                     "SL105 spec/rtmpPush/destinations: must have 1 to 2 items", id="a count"),
        pytest.param(SRT_IN, ("metadata", "name"), "city-news",
                     "SL106 metadata/name: not a valid `name`: city-news (write city_news: 1 to 32 letters, "
                     "digits and _)", id="a form"),
        pytest.param(SRT_IN, ("metadata", "labels"), {"year": 2024},
                     "SL103 metadata/labels/year: must be text, not a whole number (quote it)", id="a label"),
        pytest.param(PULL, ("spec", "rtp"), {"destinations": [PLACE]},
                     "SL107 spec/rtp: `rtp` does not belong to protocol RTMP_PULL", id="another protocol"),
        pytest.param(CALLER, ("spec", "allowlist"), ["10.0.0.0/8"],
                     "SL107 spec/allowlist: `allowlist` is for listeners only, and this is a caller", id="a caller"),
        pytest.param(SRT_IN, ("spec", "input", "srt", "source"), PLACE,
                     "SL107 spec/input/srt/source: `source` is for callers only, and this is a listener",
                     id="a listener"),
        pytest.param(CALLER_IN, ("spec", "input", "allowlist"), [],
                     "SL107 spec/input/allowlist: `allowlist` is for listeners only, and this is a caller",
                     id="a caller as input"),
        pytest.param(CALLER, ("spec", "srt", "destination"), {"flow": "f", "host": "h"},
                     "SL107 spec/srt/destination/host: `host` cannot stand beside `flow`", id="two destinations"),
        pytest.param(SRT_IN, ("metadata", "drift"), "warm",
                     "SL104 metadata/drift: must be correct, warn or correctWhenOffAir, not warm (did you mean warn?)",
                     id="a mode of a flow"),
        pytest.param(CALLER, ("metadata", "drift"), "CorrectWhenOffAir",
                     "SL104 metadata/drift: must be correct, warn or correctWhenOffAir, not CorrectWhenOffAir "
                     "(did you mean correctWhenOffAir?)", id="a mode of an output"),
        pytest.param(SRT_IN, ("metadata", "redundancyGroup"), "legs",
                     "SL107 metadata/redundancyGroup: `redundancyGroup` is for outputs, and this is a flow (write it "
                     "in each of the outputs that stand in for each other)", id="a group of a flow"),
        pytest.param(PULL, ("spec", "failover"), None, "SL111 spec/failover: failover of an output is not supported "
                     "(remove it; use a second output)", id="failover, whatever its value"),
        pytest.param(PUSHES, (*DESTINATION, "streamKey"), "hunter2",
                     "SL112 spec/rtmpPush/destinations/0/streamKey: a secret is written out where a reference to one "
                     "must be (use {env: NAME} or {file: NAME}; change this secret, for git keeps it)", id="a secret"),
        pytest.param(PUSHES, (*DESTINATION, "url"), "http://u:hunter2@x",
                     "SL202 spec/rtmpPush/destinations/0/url: not a valid `url` (Address without the stream key: "
                     "rtmp://host[:port]/app or rtmps://…, ASCII, without user name or password)", id="a URL"),
        pytest.param(PUSHES, (*DESTINATION, "streamKey", "env"), "my key",
                     "SL207 spec/rtmpPush/destinations/0/streamKey/env: not a valid `env` (Environment variable)",
                     id="a name of a variable"),
        pytest.param(SRT_OUT, ("spec", "srt", "latency", "receiverCountry"), "de",
                     "SL209 spec/srt/latency/receiverCountry: not a valid `receiverCountry`: de (ISO 3166-1 alpha-2 "
                     "code of a country, upper case, such as DE)", id="a country"),
    ],
)  # fmt: skip
def test_one_slip_is_one_fault(document: Json, path: Path, value: Any, expected: str) -> None:
    """The words say what is wrong and what helps, at the value to blame."""
    assert told(edited(document, path, value)) == [expected]


@pytest.mark.parametrize(
    ("document", "path", "expected"),
    [
        pytest.param(SRT_IN, ("spec", "region"), ("spec", "`region` is missing"), id="of a flow"),
        pytest.param(PULL, ("spec", "flow"), ("spec", "`flow` is missing"), id="of an output"),
        pytest.param(SRT_OUT, ("spec", "srt"), ("spec", "`srt` is missing"), id="what a protocol needs"),
        pytest.param(SRT_OUT, ("spec", "srt", "mode"), ("spec/srt", "`mode` is missing"), id="a mode"),
        pytest.param(CALLER, ("spec", "srt", "destination"), ("spec/srt", "`destination` is missing"), id="a peer"),
        pytest.param(PULL, ("metadata", "name"), ("metadata", "`name` is missing"), id="a name"),
    ],
)
def test_what_is_missing_is_missed_where_it_could_be(document: Json, path: Path, expected: tuple[str, str]) -> None:
    """The mapping that lacks it is to blame."""
    (fault,) = explain(edited(document, path), document["kind"].lower())

    assert ("/".join(map(str, fault.path)), fault.message) == expected


def test_a_wrong_protocol_is_one_fault() -> None:
    """What belongs to which protocol cannot be told then, and is not."""
    assert len(told(edited(SRT_OUT, ("spec", "protocol"), "SRTT"))) == 1
    assert len(told(edited(SRT_OUT, ("spec", "srt", "mode"), "callr"))) == 1
    assert len(told(edited(CALLER_IN, ("spec", "input", "srt", "mode"), "callr"))) == 1


def test_every_fault_of_a_document_is_told() -> None:
    """One document may have many."""
    document = edited(edited(edited(SRT_IN, ("spec", "state"), "x"), ("spec", "region")), ("spec", "y"), 1)

    assert sorted(line[:5] for line in told(document)) == ["SL101", "SL102", "SL104"]


def test_what_is_spoilt_already_is_not_told_again() -> None:
    """A value that the loader refused has no second fault; its neighbours have theirs."""
    document = edited(edited(SRT_IN, ("spec", "input"), None), ("spec", "state"), "x")

    assert [line[:5] for line in told(document, unreliable=(("spec", "input"),))] == ["SL104"]


def test_unknown_keys_are_bounded() -> None:
    """A mapping of a thousand slips is told of, not dwelt on."""
    document = edited(SRT_IN, ("spec",), {**SRT_IN["spec"], **{f"x{index}": 1 for index in range(1000)}})

    assert len(told(document)) == 50


@pytest.mark.parametrize("key", ["hunter2", "streamKey:hunter2", "passphrase hunter2"])
@pytest.mark.parametrize("path", [DESTINATION, (*DESTINATION, "streamKey")])
def test_a_key_that_may_be_a_secret_is_not_quoted(key: str, path: Path) -> None:
    """`{streamKey:value}` is a key to YAML."""
    faults = explain(edited(PUSHES, (*path, key), None), "output")

    assert all(fault.is_hidden for fault in faults)
    assert not any("hunter2" in fault.message + fault.hint for fault in faults)


@pytest.mark.parametrize("document", EVERY.values(), ids=EVERY.keys())
def test_every_slip_is_explained(document: Json) -> None:
    """No slip is left without words, and none is told twice at one place."""
    name = document["kind"].lower()
    for mutant in mutants(document):
        faults = explain(mutant, name)
        places = [(fault.path, fault.message) for fault in faults]
        assert len(places) == len(set(places))
        assert all(fault.message for fault in faults)


def test_a_value_without_a_known_fault_is_still_refused() -> None:
    """Should the engines ever differ, the document is not taken for a good one."""
    assert told(PULL) == ["SL106 : the document does not fit its schema"]


def test_references_may_not_be_numbers() -> None:
    """Whatever is written at a secret is not quoted, whatever its type."""
    for written in (12_345, ["hunter2"], True, {**KEY, "version": "hunter2"}, {"env": ["hunter2"]}):
        lines = told(edited(PUSHES, (*DESTINATION, "streamKey"), written))
        assert len(lines) == 1
        assert "hunter2" not in lines[0]
        assert "12345" not in lines[0]
