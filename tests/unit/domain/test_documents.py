"""Documents, drafts and faults."""

import pytest

from reconciler.domain.documents import Distance, Fault, Path, pointer
from reconciler.domain.model import Region, Srt
from reconciler.domain.rules.catalogue import UNKNOWN_PROPERTY
from tests.unit.domain.rules.worlds import FRANKFURT, SINGAPORE, InFile, output


@pytest.mark.parametrize(
    ("path", "expected"),
    [((), ""), (("spec", "flow"), "/spec/flow"), (("a/b", 0, "c~d"), "/a~1b/0/c~0d")],
)
def test_pointer(path: Path, expected: str) -> None:
    """A path is shown as a JSON pointer, RFC 6901."""
    assert pointer(path) == expected


def test_a_fault_becomes_a_finding_at_its_place() -> None:
    """The finding has the place's line and column, and the fault's words."""
    fault = Fault(rule=UNKNOWN_PROPERTY, path=("spec", "x"), message="no", hint="yes", on_key=True)

    finding = fault.at(InFile("a.yaml"))

    assert str(finding) == "a.yaml:1:4: SL101 error: no (yes)"
    assert finding.pointer == "/spec/x"


def test_a_hidden_name_is_not_in_the_pointer() -> None:
    """A key that may be a secret is blamed without being told."""
    fault = Fault(rule=UNKNOWN_PROPERTY, path=("spec", "CANARY"), message="no", on_key=True, is_hidden=True)

    assert fault.at(InFile("a.yaml")).pointer == "/spec"


def test_a_draft_settles_in_the_region_of_its_flow() -> None:
    """Its own region wins, and a country decides the latency from there."""
    german = Distance(country="DE", latency_ms=None)
    draft = output(distance=german).draft
    own = output(distance=german, region=FRANKFURT).draft
    assert draft is not None
    assert own is not None

    far, near = draft.settled(SINGAPORE), own.settled(SINGAPORE)

    assert (far.spec.region, near.spec.region) == (SINGAPORE, FRANKFURT)
    assert isinstance(far.spec.settings, Srt)
    assert isinstance(near.spec.settings, Srt)
    assert (far.spec.settings.latency_ms, near.spec.settings.latency_ms) == (1000, 120)


def test_a_stated_number_wins_over_the_country() -> None:
    """The advice is for those who do not say."""
    assert Distance(country="DE", latency_ms=7).latency_from(Region("ap-singapore")) == 7
