"""Secrets of sinks, each in a file."""

import os
from pathlib import Path

import pytest

from reconciler.notifying.failures import Remedy, UndeliveredError
from reconciler.notifying.secret_files import MAX_BYTES, read_secret

CANARY = "canary-of-a-token"


def test_it_is_read_anew_each_time(tmp_path: Path) -> None:
    """Whoever replaces the file has replaced the secret; what is around it is not of it."""
    path = tmp_path / "token"

    path.write_text("one\n")
    first = read_secret(path)
    path.write_text("  two\r\n\n")

    assert (first.reveal(), read_secret(path).reveal()) == ("one", "two")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(None, "No such file", id="not there"),
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b" \n", "is empty", id="blank"),
        pytest.param(CANARY.encode() * MAX_BYTES, "larger than", id="too large"),
        pytest.param(f"{CANARY}ö".encode(), "ASCII", id="no ASCII"),
    ],
)
def test_what_is_no_secret(tmp_path: Path, content: bytes | None, why: str) -> None:
    """The file is named, and what is in it is not."""
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(UndeliveredError, match=why) as caught:
        read_secret(path)

    assert str(path) in str(caught.value)
    assert CANARY not in repr(caught.value)
    assert caught.value.remedy is Remedy.SETTING
    assert caught.value.__cause__ is None


def test_a_pipe_holds_nobody_up(tmp_path: Path) -> None:
    """Nobody may ever write to it."""
    os.mkfifo(tmp_path / "token")

    with pytest.raises(UndeliveredError, match="no regular file"):
        read_secret(tmp_path / "token")
