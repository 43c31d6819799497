"""The API's words agree with the manifests'."""

from reconciler.domain.protocols import ALLOWED_OUTPUTS as OURS
from reconciler.domain.protocols import INPUT_PROTOCOLS, MAX_BANDWIDTHS_BPS, OUTPUT_PROTOCOLS
from reconciler.streamlink.translate.words import INPUT_WORDS, OUTPUT_WORDS
from reconciler.streamlink.wire import ALLOWED_OUTPUTS as THEIRS
from reconciler.streamlink.wire import MAX_BANDWIDTHS_BPS as THEIR_BANDWIDTHS_BPS


def test_both_matrices_allow_the_same() -> None:
    """The relay refuses exactly what validation refuses."""
    translated = {INPUT_WORDS[source]: {OUTPUT_WORDS[output] for output in outputs} for source, outputs in OURS.items()}

    assert translated == {source: set(outputs) for source, outputs in THEIRS.items()}


def test_every_protocol_of_manifests_has_a_word() -> None:
    """Nothing that validates is without a way to be sent."""
    assert INPUT_WORDS.keys() == INPUT_PROTOCOLS
    assert OUTPUT_WORDS.keys() == OUTPUT_PROTOCOLS


def test_the_bandwidths_are_the_same() -> None:
    """What may be written is what may be sent."""
    assert sorted(MAX_BANDWIDTHS_BPS.values()) == sorted(THEIR_BANDWIDTHS_BPS)
