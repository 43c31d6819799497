"""Tests of `cli.invocation`."""

import shlex
import sys
from pathlib import Path

import pytest

from reconciler.cli.invocation import Invocation
from reconciler.cli.options import Options


@pytest.fixture(autouse=True)
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be called as an installed program is, by its path; return that."""
    own = tmp_path / "a b" / "reconciler"
    own.parent.mkdir()
    own.write_text("")
    own.chmod(0o700)
    monkeypatch.setattr(sys, "argv", [str(own)])
    return own


def test_the_next_command_is_about_the_same(program: Path) -> None:
    """Settings, state, manifests and backend, as they were given, and quoted for a shell."""
    options = Options(config=Path("our settings.yaml"), state=Path("s"))
    flags = {"backend": "relay", "region": ("a", "b"), "ca_file": Path("me@home/ca.pem"), "owner": None}

    said = Invocation.of(options, (Path("my site"), Path("-x")), **flags).saying("apply", "--plan", "p q.json")

    assert shlex.split(said) == [
        str(program), "--config", "our settings.yaml", "--state", "s", "apply", "my site", "./-x",
        "--backend", "relay", "--ca-file", "me@home/ca.pem", "--region", "a", "--region", "b", "--plan", "p q.json",
    ]  # fmt: skip


def test_what_was_not_given_is_not_said(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that is found by its name is called by it."""
    monkeypatch.setenv("PATH", str(program.parent))

    assert Invocation.of(Options()).saying("plan") == "reconciler plan"


def test_a_module_is_called_by_its_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be no program at all."""
    monkeypatch.setattr(sys, "argv", ["/x/reconciler/__main__.py"])

    assert Invocation.of(Options()).saying("plan") == shlex.join([sys.executable, "-m", "reconciler", "plan"])


def test_what_may_hold_a_password_is_never_said() -> None:
    """An endpoint with somebody's name in it is left out."""
    said = Invocation.of(Options(), endpoint="https://me:secret@api.example").saying("apply")

    assert "secret" not in said
    assert "--endpoint" not in said
