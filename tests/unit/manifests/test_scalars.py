"""Plain scalars of the YAML 1.2 core schema."""

import pytest

from reconciler.manifests.scalars import NOT_JSON, Scalars, resolved


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("017", 17),
        ("+7", 7),
        ("-0", 0),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2024-01-02", "2024-01-02"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("1.2.3.4", "1.2.3.4"),
        ("-", "-"),
        (".", "."),
        ("10M", "10M"),
        (".inf", NOT_JSON),
        ("-.Inf", NOT_JSON),
        (".NaN", NOT_JSON),
        ("1e999", NOT_JSON),
        ("1" * 16, NOT_JSON),
        ("1" * 5000, NOT_JSON),
        ("0x" + "f" * 16, NOT_JSON),
        ("0o" + "7" * 16, NOT_JSON),
    ],
)
def test_resolved(text: str, value: object) -> None:
    """YAML 1.2 decides, and what JSON cannot hold is marked."""
    found = resolved(text)

    assert (found, type(found)) == (value, type(value))


def test_memory_is_bounded() -> None:
    """A file made of ever new words does not fill the memory, and is read all the same."""
    scalars = Scalars()

    values = [scalars[str(number)] for number in range(60_000)]

    assert values == list(range(60_000))
    assert len(scalars) == 50_000
