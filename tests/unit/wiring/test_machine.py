"""Tests of `wiring.machine`."""

import pytest

from reconciler import wiring


@pytest.mark.parametrize(("value", "expected"), [("1", False), ("", None)])
def test_no_color(value: str, *, expected: bool | None) -> None:
    """Any value but an empty one asks for no colour."""
    assert wiring.wants_color(environment={"NO_COLOR": value}) is expected
