"""The control socket of an engine: it is there once it listens, and not before."""

import contextlib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.relay.programs.control import listen

NAME = "control.sock"


class Impatient:
    """Connects as soon as the name is there, at whatever the program does next."""

    def __init__(self) -> None:
        self.is_waiting = False
        self.refused: list[str] = []
        sys.addaudithook(self._see)

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Look for the name meanwhile; a hook stays for ever, and does nothing outside."""
        self.is_waiting = True
        try:
            yield
        finally:
            self.is_waiting = False

    def _see(self, event: str, _: tuple[Any, ...]) -> None:
        if not self.is_waiting:
            return
        self.is_waiting = False
        if Path(NAME).is_socket() and not answers():
            self.refused.append(event)
        self.is_waiting = True


def answers() -> bool:
    """Return whether somebody listens at the name."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        try:
            caller.connect(NAME)
        except ConnectionRefusedError:
            return False
    return True


def test_whoever_waits_for_the_name_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under load an engine may be held up between any two steps; who connects then must not take it for dead."""
    monkeypatch.chdir(tmp_path)
    impatient = Impatient()
    with impatient.waiting():
        listener = listen(NAME)

    with listener:
        assert (impatient.refused, answers()) == ([], True)
    assert (Path(NAME).stat().st_mode & 0o777, [each.name for each in tmp_path.iterdir()]) == (0o600, [NAME])


def test_what_an_engine_of_before_left_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed engine leaves its socket behind, and maybe one that never got its name."""
    monkeypatch.chdir(tmp_path)
    for left in (NAME, f"{NAME}.new"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as killed:
            killed.bind(left)

    with listen(NAME):
        assert answers()
