"""What a change does to viewers, for every property, generation of rules and state of a flow."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain import properties
from reconciler.domain.impact import Capabilities, EditRules, Impact, Mutability, mutability_of, stricter
from reconciler.domain.model import FlowSpec, FlowState, OutputSpec, ResourceKind
from reconciler.domain.properties import PropertyChange, PropertyValue
from reconciler.domain.protocols import INPUT_PROTOCOLS
from tests import strategies

SCHEMAS = Path(__file__).parents[3] / "schemas" / "v1"
FLOW, OUTPUT = ResourceKind.FLOW, ResourceKind.OUTPUT
NO_PROPERTY = {"flow", "state", "failover"}
"""What is identity, a change of its own (a start or stop), or refused in every manifest."""


def written(root: Any, node: Any, path: str = "") -> Iterator[str]:
    """Yield the path of every property that the schema lets a spec hold."""
    node = root["$defs"][node["$ref"].rsplit("/", 1)[-1]] if "$ref" in node else node
    inner = node.get("properties", {})
    for name, value in inner.items():
        yield from written(root, value, f"{path}.{name}" if path else name)
    if "items" in node:
        yield from written(root, node["items"], f"{path}[0]")
    if not inner:
        yield path


@pytest.mark.parametrize("state", FlowState)
@pytest.mark.parametrize("rules", EditRules)
@pytest.mark.parametrize(("schema", "kind"), [("flow.json", FLOW), ("output.json", OUTPUT)])
def test_every_property_of_the_schemas_has_a_class(
    schema: str, kind: ResourceKind, rules: EditRules, state: FlowState
) -> None:
    """A new property without one fails here, and not on air."""
    root = json.loads((SCHEMAS / schema).read_text(encoding="utf-8"))
    paths = set(written(root, root["properties"]["spec"])) - NO_PROPERTY

    assert {"region", "liveName", "description"} < paths
    assert [path for path in paths if path.endswith("srt.latency.ms")]
    assert all(Capabilities(rules=rules).mutability(kind, path, state) in Mutability for path in paths)


@given(spec=strategies.flow_specs(), rules=st.sampled_from(EditRules), state=st.sampled_from(FlowState))
def test_every_property_of_a_flow_has_a_class(spec: FlowSpec, rules: EditRules, state: FlowState) -> None:
    """Whatever a manifest may say."""
    for path in properties.of_flow("news", spec):
        assert Capabilities(rules=rules).mutability(FLOW, path, state) in Mutability


@given(
    spec=st.sampled_from(sorted(INPUT_PROTOCOLS)).flatmap(strategies.output_specs),
    rules=st.sampled_from(EditRules),
    state=st.sampled_from(FlowState),
)
def test_every_property_of_an_output_has_a_class(spec: OutputSpec, rules: EditRules, state: FlowState) -> None:
    """As of a flow."""
    for path in properties.of_output("tower", spec):
        assert Capabilities(rules=rules).mutability(OUTPUT, path, state) in Mutability


def test_a_property_without_a_class_is_a_mistake() -> None:
    """Nobody guesses that it is harmless."""
    with pytest.raises(KeyError, match=r"srt\.colour"):
        mutability_of({"srt.mode": Mutability.HOT}, "srt.colour")


@pytest.mark.parametrize(
    ("kind", "path", "classes"),
    [
        (FLOW, "region", "recreate recreate recreate recreate"),
        (FLOW, "maxBandwidth", "recreate recreate recreate recreate"),
        (FLOW, "input.protocol", "recreate recreate recreate recreate"),
        (FLOW, "liveName", "hot hot hot hot"),
        (FLOW, "description", "hot stop-flow stop-flow hot"),
        (FLOW, "input.allowlist", "hot hot stop-flow hot"),
        (FLOW, "input.srt.encryption.passphrase", "reconnect stop-flow stop-flow hot"),
        (OUTPUT, "region", "recreate recreate recreate recreate"),
        (OUTPUT, "srt.mode", "recreate recreate recreate recreate"),
        (OUTPUT, "liveName", "hot stop-flow stop-flow hot"),
        (OUTPUT, "protect", "hot stop-flow stop-flow hot"),
        (OUTPUT, "allowlist", "hot hot stop-flow hot"),
        (OUTPUT, "maxConcurrent", "hot stop-flow stop-flow hot"),
        (OUTPUT, "rtmpPush.destinations[1].streamKey", "reconnect stop-flow stop-flow hot"),
        (OUTPUT, "rtp.destinations[0]", "reconnect stop-flow stop-flow hot"),
    ],
)
def test_how_a_property_is_changed(kind: ResourceKind, path: str, classes: str) -> None:
    """While the flow runs, by generation from the widest; then on an idle flow, where all generations agree."""
    running = [Capabilities(rules=rules).mutability(kind, path, FlowState.RUNNING) for rules in EditRules]
    idle = {Capabilities(rules=rules).mutability(kind, path, FlowState.IDLE) for rules in EditRules}

    assert " ".join([*running, *idle]) == classes


@pytest.mark.parametrize(
    ("found", "wanted", "impact"),
    [
        pytest.param((), ("10.0.0.0/8",), Impact.RECONNECT, id="everybody was let in"),
        pytest.param(None, ("10.0.0.0/8",), Impact.RECONNECT, id="no list let everybody in"),
        pytest.param(("10.0.0.0/8",), (), Impact.NONE, id="everybody is let in"),
        pytest.param(("10.1.0.0/16",), ("10.0.0.0/8",), Impact.NONE, id="a wider network"),
        pytest.param(("10.0.0.0/8",), ("10.1.0.0/16",), Impact.RECONNECT, id="a narrower network"),
        pytest.param(("10.0.0.0/8",), ("10.0.0.0/8", "::/0"), Impact.NONE, id="one more of the other family"),
        pytest.param(("10.0.0.0/8", "2001:db8::/32"), ("10.0.0.0/8",), Impact.RECONNECT, id="no IPv6 any more"),
        pytest.param(("2001:db8:1::/48",), ("2001:db8::/32",), Impact.NONE, id="a wider IPv6 network"),
        pytest.param(("2001:db8::/32",), ("2001:db8:1::/48",), Impact.RECONNECT, id="a narrower IPv6 network"),
        pytest.param(("10.0.0.9/8",), ("10.0.0.0/8",), Impact.NONE, id="host bits mean nothing"),
        pytest.param(("anybody",), ("10.0.0.0/8",), Impact.RECONNECT, id="what was written by hand"),
        pytest.param(("10.0.0.0/8",), ("anybody",), Impact.RECONNECT, id="what cannot be read"),
    ],
)
def test_who_is_let_in_no_more_is_cut_off(found: PropertyValue, wanted: PropertyValue, impact: Impact) -> None:
    """An allowlist is edited live, and whoever it leaves out loses the picture; on an idle flow nobody does."""
    for kind, path in ((OUTPUT, "allowlist"), (FLOW, "input.allowlist")):
        change = PropertyChange(path=path, found=found, wanted=wanted)

        assert Capabilities().impact(kind, [change], FlowState.RUNNING) is impact
        assert Capabilities().impact(kind, [change], FlowState.IDLE) is Impact.NONE


@pytest.mark.parametrize(
    ("found", "wanted", "impact"),
    [
        (4, 3, Impact.RECONNECT),
        (3, 4, Impact.NONE),
        (None, 1, Impact.RECONNECT),
        (None, 4, Impact.NONE),
        (1, None, Impact.NONE),
    ],
)
def test_fewer_receivers_cut_one_off(found: PropertyValue, wanted: PropertyValue, impact: Impact) -> None:
    """One too many of those that are there loses the picture; a backend that tells no number serves four."""
    change = PropertyChange(path="maxConcurrent", found=found, wanted=wanted)

    assert Capabilities().impact(OUTPUT, [change], FlowState.RUNNING) is impact


def test_the_worst_of_several_counts() -> None:
    """Beside a recreate nothing else matters, and nothing has no impact."""
    changed = [PropertyChange(path=path, found="a", wanted="b") for path in ("description", "region", "srt.latency")]

    assert Capabilities().impact(OUTPUT, changed, FlowState.RUNNING) is Impact.RECREATE
    assert Capabilities().impact(OUTPUT, changed[2:], FlowState.RUNNING) is Impact.RECONNECT
    assert Capabilities().impact(OUTPUT, [], FlowState.RUNNING) is Impact.NONE
    assert str(Impact.RECONNECT) == "reconnect"


@pytest.mark.parametrize(
    ("rules", "refused", "adds_or_removes", "taught"),
    [
        (EditRules.LIVE_2023, ["srt.latency"], False, EditRules.CONSOLE_2022),
        (EditRules.LIVE_2023, ["srt.latency", "allowlist"], False, EditRules.CONSOLE_2022),
        (EditRules.LIVE_2023, ["allowlist"], False, EditRules.STRICT_2021),
        (EditRules.LIVE_2023, ["input.allowlist"], False, EditRules.STRICT_2021),
        (EditRules.LIVE_2023, [], True, EditRules.STRICT_2021),
        (EditRules.CONSOLE_2022, ["srt.latency"], False, EditRules.STRICT_2021),
        (EditRules.STRICT_2021, ["srt.latency"], False, EditRules.STRICT_2021),
    ],
)
def test_a_refusal_teaches(rules: EditRules, refused: list[str], *, adds_or_removes: bool, taught: EditRules) -> None:
    """The widest rules that explain it hold from then on; they never grow wider."""
    assert stricter(rules, refused, adds_or_removes=adds_or_removes) is taught
    assert EditRules.STRICT_2021.adds_live is False
