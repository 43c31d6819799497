"""Following a branch of a bare repository on this machine: which commit is the target, and why not the newest."""

import contextlib
import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.sources.git.errand import Errands
from reconciler.sources.git.follower import Follower, Look
from reconciler.sources.git.mirror import ACCEPTED, TIP
from reconciler.sources.git.remote import HISTORY
from reconciler.sources.git.trust import SshTrust
from tests.unit.sources.git.forge import Forge, follower, git, mirror_of, signer, ssh_key


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    """Give an empty repository."""
    return Forge(tmp_path)


def mirror(forge: Forge) -> Path:
    """Return the directory of the mirror."""
    return mirror_of(forge.home.parent, str(forge.home)).home


def look(forge: Forge, **more: Any) -> Look:
    """Return what a follower that has just started sees: all that it knows is in the mirror."""
    return follower(forge.home.parent, forge.home, **more).look()


def ssh_only(forge: Forge, key: Path) -> SshTrust:
    """Return the trust in one key."""
    return SshTrust([signer("anna", key)], file=forge.home.parent / "signers", variables=os.environ)


def test_the_newest_commit_is_the_target(forge: Forge) -> None:
    """It is fetched once, and told as new once."""
    first = forge.push()

    assert look(forge) == Look(accepted=first, tip=first, has_fetched=True)
    assert look(forge) == Look(accepted=first, tip=first)

    second = forge.push()

    assert look(forge) == Look(accepted=second, tip=second, has_fetched=True)


def test_the_mirror_is_ours_alone_and_holds_the_branch_alone(forge: Forge) -> None:
    """No tag, no other branch, no hook, no remote, and nobody else may read it."""
    forge.push()
    forge.push(branch="other", secret_yaml="x")
    git(forge.home, "tag", "v1", "main")

    look(forge)

    home = mirror(forge)
    assert git(home, "for-each-ref", "--format=%(refname)").split() == [ACCEPTED, TIP]
    assert {folder.stat().st_mode & 0o777 for folder in (home, *home.parents[:2])} == {0o700}
    assert not (home / "hooks").exists()
    assert "remote" not in (home / "config").read_text()
    assert not (home / "FETCH_HEAD").exists()


def test_a_rewritten_branch_is_followed_and_told(forge: Forge) -> None:
    """It is a level, not a history: what it says now is wanted."""
    base = forge.push()
    gone = forge.push()
    look(forge)
    forge.point(base)
    other = forge.push(manifests__b_yaml="b")

    seen = look(forge)

    assert (seen.accepted, seen.left, seen.trouble) == (other, gone, "")
    assert look(forge).left == ""


def test_a_branch_that_is_put_back_is_followed(forge: Forge) -> None:
    """A reset to an older commit is how some people undo."""
    base = forge.push()
    gone = forge.push()
    look(forge)
    forge.point(base)

    seen = look(forge)

    assert (seen.accepted, seen.left) == (base, gone)


def test_a_deleted_branch_leaves_the_last_commit(forge: Forge) -> None:
    """Also after a restart; and when it is there again, it goes on."""
    first = forge.push()
    look(forge)
    forge.delete()

    seen = look(forge)

    assert (seen.accepted, seen.tip) == (first, "")
    assert f"There is no branch main in {forge.home}. Was it deleted or renamed" in seen.trouble
    again = forge.push(after="")
    assert look(forge) == Look(accepted=again, tip=again, left=first, has_fetched=True)


def test_a_branch_that_never_was_is_told(forge: Forge) -> None:
    """Such as of an empty repository, or under another name that ends alike."""
    assert "There is no branch main" in look(forge).trouble

    forge.push(branch="x/refs/heads/main")

    assert look(forge).accepted == ""


def test_nobody_hides_the_branch_behind_others(forge: Forge) -> None:
    """Servers list every name that ends alike, and whoever may push any branch can give many, which come first."""
    first = forge.push()
    names = (f"refs/heads/a{number}{'x' * 200}/{'x' * 200}/refs/heads/main" for number in range(150))
    git(forge.home, "update-ref", "--stdin", given="".join(f"create {name} {first}\n" for name in names).encode())

    assert look(forge).accepted == first


def test_a_server_that_is_away_leaves_the_last_commit(forge: Forge) -> None:
    """Also after a restart."""
    first = forge.push()
    look(forge)
    forge.home.rename(forge.home.with_name("away"))

    seen = look(forge)

    assert seen.accepted == first
    assert "does not appear to be a git repository. Is source.git right?" in seen.unreachable


