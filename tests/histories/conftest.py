"""The figures of all histories, told when the tests end."""

from typing import Final

import pytest

from tests.histories.history import Figures

SEEN: Final = Figures()


@pytest.fixture
def figures() -> Figures:
    """Return what all histories add to."""
    return SEEN


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what was seen."""
    if SEEN.histories:
        terminalreporter.write_sep("-", "histories")
        for line in SEEN.told():
            terminalreporter.write_line(line)
