"""The knobs and their file say the same."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from reconciler import wiring
from reconciler.domain.errors import UsageError
from reconciler.manifests.schemas import schema_of
from reconciler.relay.faults.knobs import (
    KINDS,
    AllowedProtocolsNull,
    Begin,
    Delay,
    DelayedStates,
    Drop,
    InternalError,
    Knob,
    ListOrder,
    MaskedSecrets,
    MissingPage,
    Order,
    PageSizeCap,
    RepeatedPage,
    Shown,
    Throttle,
    UnknownFields,
    When,
    knobs_from,
)
from reconciler.streamlink.wire import ACTIONS

EVERY = """\
listOrder: [{order: shuffled, every: 2, times: 3}]
missingPage: [{page: 1}]
repeatedPage: [{page: 2}]
pageSizeCap: [{rows: 10, begin: asked}]
delayedStates: [{seconds: 1.5}, {reads: 2, actions: [StopStreamLinkFlow]}]
allowedProtocolsNull: [{}]
unknownFields: [{actions: [DescribeStreamLinkFlow]}]
maskedSecrets: [{shown: empty, evenEmpty: true}]
delay: [{when: afterCommit, seconds: 2}]
internalError: [{when: beforeCommit, times: 1}, {when: afterCommit}]
drop: [{when: afterCommit}]
throttle: [{perS: 5, actions: [CreateStreamLinkFlow, CreateStreamLinkOutputInfo]}]
"""
KNOBS: tuple[Knob, ...] = (
    Throttle(per_s=5, actions=frozenset({"CreateStreamLinkFlow", "CreateStreamLinkOutputInfo"})),
    Drop(when=When.AFTER_COMMIT),
    InternalError(when=When.BEFORE_COMMIT, times=1),
    InternalError(when=When.AFTER_COMMIT),
    Delay(when=When.AFTER_COMMIT, seconds=2),
    MaskedSecrets(shown=Shown.EMPTY, even_empty=True),
    UnknownFields(actions=frozenset({"DescribeStreamLinkFlow"})),
    AllowedProtocolsNull(),
    DelayedStates(seconds=1.5),
    DelayedStates(reads=2, actions=frozenset({"StopStreamLinkFlow"})),
    PageSizeCap(rows=10, begin=Begin.ASKED),
    RepeatedPage(page=2),
    MissingPage(page=1),
    ListOrder(order=Order.SHUFFLED, every=2, times=3),
)


CALLED = {"perS": "per_s", "evenEmpty": "even_empty"}
"""What the code calls otherwise than the file."""


def written(directory: Path, text: str) -> Path:
    """Return a faults file with this text."""
    path = directory / "faults.yaml"
    path.write_text(text)
    return path


def test_a_file_may_turn_on_every_knob(tmp_path: Path) -> None:
    """Each as the file says, in their own order, whatever order the file has."""
    path = written(tmp_path, EVERY)

    faults = wiring.load_faults(path)

    assert faults is not None
    assert faults.knobs == KNOBS
    assert faults.names == tuple(kind.name for kind in KINDS)


def test_a_file_may_be_json(tmp_path: Path) -> None:
    """JSON is YAML, too."""
    path = written(tmp_path, '{"drop": [{"when": "beforeCommit"}]}')

    faults = wiring.load_faults(path)

    assert faults is not None
    assert faults.knobs == (Drop(when=When.BEFORE_COMMIT),)


@pytest.mark.parametrize("text", ["", "{}\n", "# nothing\n"])
def test_a_file_that_turns_nothing_on_is_no_faults(tmp_path: Path, text: str) -> None:
    """The relay is as it is without the file."""
    assert wiring.load_faults(written(tmp_path, text)) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("throtle: [{}]\n", "1:1: SL101 error: there is no property `throtle` here", id="a slip"),
        pytest.param(
            "drop:\n- {when: afterCommit, perS: 1}\n", "2:23: SL101 error: there is no property", id="foreign"
        ),
        pytest.param("drop: {when: afterCommit}\n", "1:7: SL103 error: must be a list, not a mapping", id="no list"),
        pytest.param("delay: [{seconds: 1}]\n", "1:9: SL102 error: `when` is missing", id="no side"),
        pytest.param("drop: [{when: after}]\n", "1:15: SL104 error: must be beforeCommit or afterCommit", id="side"),
        pytest.param("throttle: [{times: 0}]\n", "1:20: SL105 error: must be 1 to 1000000, not 0", id="a range"),
        pytest.param("throttle: [{times: yes}]\n", "1:20: SL103 error: must be a whole number", id="a type"),
        pytest.param("delayedStates: [{}]\n", "1:17: SL102 error: `seconds` or `reads` is missing", id="no time"),
        pytest.param("throttle: [{actions: [Describe]}]\n", "1:23: SL104 error: must be CreateStream", id="no action"),
        pytest.param("repeatedPage: [{page: 1}]\n", "1:23: SL105 error: must be 2 to 1000000, not 1", id="a page"),
        pytest.param("drop: [\n", "1:7: SL003 error: a list in brackets is not closed", id="no YAML"),
    ],
)
def test_a_wrong_file_is_refused_at_its_place(tmp_path: Path, text: str, expected: str) -> None:
    """A knob that nobody knows is no silence, and neither is a value that it cannot have."""
    path = written(tmp_path, text)

    with pytest.raises(UsageError) as refused:
        wiring.load_faults(path)

    assert str(refused.value).startswith(f"The faults file is wrong:\n{path}:{expected}")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A test that misses its faults must not pass for it."""
    with pytest.raises(UsageError, match=r"The faults file .*faults\.yaml cannot be read: No such file"):
        wiring.load_faults(tmp_path / "faults.yaml")


def test_the_schema_has_every_knob_with_every_property() -> None:
    """And no other."""
    in_schema = {
        name: {CALLED.get(each, each) for each in knob["items"]["properties"]}
        for name, knob in schema_of("faults")["properties"].items()
    }
    in_code = {kind.name: {field.name for field in fields(kind)} for kind in KINDS}
    # These are for one action, or two; who could choose others would choose nothing.
    for name in ("pageSizeCap", "repeatedPage", "missingPage", "listOrder"):
        in_code[name] -= {"actions"}

    assert in_schema == in_code


def test_the_schema_names_every_action() -> None:
    """Those that the relay serves."""
    actions: Any = schema_of("faults")["$defs"]["actions"]

    assert set(actions["items"]["enum"]) == ACTIONS.keys()


def test_defaults_are_those_of_the_schema() -> None:
    """What the file need not say."""
    assert knobs_from({"maskedSecrets": [{}]}) == (MaskedSecrets(shown=Shown.STARS, every=1, times=None),)