def test_a_commit_without_manifests_does_not_count(forge: Forge) -> None:
    """An empty tree would mean that nothing is wanted."""
    first = forge.push()
    look(forge)
    second = forge.push(moved__a_yaml="a")

    seen = look(forge)

    assert (seen.accepted, seen.tip) == (first, second)
    assert f"commit {second} has nothing at manifests" in seen.refused
    assert look(forge, within="moved").accepted == second
    assert look(forge, within="").accepted == second


def test_a_path_of_any_name_is_looked_for(forge: Forge) -> None:
    """Also one of two lines, of which the first or the second alone is there."""
    commit = forge.push(**{'"in two\\nlines/a.yaml"': "a"}, lines__a_yaml="b")

    assert look(forge, within="in two\nlines").accepted == commit
    assert look(forge, within="lines\nin two").accepted == ""
    assert look(forge, within="in two").accepted == ""


def test_only_the_newest_commit_must_be_signed(forge: Forge, tmp_path: Path) -> None:
    """What is behind it was seen by whoever signed."""
    key = ssh_key(tmp_path, "anna")
    signed = forge.push_signed_by(key)
    assert look(forge, trust=ssh_only(forge, key)).accepted == signed
    unsigned = forge.push()

    seen = look(forge, trust=ssh_only(forge, key))

    assert (seen.accepted, seen.tip) == (signed, unsigned)
    assert "has no SSH signature" in seen.refused
    newest = forge.push_signed_by(key)
    assert look(forge, trust=ssh_only(forge, key)).accepted == newest


def test_other_rules_judge_the_target_again(forge: Forge, tmp_path: Path) -> None:
    """What counted under weaker rules does not count for that."""
    key = ssh_key(tmp_path, "anna")
    signed = forge.push_signed_by(key)
    assert look(forge).accepted == signed
    assert look(forge, trust=ssh_only(forge, key)).accepted == signed
    unsigned = forge.push()
    assert look(forge).accepted == unsigned

    seen = look(forge, trust=ssh_only(forge, key))

    assert (seen.accepted, seen.tip) == ("", unsigned)
    assert look(forge, trust=ssh_only(forge, key)).accepted == ""


def test_other_rules_hold_before_the_server_is_asked(forge: Forge, tmp_path: Path) -> None:
    """A server that is away is no way around them."""
    forge.push()
    look(forge)
    forge.home.rename(forge.home.with_name("away"))

    assert look(forge, trust=ssh_only(forge, ssh_key(tmp_path, "anna"))).accepted == ""


@pytest.mark.parametrize("is_locked", [True, False], ids=["the mirror is locked", "the signers cannot be written"])
def test_what_cannot_be_judged_again_is_not_the_target(forge: Forge, tmp_path: Path, *, is_locked: bool) -> None:
    """It counted under other rules, and nobody knows whether it does under these."""
    signed = forge.push_signed_by(key := ssh_key(tmp_path, "anna"))
    look(forge)
    file = tmp_path / "signers" if is_locked else tmp_path / "no" / "signers"
    trust = SshTrust([signer("anna", key)], file=file, variables=os.environ)
    held = mirror_of(forge.home.parent, str(forge.home)).held(Errands(), timeout_s=1)

    with held if is_locked else contextlib.nullcontext():
        seen = look(forge, trust=trust, timeout_s=0.1 if is_locked else 30.0)

    assert seen.accepted == ""
    assert ("Another process" if is_locked else "cannot be written") in seen.unreachable
    assert look(forge, trust=ssh_only(forge, key)).accepted == signed


def test_so_much_of_the_history_is_kept(forge: Forge) -> None:
    """However long it is; a branch that has gone on by more than that looks like another one."""
    commits = [forge.push()]
    look(forge)
    tree = f"{commits[0]}^{{tree}}"
    lines = [b"feature done"]
    for number in range(HISTORY + 5):
        head = f"commit refs/heads/main\ncommitter A <a@b> {1704067300 + number} +0000\ndata 1\nx\n"
        lines.append(f"{head}from {commits[0]}".encode() if number == 0 else head.encode().rstrip())
    git(forge.home, "fast-import", "--quiet", given=b"\n".join([*lines, b"done\n"]))

    seen = look(forge)

    assert seen.accepted == forge.tip()
    assert git(forge.home, "rev-parse", f"{seen.accepted}^{{tree}}") == git(forge.home, "rev-parse", tree)
    assert int(git(mirror(forge), "rev-list", "--count", ACCEPTED)) == HISTORY
    assert seen.left == commits[0]


