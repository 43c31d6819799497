"""What the loop in production is tried on: a house that streams, as each accident has one."""

from tests.accidents.conftest import house

__all__ = ["house"]
