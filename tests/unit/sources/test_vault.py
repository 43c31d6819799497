"""Secrets of the environment and of files."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from reconciler.domain.errors import SecretUnavailableError
from reconciler.domain.secrets import Secret, SecretRef, SecretSource
from reconciler.sources.vault import MAX_SECRET_BYTES, SecretVault

CANARY = "CANARY_hunter2"


def variable(name: str, *, version: int = 0) -> SecretRef:
    """Return a reference to an environment variable."""
    return SecretRef(source=SecretSource.ENV, name=name, version=version)


def file(name: str) -> SecretRef:
    """Return a reference to a file."""
    return SecretRef(source=SecretSource.FILE, name=name)


def vault(directory: Path | None = None, env: Mapping[str, str] | None = None) -> SecretVault:
    """Return a vault of this directory and environment."""
    return SecretVault(env=env or {}, env_patterns=["STREAM_*"], directory=directory)


def refused(of: SecretVault, ref: SecretRef) -> str:
    """Return why a secret cannot be used."""
    with pytest.raises(SecretUnavailableError) as caught:
        of.resolve(ref)
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return str(caught.value)


def test_a_variable_is_looked_up() -> None:
    """The version of the reference stays with the value."""
    found = vault(env={"STREAM_X": CANARY}).resolve(variable("STREAM_X", version=2))

    assert found == Secret(CANARY)
    assert found.version == 2


@pytest.mark.parametrize(
    ("name", "why"),
    [
        pytest.param("STREAM_Y", "the environment variable STREAM_Y is not set", id="not there"),
        pytest.param("STREAM_EMPTY", "it is empty", id="empty"),
        pytest.param("HOME", "secrets.env: STREAM_*", id="of no pattern"),
        pytest.param("TENCENTCLOUD_SECRET_KEY", "never read for a stream", id="the account's own"),
        pytest.param("RECONCILER_OWNER", "never read for a stream", id="a setting"),
    ],
)
def test_a_variable_that_may_not_be_used(name: str, why: str) -> None:
    """The reason says how to mend it, and no value."""
    env = dict.fromkeys(["HOME", "TENCENTCLOUD_SECRET_KEY", "RECONCILER_OWNER"], CANARY) | {"STREAM_EMPTY": ""}

    message = refused(vault(env=env), variable(name))

    assert why in message
    assert CANARY not in message


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"hunter2", "hunter2"),
        (b"hunter2\n", "hunter2"),
        (b"hunter2\r\n", "hunter2"),
        (b"hunter2\n\n", "hunter2\n"),
        (b" hunter2 ", " hunter2 "),
    ],
)
def test_one_final_line_end_is_no_part_of_a_secret(tmp_path: Path, content: bytes, value: str) -> None:
    """Editors add it; everything else belongs to the value."""
    (tmp_path / "tower").write_bytes(content)

    assert vault(tmp_path).resolve(file("tower")) == Secret(value)


def test_a_secret_may_be_in_a_folder_and_behind_a_link(tmp_path: Path) -> None:
    """As mounted secrets are: links that stay inside."""
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "tower").write_text(CANARY)
    (tmp_path / "tower").symlink_to("..data/tower")

    assert vault(tmp_path).resolve(file("tower")) == Secret(CANARY)
    assert vault(tmp_path).resolve(file("..data/tower")) == Secret(CANARY)


def test_a_mounted_secret_that_is_rotated_is_read_anew(tmp_path: Path) -> None:
    """Kubernetes makes a directory, turns `..data` to it, and takes the old one away."""
    for number in ("..1", "..2"):
        (tmp_path / number).mkdir()
        (tmp_path / number / "tower").write_text(number)
    (tmp_path / "tower").symlink_to("..data/tower")
    (tmp_path / "..data").symlink_to("..1")
    mounted = vault(tmp_path)
    assert mounted.resolve(file("tower")) == Secret("..1")

    (tmp_path / "..data_tmp").symlink_to("..2")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    (tmp_path / "..1" / "tower").unlink()

    assert mounted.resolve(file("tower")) == Secret("..2")


def test_a_file_of_the_reconciler_is_no_secret_of_a_stream(tmp_path: Path) -> None:
    """Where systemd keeps both in one directory; whatever link leads to it, and also behind a hard one."""
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "git-token").write_text(CANARY)
    (tmp_path / "git-token").symlink_to("..data/git-token")
    (tmp_path / "tower").hardlink_to(tmp_path / "..data" / "git-token")
    (tmp_path / "gate").write_text("the gate's")
    own = {tmp_path / "missing": "service.tokenFile", tmp_path / "git-token": "source.tokenFile"}
    kept = SecretVault(env={}, env_patterns=(), directory=tmp_path, own=own)

    for name in ("git-token", "..data/git-token", "tower"):
        message = refused(kept, file(name))
        assert "it is the file of source.tokenFile" in message
        assert CANARY not in message
    assert kept.resolve(file("gate")) == Secret("the gate's")


def test_a_file_as_large_as_allowed(tmp_path: Path) -> None:
    """4 KiB are a secret, one byte more is a mistake."""
    (tmp_path / "full").write_bytes(b"x" * MAX_SECRET_BYTES)
    (tmp_path / "over").write_bytes(b"x" * (MAX_SECRET_BYTES + 1))

    assert vault(tmp_path).resolve(file("full")) == Secret("x" * MAX_SECRET_BYTES)
    assert "larger than 4096 bytes" in refused(vault(tmp_path), file("over"))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("gone", "No such file"),
        ("/etc/hostname", "absolute"),
        ("../tower", "leaves the directory"),
        ("out", "a link leads out"),
        ("folder", "Is a directory"),
        ("pipe", "not a regular file"),
        ("latin", "not UTF-8"),
        ("empty", "it is empty"),
        ("loop", "symbolic links"),
    ],
)
def test_a_file_that_may_not_be_used(tmp_path: Path, name: str, why: str) -> None:
    """The reason says how to mend it; nothing of the content, and nobody waits for a pipe."""
    home = tmp_path / "secrets"
    home.mkdir()
    (tmp_path / "tower").write_text(CANARY)
    (home / "out").symlink_to(tmp_path / "tower")
    (home / "folder").mkdir()
    os.mkfifo(home / "pipe")
    (home / "latin").write_bytes(CANARY.encode() + b"\xff")
    (home / "empty").write_text("\n")
    (home / "loop").symlink_to("loop")

    message = refused(vault(home), file(name))

    assert why in message
    assert CANARY not in message


def test_without_a_directory_there_are_no_files() -> None:
    """The message names the setting."""
    assert "secrets.dir" in refused(vault(None), file("tower"))