def test_a_shallow_server_is_followed(forge: Forge, tmp_path: Path) -> None:
    """Such as a clone of a CI job."""
    forge.push()
    newest = forge.push()
    shallow = tmp_path / "shallow.git"
    git(tmp_path, "clone", "--quiet", "--bare", "--depth=1", f"file://{forge.home}", str(shallow))
    assert follower(tmp_path, shallow).look() == Look(accepted=newest, tip=newest, has_fetched=True)
    newest = forge.push()
    git(shallow, "fetch", "--quiet", "--depth=1", f"file://{forge.home}", "+main:main")

    assert follower(tmp_path, shallow).look().accepted == newest


def test_a_repository_of_longer_ids_is_followed(tmp_path: Path) -> None:
    """SHA-256."""
    forge = Forge(tmp_path, ids="sha256")
    newest = forge.push()

    assert (len(newest), look(forge).accepted) == (64, newest)


def damage_objects(home: Path) -> None:
    """Make every object something else."""
    for path in (home / "objects").rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            path.write_bytes(b"\0" * 40)


def remove_objects(home: Path) -> None:
    """Remove what was fetched."""
    shutil.rmtree(home / "objects")
    (home / "objects").mkdir()


def empty_references(home: Path) -> None:
    """Leave references of no length, as some disks do when the power goes."""
    for name in (TIP, ACCEPTED):
        (home / name).write_bytes(b"")


def spoil_settings(home: Path) -> None:
    """Write nonsense into the settings."""
    (home / "config").write_bytes(b"[core\n\0")


def remove_head(home: Path) -> None:
    """Make it no repository."""
    (home / "HEAD").unlink()


def a_file_instead(home: Path) -> None:
    """Remove all of it but its name."""
    shutil.rmtree(home)
    home.mkdir()


BREAKS = [damage_objects, remove_objects, empty_references, spoil_settings, remove_head, a_file_instead]


@pytest.mark.parametrize("break_it", BREAKS)
def test_a_broken_mirror_is_fetched_anew(forge: Forge, break_it: Callable[[Path], None]) -> None:
    """With the next commit at once, or when it is noticed that it cannot be read."""
    forge.push()
    look(forge)
    break_it(mirror(forge))
    second = forge.push()
    look(forge)

    assert follower(forge.home.parent, forge.home).look(doubts=True).accepted == second
    git(mirror(forge), "fsck", "--strict")


def test_what_a_killed_git_left_is_in_nobodys_way(forge: Forge) -> None:
    """Locks, and halves of packs, which would else be there for ever."""
    forge.push()
    look(forge)
    home = mirror(forge)
    left = [home / "shallow.lock", home / f"{TIP}.lock", home / f"{ACCEPTED}.lock", home / "config.lock"]
    left += [home / "objects" / "pack" / "tmp_pack_x", home / "packed-refs.lock", home / "HEAD.lock"]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    (home / "objects" / "tmp_objdir-incoming-x" / "pack").mkdir(parents=True)
    second = forge.push()

    assert look(forge).accepted == second
    assert [path for path in home.rglob("*") if "lock" in path.name or "tmp_" in path.name] == []


def test_another_process_at_the_same_mirror_is_waited_for(forge: Forge) -> None:
    """And told, where it takes too long; what was accepted can be read all the same."""
    first = forge.push()
    look(forge)
    held = mirror_of(forge.home.parent, str(forge.home))

    with held.held(Errands(), timeout_s=1):
        seen = look(forge, timeout_s=0.1)

    assert seen.accepted == first
    assert "Another process has been fetching into the same mirror for 0.1 s" in seen.unreachable


def git_with(folder: Path, line: str) -> dict[str, str]:
    """Return an environment in which git is run after a line of shell."""
    program = folder / "git"
    program.write_text(f'#!/bin/sh\n{line}\nexec {shutil.which("git")} "$@"\n')
    program.chmod(0o755)
    return os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_no_room_is_trouble_and_nothing_worse(forge: Forge, tmp_path: Path) -> None:
    """The target stays, and with room again all goes on; here no file may become longer than a block."""
    first = forge.push()
    look(forge)
    second = forge.push(manifests__a_yaml="a", manifests__b_yaml=os.urandom(20_000))
    (tmp_path / "bin").mkdir()

    seen = follower(tmp_path, forge.home, variables=git_with(tmp_path / "bin", "ulimit -f 1")).look()

    assert seen.accepted == first
    assert seen.unreachable
    assert look(forge).accepted == second


