"""The relay's one account."""

import os
import stat
from pathlib import Path

import pytest

from reconciler.domain.errors import EnvironmentFailedError
from reconciler.relay.credentials import FILE_NAME, load, load_or_make


def test_the_first_start_makes_credentials_and_later_ones_read_them(tmp_path: Path) -> None:
    """The file is the vendor's own form, for its owner alone."""
    first = load_or_make(tmp_path, os.urandom)
    second = load_or_make(tmp_path, os.urandom)

    path = tmp_path / FILE_NAME
    assert first == second
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == (
        f"TENCENTCLOUD_SECRET_ID={first.secret_id}\nTENCENTCLOUD_SECRET_KEY={first.secret_key}\n"
    )
    assert first.secret_key not in repr(first)


def test_credentials_of_two_relays_differ(tmp_path: Path) -> None:
    """Who knows one relay's key knows nothing of another's."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()

    keys = {load_or_make(tmp_path / name, os.urandom).secret_key for name in ("a", "b")}

    assert len(keys) == 2


@pytest.mark.parametrize("text", ["", "TENCENTCLOUD_SECRET_ID=a\n", "# nothing\n"])
def test_a_file_without_credentials_is_refused(tmp_path: Path, text: str) -> None:
    """It is not overwritten: somebody may have put it there."""
    (tmp_path / FILE_NAME).write_text(text)

    with pytest.raises(EnvironmentFailedError, match="Remove it"):
        load_or_make(tmp_path, os.urandom)

    assert (tmp_path / FILE_NAME).read_text() == text


def test_a_directory_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    """The message names it."""
    (tmp_path / FILE_NAME).mkdir()

    with pytest.raises(EnvironmentFailedError, match=FILE_NAME):
        load_or_make(tmp_path, os.urandom)


def test_others_read_credentials_and_make_none(tmp_path: Path) -> None:
    """A client of the relay finds what its start made, and nothing before that."""
    before = load(tmp_path)
    made = load_or_make(tmp_path, os.urandom)

    assert (before, load(tmp_path)) == (None, made)


def test_credentials_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """The message names the file."""
    (tmp_path / FILE_NAME).mkdir()

    with pytest.raises(EnvironmentFailedError, match=FILE_NAME):
        load(tmp_path)
