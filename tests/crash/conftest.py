"""The figures of the matrix, told when the tests end."""

from typing import Final

import pytest

TOLD: Final[list[str]] = []


@pytest.fixture
def figures() -> list[str]:
    """Return what is told."""
    return TOLD


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what was seen."""
    if TOLD:
        terminalreporter.write_sep("-", "crash matrix")
        for line in TOLD:
            terminalreporter.write_line(line)
