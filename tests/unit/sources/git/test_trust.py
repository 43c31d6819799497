"""Whose commits count, with signatures that OpenSSH and GnuPG made themselves."""

import os
from pathlib import Path

import pytest

from reconciler.domain.errors import EnvironmentFailedError, UsageError
from reconciler.sources.git.program import Git, harmless
from reconciler.sources.git.trust import AnyoneTrust, GpgTrust, SshTrust
from tests.unit.sources.git.forge import SIGNED, Forge, signer, ssh_key


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Forge:
    """Give a repository."""
    return Forge(tmp_path_factory.mktemp("forge"))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Give a key that is known, and one that is not."""
    folder = tmp_path_factory.mktemp("keys")
    return ssh_key(folder, "known"), ssh_key(folder, "foreign")


def git_in(forge: Forge) -> Git:
    """Return git in a repository."""
    return Git(forge.home, environment=harmless(os.environ))


def ssh_trust(folder: Path, key: Path) -> SshTrust:
    """Return the trust in one key."""
    return SshTrust([signer("anna", key)], file=folder / "signers", variables=os.environ)


def gpg_trust(folder: Path, keys: Path = SIGNED / "keys.asc") -> GpgTrust:
    """Return the trust in some keys."""
    return GpgTrust(keys, home=folder / "ring", variables=os.environ)


def test_anyone_counts_where_nobody_asks(forge: Forge) -> None:
    """Whoever may push."""
    assert AnyoneTrust().problem(git_in(forge), forge.push()) == ""


def test_who_signs_with_a_known_ssh_key_counts(forge: Forge, keys: tuple[Path, Path], tmp_path: Path) -> None:
    """One of the signers."""
    known, _ = keys

    assert ssh_trust(tmp_path, known).problem(git_in(forge), forge.push_signed_by(known)) == ""


def test_who_signs_with_another_ssh_key_does_not(forge: Forge, keys: tuple[Path, Path], tmp_path: Path) -> None:
    """The commit, its author, the key and what to do are told."""
    known, foreign = keys
    commit = forge.push_signed_by(foreign)

    problem = ssh_trust(tmp_path, known).problem(git_in(forge), commit)

    assert problem.startswith(f"commit {commit} of A <a@b> is refused: it is signed with ED25519 key SHA256:")
    assert "none of source.signers" in problem
    assert "add the key to source.signers" in problem


def test_an_unsigned_commit_does_not_count(forge: Forge, keys: tuple[Path, Path], tmp_path: Path) -> None:
    """Under either rule."""
    git, commit = git_in(forge), forge.push()

    assert "has no SSH signature" in ssh_trust(tmp_path, keys[0]).problem(git, commit)
    assert "has no OpenPGP signature" in gpg_trust(tmp_path).problem(git, commit)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("good", ""),
        ("old", "the key that signed it has expired (F70DAC28C369A316)"),
        ("revoked", "the key that signed it has been revoked (D13689C4CE1854DC)"),
        ("foreign", "it is signed by a key that is not among those of source.signersFile (E6CBA55A80438603)"),
    ],
)
def test_who_signs_with_a_known_gpg_key_counts(forge: Forge, tmp_path: Path, name: str, told: str) -> None:
    """While that key is good; each refusal says which key."""
    commit = forge.push_signed(name)

    problem = gpg_trust(tmp_path).problem(git_in(forge), commit)

    assert told in problem
    assert bool(problem) == bool(told)
    assert not problem or f"commit {commit} of Anna <anna@example>" in problem


def test_a_signature_of_another_commit_does_not_count(forge: Forge, tmp_path: Path) -> None:
    """Somebody has put it under words of their own."""
    forge.push_signed("good")
    content = (SIGNED / "good.commit").read_bytes().replace(b"signed by good", b"signed by evil")
    commit = git_in(forge).read("hash-object", "-t", "commit", "-w", "--stdin", given=content).decode().strip()

    assert "does not fit its content" in gpg_trust(tmp_path).problem(git_in(forge), commit)


def test_one_kind_of_signature_is_not_the_other(forge: Forge, keys: tuple[Path, Path], tmp_path: Path) -> None:
    """A good one of the other kind counts as none."""
    git = git_in(forge)

    assert "is refused" in ssh_trust(tmp_path, keys[0]).problem(git, forge.push_signed("good"))
    assert "is refused" in gpg_trust(tmp_path).problem(git, forge.push_signed_by(keys[0]))


def test_the_author_of_a_refused_commit_is_escaped(forge: Forge, keys: tuple[Path, Path], tmp_path: Path) -> None:
    """Whoever may push could otherwise write into somebody's terminal."""
    content = (SIGNED / "good.commit").read_bytes().replace(b"author Anna", b"author \x1b[2J" + b"A" * 500)
    forge.push_signed("good")
    commit = git_in(forge).read("hash-object", "-t", "commit", "-w", "--stdin", given=content).decode().strip()

    problem = ssh_trust(tmp_path, keys[0]).problem(git_in(forge), commit)

    assert problem.isprintable()
    assert problem.count("A") < 100


def test_rules_are_named_by_whom_they_trust(keys: tuple[Path, Path], tmp_path: Path) -> None:
    """So that a change of them is noticed."""
    names = {ssh_trust(tmp_path, key).name for key in keys} | {gpg_trust(tmp_path).name, AnyoneTrust().name}

    assert len(names) == 4
    assert ssh_trust(tmp_path, keys[0]).name in names


def test_trust_in_nobody_is_refused(tmp_path: Path) -> None:
    """It would refuse every commit, and nobody would know why."""
    with pytest.raises(UsageError, match=r"source\.signers"):
        SshTrust([], file=tmp_path / "s", variables=os.environ)
    with pytest.raises(UsageError, match=r"source\.signersFile"):
        GpgTrust(None, home=tmp_path / "g", variables=os.environ)
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        gpg_trust(tmp_path, tmp_path / "missing")
    (tmp_path / "empty").touch()
    with pytest.raises(UsageError, match="holds no public keys"):
        gpg_trust(tmp_path, tmp_path / "empty")


def test_keys_that_are_none_are_told(forge: Forge, tmp_path: Path) -> None:
    """When the first commit is to be judged."""
    (tmp_path / "keys").write_text("no key")

    with pytest.raises(EnvironmentFailedError, match="gpg cannot import"):
        gpg_trust(tmp_path, tmp_path / "keys").problem(git_in(forge), forge.push())


def test_programs_that_are_not_there_are_told(keys: tuple[Path, Path], tmp_path: Path) -> None:
    """With what to install."""
    nothing = {"PATH": str(tmp_path)}

    with pytest.raises(EnvironmentFailedError, match="apt-get install openssh-client"):
        SshTrust([signer("anna", keys[0])], file=tmp_path / "s", variables=nothing)
    with pytest.raises(EnvironmentFailedError, match="apt-get install gpg"):
        GpgTrust(SIGNED / "keys.asc", home=tmp_path / "g", variables=nothing)


def test_a_ring_that_cannot_be_written_is_told(forge: Forge, keys: tuple[Path, Path], tmp_path: Path) -> None:
    """And no bug: the disk may be full."""
    (tmp_path / "file").touch()

    with pytest.raises(EnvironmentFailedError, match="cannot be written: Not a directory"):
        gpg_trust(tmp_path / "file").problem(git_in(forge), forge.push())
    with pytest.raises(EnvironmentFailedError, match="cannot be written: Not a directory"):
        ssh_trust(tmp_path / "file", keys[0]).problem(git_in(forge), forge.push())
