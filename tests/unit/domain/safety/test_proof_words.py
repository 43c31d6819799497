"""Tests of `domain.safety.proof_words`: which of the two it is, on air or not proven to be off air."""

from collections.abc import Mapping
from typing import Final

import pytest

from reconciler.domain.safety.limits import Limits
from reconciler.domain.safety.on_air import Disturbed, End, Sample
from reconciler.domain.safety.proof_words import at_once, carried, unproven
from tests.builders import flow, found_flow, found_output, output

LIMITS: Final = Limits()
ON: Final = End(is_input=False, is_connected=True, bitrate_bps=1_149_000, is_idle=False)
OFF: Final = End(is_input=False, is_connected=False, bitrate_bps=0, is_idle=False)
FLOW: Final = found_flow(flow(), *(found_output(output(f"o{number}")) for number in range(9)))


def disturbed(count: int) -> Disturbed:
    """Return a disturbance of so many outputs."""
    return Disturbed(outputs=frozenset(f"id-o{number}" for number in range(count)), whole=False)


def sample(at_s: float, ends: Mapping[int, End]) -> Sample:
    """Return a sample of outputs, by their numbers."""
    return Sample(at_s=at_s, ends={f"id-o{number}": end for number, end in ends.items()})


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        pytest.param(None, sample(9, {0: ON}), "output o0 is on air (Connected, 1.1 Mb/s)", id="it carries now"),
        pytest.param(
            sample(1, {0: ON}),
            sample(9, {0: OFF}),
            "output o0 was on air (Connected, 1.1 Mb/s) a few seconds ago",
            id="it carried before",
        ),
        pytest.param(None, None, "news cannot be asked whether output o0 is on air", id="no status"),
        pytest.param(
            sample(1, {0: OFF}), sample(9, {}), "the status does not say whether output o0 is on air", id="not in it"
        ),
        pytest.param(
            None,
            sample(9, {0: OFF}),
            "output o0 is not proven to be off air, which takes two looks 5 s apart",
            id="one look",
        ),
        pytest.param(
            sample(8, {0: OFF}),
            sample(9, {0: OFF}),
            "output o0 is not proven to be off air, which takes two looks 5 s apart",
            id="two looks too close together",
        ),
        pytest.param(
            sample(1, {}),
            sample(9, {0: OFF}),
            "output o0 is not proven to be off air, which takes two looks 5 s apart",
            id="not in the first",
        ),
    ],
)
def test_which_of_both_it_is(first: Sample | None, last: Sample | None, said: str) -> None:
    """People are told what was seen, or what could not be seen, and never both at once."""
    assert unproven(disturbed(1), FLOW, first, last, LIMITS) == (said,)


def test_what_is_proven_is_not_mentioned() -> None:
    """Of a flow with several outputs, those that are off air are no reason."""
    first, last = sample(1, {0: OFF, 1: OFF}), sample(9, {0: OFF, 1: ON})

    assert unproven(disturbed(2), FLOW, first, last, LIMITS) == ("output o1 is on air (Connected, 1.1 Mb/s)",)


def test_what_is_on_air_comes_first() -> None:
    """Several reasons are several sentences."""
    first, last = sample(1, {0: OFF, 1: ON, 2: OFF, 3: OFF}), sample(9, {1: OFF, 2: ON, 3: OFF})

    assert unproven(disturbed(4), FLOW, first, last, LIMITS) == (
        "output o2 is on air (Connected, 1.1 Mb/s)",
        "output o1 was on air (Connected, 1.1 Mb/s) a few seconds ago",
        "the status does not say whether output o0 is on air",
    )


def test_of_many_ends_a_few_are_named() -> None:
    """A flow with a hundred outputs does not fill a screen."""
    (nine,), (two,) = (
        carried(disturbed(count), FLOW, sample(9, dict.fromkeys(range(count), ON)), LIMITS) for count in (9, 2)
    )

    assert nine.endswith("output o5 (Connected, 1.1 Mb/s) and 3 more are on air")
    assert two == "output o0 (Connected, 1.1 Mb/s) and output o1 (Connected, 1.1 Mb/s) are on air"


def test_one_look_tells_what_carries_and_nothing_else() -> None:
    """Nothing is said of what is off air by that look."""
    assert carried(disturbed(2), FLOW, sample(9, {0: OFF}), LIMITS) == ()


def test_a_whole_flow_is_asked_about_with_its_input() -> None:
    """Where no status can be had, everything that would be disturbed is named."""
    small = found_flow(flow(), found_output(output("o0")))

    assert unproven(Disturbed(outputs=frozenset(), whole=True), small, None, None, LIMITS) == (
        "news cannot be asked whether the input or output o0 is on air",
    )


def test_one_look_tells_what_is_on_air_and_what_it_does_not_know() -> None:
    """What is about to end is looked at once: what carries nothing is no reason, what is left out of the look is."""
    small = found_flow(flow(), *(found_output(output(f"o{number}")) for number in range(3)))
    silent = End(is_input=True, is_connected=False, bitrate_bps=0, is_idle=False)

    assert at_once(small, Sample(at_s=0, ends={"id-o0": ON, "id-o1": OFF, "input": silent}), LIMITS) == (
        "in news, output o0 is on air (Connected, 1.1 Mb/s)",
        "in news, the status does not say whether output o2 is on air",
    )
    assert at_once(small, sample(0, {0: OFF, 1: OFF, 2: OFF}), LIMITS) == (
        "in news, the status does not say whether the input is on air",
    )
    assert at_once(small, None, LIMITS) == (
        "news cannot be asked whether the input, output o0, output o1 or output o2 is on air",
    )
