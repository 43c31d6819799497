"""Properties by the way that leads to them."""

import pytest

from reconciler.domain.model import DriftMode
from reconciler.manifests.fields import UnknownFieldError, field_at
from reconciler.manifests.identify import SCHEMAS


def test_a_property_has_meaning_range_and_default() -> None:
    """Also where `spec` is left out, as people write it."""
    found = field_at("output.srt.latency")

    assert found == field_at("output.spec.srt.latency")
    assert found.way == "output.spec.srt.latency"
    assert "0 to 3000" in found.description
    assert (found.types, found.default, found.is_required) == ("a whole number or a mapping", 120, False)
    assert [child.way.rpartition(".")[2] for child in found.children] == ["receiverCountry", "ms"]


def test_a_way_leads_through_lists_and_references() -> None:
    """To what the items of a list are."""
    found = field_at("output.rtmpPush.destinations.streamKey.env")

    assert found.types == "text"
    assert "STREAM_*" in found.description


def test_a_closed_set_is_listed() -> None:
    """With its default."""
    found = field_at("flow.maxBandwidth")

    assert (found.values, found.default) == (("10M", "20M", "50M"), "10M")


@pytest.mark.parametrize("kind", ["flow", "output"])
def test_every_mode_of_drift_is_explained(kind: str) -> None:
    """Of flows and of outputs: what can be written is what there is, and each of it has its sentence."""
    found = field_at(f"{kind}.metadata.drift")

    assert found.values == tuple(DriftMode)
    assert found.default == DriftMode.CORRECT
    assert [mode for mode in DriftMode if f" {mode}: " not in found.description] == []


@pytest.mark.parametrize(
    ("way", "types", "said"),
    [
        ("approval.change", "text", "12 hexadecimal digits"),
        ("override.lifts", "a list", "budget, tree, window"),
        ("override.spec.kind", "", "Flow or Output"),
        ("calendar.windows.every", "a list or text", "mon"),
        ("calendar.windows[0].from", "text", "wall clock"),
        ("calendar.zone", "text", "IANA"),
        ("move.from", "text", "output/FLOW/NAME"),
        ("output.metadata.redundancyGroup", "text", "stand in for each other"),
        ("flow.metadata.contacts", "a list", "Whom to tell"),
    ],
)
def test_how_changes_are_made_is_explained_too(way: str, types: str, said: str) -> None:
    """Each kind of document has its properties."""
    found = field_at(way)

    assert found.types == types
    assert said in found.description


@pytest.mark.parametrize(
    ("way", "hint"),
    [
        ("srt", "several properties are called srt"),
        ("maxBandwith", "did you mean maxBandwidth?"),
        ("flwo", "did you mean flow?"),
        ("output.srt.latncy", "did you mean latency?"),
        ("output.srt.mode.x", "it has none"),
        ("flow.metadata.redundancyGroup", "there are name, labels, annotations, contacts, protect, drift"),
        ("", "begin with flow or output or approval"),
    ],
)
def test_what_leads_nowhere_is_told(way: str, hint: str) -> None:
    """With what is nearest, else with what there is; what only outputs have is nothing of a flow."""
    with pytest.raises(UnknownFieldError, match=hint.replace("?", r"\?")):
        field_at(way)


@pytest.mark.parametrize("kind", [kind.lower() for kind in SCHEMAS])
def test_every_property_can_be_explained(kind: str) -> None:
    """Each has a description, however deep it is."""
    ways = [kind]
    for way in ways:
        found = field_at(way)
        assert found.description, way
        ways += [child.way for child in found.children]
    assert len(ways) > 7