def test_what_cannot_be_tidied_is_trouble(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails while it is cleaned up after another failure ends nobody's watch."""
    first = forge.push()
    look(forge)
    following = follower(forge.home.parent, forge.home)
    following.look()
    forge.home.rename(forge.home.with_name("away"))
    scanned = os.scandir
    times = iter(range(10**6))

    def fails(folder: Path) -> Any:
        if Path(folder) == mirror(forge) and next(times) > 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return scanned(folder)

    monkeypatch.setattr(os, "scandir", fails)

    seen = following.look()

    assert seen.accepted == first
    assert "cannot be written: Input/output error" in seen.unreachable


def test_a_folder_that_cannot_be_written_is_trouble(forge: Forge) -> None:
    """It is told which."""
    forge.push()
    mirror(forge).parent.parent.mkdir()
    mirror(forge).parent.write_text("a file")

    seen = look(forge)

    assert seen.accepted == ""
    assert f"{mirror(forge).parent} cannot be written" in seen.unreachable


def test_the_mirror_does_not_grow_for_ever(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has become many is packed."""
    monkeypatch.setattr("reconciler.sources.git.mirror._MOST_PACKS", 2)
    following = follower(forge.home.parent, forge.home)
    for number in range(3):
        forge.push(manifests__a_yaml=str(number))
        following.look()
    assert len(list(mirror(forge).glob("objects/pack/*.pack"))) == 3

    following.collect()

    assert len(list(mirror(forge).glob("objects/pack/*.pack"))) == 1
    assert following.look().accepted == forge.tip()


def test_packing_can_wait(forge: Forge) -> None:
    """Another process is at it; nothing is lost by leaving it for the next time."""
    forge.push()
    look(forge)

    with mirror_of(forge.home.parent, str(forge.home)).held(Errands(), timeout_s=1):
        follower(forge.home.parent, forge.home, timeout_s=0.05).collect()

    assert look(forge).trouble == ""


def test_a_follower_without_git_says_so(forge: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And does not fail in a way that nobody foresaw."""
    forge.push()
    look(forge)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert "git is not installed" in look(forge).unreachable


def test_cancelling_is_for_good(forge: Forge) -> None:
    """Whoever ends waits for nothing more."""
    forge.push()
    following: Follower = follower(forge.home.parent, forge.home)
    following.cancel()

    assert "this process is ending" in following.look().unreachable


def test_settings_of_a_repository_around_mean_nothing(tmp_path: Path) -> None:
    """The state directory is often in the checkout of one."""
    forge = Forge(tmp_path / "served")
    forge.push()
    around = tmp_path / "checkout"
    around.mkdir()
    git(around, "init", "--quiet")
    git(around, "config", "url./nowhere/.insteadOf", f"{tmp_path}/")

    assert follower(around, forge.home).look().accepted == forge.tip()
    (mirror_of(around, str(forge.home)).home / "HEAD").unlink()
    assert follower(around, forge.home).look().accepted == forge.tip()


def test_settings_of_users_and_hooks_of_anybody_mean_nothing(forge: Forge, tmp_path: Path) -> None:
    """Neither where to fetch from, nor what to run."""
    (tmp_path / ".gitconfig").write_text(
        f'[url "/nowhere/"]\n\tinsteadOf = {tmp_path}/\n[core]\n\thooksPath = {tmp_path}/hooks\n'
    )
    forge.push()
    variables = os.environ | {"HOME": str(tmp_path), "GIT_DIR": "/nowhere", "GIT_CONFIG_COUNT": "x"}
    look(forge, variables=variables)
    for folder in (tmp_path / "hooks", mirror(forge) / "hooks"):
        folder.mkdir()
        for name in ("reference-transaction", "post-checkout", "pre-auto-gc"):
            (folder / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
            (folder / name).chmod(0o755)
    second = forge.push()

    assert look(forge, variables=variables).accepted == second
    assert not (tmp_path / "ran").exists()
