"""
Secrets that the real SOPS has encrypted for keys of the real age.

`make test` installs both (scripts/judges).
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyrage
import pytest

from reconciler.domain.errors import SecretUnavailableError
from reconciler.domain.secrets import Secret, SecretRef, SecretSource
from reconciler.settings import Settings
from reconciler.wiring import sources
from tests.unit.settings.told import told

CANARY = "CANARY_hunter2"
PROGRAMS = str(Path(sys.executable).parent)
PLAIN = f"""\
# Keys of the platforms, asked for by Anna.
tower: {CANARY}
platform:
  studio: "{CANARY} pässword"  # beside
digits: "0123456789"
number: 123456789012
pi: 3.50
more: [true, 2, {{a: b}}]
open_unencrypted: not secret
block: |
  {CANARY}-block
"""


class Desk:
    """An operator's desk: an identity, and what was encrypted for it."""

    def __init__(self, home: Path) -> None:
        self.key = home / "age.txt"
        self.directory = home / "secrets"
        self.directory.mkdir()
        self._home = home
        self._recipient = self.new_key()

    def new_key(self) -> str:
        """Make another identity the only one; return its recipient."""
        identity = pyrage.x25519.Identity.generate()
        self.key.write_text(f"# made by a test\n{identity}\n")
        self.key.chmod(0o600)
        return str(identity.to_public())

    def encrypt(self, text: str, name: str = "stream.sops.yaml") -> Path:
        """Encrypt as an operator does."""
        file = self._home / name
        kind = file.suffix.removeprefix(".")
        file.write_text(
            subprocess.run(
                [f"{PROGRAMS}/sops", "encrypt", "--age", self._recipient, "--input-type", "yaml", "--output-type", kind,
                 "--filename-override", name],
                cwd=self._home, env={"PATH": PROGRAMS}, input=text, capture_output=True, text=True, check=True,
            ).stdout
        )  # fmt: skip
        return file

    def settings(self, *files: Path) -> Settings:
        """Return the settings that name these files."""
        secrets = {"dir": str(self.directory), "sops": list(map(str, files)), "ageKeyFile": str(self.key)}
        return told(file={"secrets": secrets})

    def resolve(self, name: str, *files: Path) -> Secret:
        """Look a secret up as `run` does."""
        vault = sources.vault(self.settings(*files), environment={"PATH": PROGRAMS})
        return vault.resolve(SecretRef(source=SecretSource.FILE, name=name, version=3))

    def refused(self, name: str, *files: Path) -> str:
        """Return why a secret cannot be used."""
        with pytest.raises(SecretUnavailableError) as caught:
            self.resolve(name, *files)
        assert CANARY not in str(caught.value)
        return str(caught.value)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Return a desk."""
    return Desk(tmp_path)


@pytest.mark.parametrize("name", ["stream.sops.yaml", "stream.sops.json"])
def test_what_sops_has_encrypted_is_looked_up(desk: Desk, name: str) -> None:
    """In YAML and in JSON, beside all that may stand in such a file."""
    file = desk.encrypt(PLAIN, name)

    assert CANARY not in file.read_text()
    assert desk.resolve("tower", file) == Secret(CANARY)
    assert desk.resolve("tower", file).version == 3
    assert desk.resolve("platform/studio", file) == Secret(f"{CANARY} pässword")
    assert desk.resolve("digits", file) == Secret("0123456789")
    assert desk.resolve("block", file) == Secret(f"{CANARY}-block")
    assert "is no text" in desk.refused("number", file)


def test_the_next_look_up_sees_what_has_changed(desk: Desk) -> None:
    """The file, and the key."""
    file = desk.encrypt("tower: one")
    vault = sources.vault(desk.settings(file), environment={"PATH": PROGRAMS})
    ref = SecretRef(source=SecretSource.FILE, name="tower")
    assert vault.resolve(ref) == Secret("one")

    desk.encrypt("tower: another")
    assert vault.resolve(ref) == Secret("another")

    desk.new_key()
    with pytest.raises(SecretUnavailableError, match="none of the identities in"):
        vault.resolve(ref)


def swapped(text: str) -> str:
    """Give a value to another key, as whoever has no key could."""
    tower, mast = (line.partition(": ")[2] for line in text.splitlines()[:2])
    return text.replace(tower, "?").replace(mast, tower).replace("?", mast)


def without_mac(text: str) -> str:
    """Take the MAC away."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("    mac:"))


@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(swapped, id="values swapped"),
        pytest.param(without_mac, id="no MAC"),
        pytest.param(lambda text: text.replace("o_unencrypted: 1", "o_unencrypted: 2"), id="an open value changed"),
        pytest.param(lambda text: text.split("\n", 1)[1], id="a key removed"),
        pytest.param(lambda text: text.replace('lastmodified: "2', 'lastmodified: "3'), id="the time changed"),
    ],
)
def test_what_was_tampered_with_is_refused(desk: Desk, tamper: Callable[[str], str]) -> None:
    """As a whole, whichever secret is asked for, and so that nobody who reads the message learns more."""
    file = desk.encrypt(f"mast: {CANARY}-mast\ntower: {CANARY}\no_unencrypted: 1\n")
    tampered = tamper(file.read_text())
    assert tampered != file.read_text()
    file.write_text(tampered)

    assert "it, or its MAC, was changed by something other than sops" in desk.refused("tower", file)


def test_a_secret_that_is_in_two_places_is_refused(desk: Desk) -> None:
    """Naming both: which one is meant cannot be known."""
    one, two = desk.encrypt("tower: one\nmast: one", "one.yaml"), desk.encrypt("tower: two\nfile: two", "two.yaml")
    (desk.directory / "file").write_text("three")

    assert f"it is in {one} and in {two}: only one can be meant" in desk.refused("tower", one, two)
    assert f"it is in {desk.directory} and in {two}" in desk.refused("file", one, two)
    assert desk.resolve("mast", one, two) == Secret("one")


def test_a_file_that_cannot_be_opened_takes_only_what_is_nowhere_else(desk: Desk) -> None:
    """One resource fails, and not all of them."""
    lost, found = desk.encrypt("tower: one", "lost.yaml"), desk.encrypt("mast: two", "found.yaml")
    lost.write_text(without_mac(lost.read_text()))
    (desk.directory / "file").write_text("three")

    assert desk.resolve("mast", lost, found) == Secret("two")
    assert desk.resolve("file", lost, found) == Secret("three")
    assert f"{lost} cannot be opened" in desk.refused("tower", lost, found)


def test_a_secret_that_is_nowhere_names_all_places(desk: Desk) -> None:
    """So that people see where it should be."""
    file = desk.encrypt("mast: one")

    message = desk.refused("tower", file)

    assert f"the file tower in {desk.directory}: No such file or directory, and no such key in {file}." in message


def test_a_secret_that_is_empty_or_too_large_is_refused(desk: Desk) -> None:
    """As one of a file is."""
    file = desk.encrypt(f"empty: ''\nlarge: {'x' * 4097}\nfull: {'x' * 4096}\n")

    assert "it is empty" in desk.refused("empty", file)
    assert "larger than 4096 bytes" in desk.refused("large", file)
    assert desk.resolve("full", file) == Secret("x" * 4096)
