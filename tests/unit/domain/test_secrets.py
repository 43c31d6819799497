"""Secrets are compared, and never shown."""

import pickle

import pytest

from reconciler.domain.secrets import HIDDEN, Hidden, Secret, SecretRef, SecretSource


def test_a_secret_is_never_shown() -> None:
    """No way of printing a secret lets it out."""
    secret = Secret("canary")

    assert f"{secret} {secret!r} {[secret]} {HIDDEN}" == "*** *** [***] ***"


def test_a_secret_is_never_pickled() -> None:
    """Pickling would write it down."""
    with pytest.raises(TypeError):
        pickle.dumps(Secret("canary"))


def test_secrets_are_equal_when_their_values_are() -> None:
    """The version tells where a value came from, and is no part of it."""
    assert Secret("a", version=1) == Secret("a", version=2)
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert Secret("a").reveal() == "a"
    assert len({Secret("a"), Secret("a", version=2), Secret("b")}) == 2


def test_what_is_hidden_is_like_anything_hidden() -> None:
    """Nothing is known of a masked value but that it is there."""
    assert Hidden() == HIDDEN
    assert len({Hidden(), HIDDEN}) == 1


def test_a_reference_reads_as_source_and_name() -> None:
    """Messages name the reference."""
    assert str(SecretRef(source=SecretSource.ENV, name="STREAM_A")) == "env:STREAM_A"
