"""Where somebody says that there is something new, it is fetched without asking first; nothing else differs."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from reconciler.sources.git.follower import Look
from reconciler.sources.git.trust import SshTrust
from tests.unit.sources.git.forge import Forge, follower, git, mirror_of, signer, ssh_key
from tests.unit.sources.git.servers import daemon, half_daemon


@dataclass
class Served:
    """A repository behind `git daemon`, and who follows it."""

    forge: Forge
    root: Path
    port: int
    connections: list[None] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Return where it is."""
        return f"git://127.0.0.1:{self.port}/forge.git"

    def told(self, **more: Any) -> Look:
        """Return what is seen when something new was heard of; connections are counted anew."""
        self.connections.clear()
        return follower(self.root, self.url, **more).look(is_told=True)

    def asked(self, **more: Any) -> Look:
        """Return what is seen when nothing was heard of."""
        self.connections.clear()
        return follower(self.root, self.url, **more).look()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Serve a repository with one commit that is known already."""
    made = Served(Forge(tmp_path / "served"), tmp_path, 0)
    made.forge.push()
    with daemon(made.forge.home.parent, spy=lambda: made.connections.append(None)) as port:
        made.port = port
        made.asked()
        yield made


def test_a_push_that_was_told_costs_one_connection(served: Served) -> None:
    """Where nobody has heard of it, there are two: one asks, and one fetches."""
    second = served.forge.push()
    by_told = served.told(), len(served.connections)
    third = served.forge.push()
    by_asked = served.asked(), len(served.connections)

    assert by_told == (Look(accepted=second, tip=second, has_fetched=True), 1)
    assert by_asked == (Look(accepted=third, tip=third, has_fetched=True), 2)


def test_nothing_new_is_nothing_new(served: Served) -> None:
    """Whatever was said."""
    tip = served.forge.tip()

    assert served.told() == Look(accepted=tip, tip=tip)
    assert len(served.connections) == 1


def test_the_first_time_the_server_is_asked(served: Served, tmp_path: Path) -> None:
    """There is no mirror yet, and what its ids are like only the server knows."""
    tip = served.forge.tip()

    assert follower(tmp_path / "other", served.url).look(is_told=True) == Look(accepted=tip, tip=tip, has_fetched=True)


def test_a_rewritten_branch_is_followed_and_told(served: Served) -> None:
    """As when it was asked for."""
    first = served.forge.tip()
    gone = served.forge.push()
    served.told()
    served.forge.point(first)
    other = served.forge.push(manifests__b_yaml="b")

    assert served.told() == Look(accepted=other, tip=other, left=gone, has_fetched=True)


def test_a_branch_that_is_gone_is_named(served: Served) -> None:
    """What fails to be fetched is asked for, and that says why."""
    first = served.forge.tip()
    git(served.forge.home, "update-ref", "-d", "refs/heads/main")

    seen = served.told()

    assert seen.accepted == first
    assert "There is no branch main" in seen.unreachable
    assert len(served.connections) == 2


def test_what_else_is_wrong_is_not_tried_twice(served: Served) -> None:
    """A server that refuses is not asked for more, and counts no more refusals than when nobody had told."""
    first = served.forge.tip()
    served.forge.home.rename(served.forge.home.with_name("away.git"))

    seen = served.told()

    assert seen.accepted == first
    assert "repository not exported" in seen.unreachable
    assert len(served.connections) == 1


def test_an_unsigned_commit_does_not_count(served: Served, tmp_path: Path) -> None:
    """A webhook is no signature."""
    trust = SshTrust([signer("anna", ssh_key(tmp_path, "anna"))], file=tmp_path / "signers", variables=os.environ)
    second = served.forge.push()

    seen = served.told(trust=trust)

    assert (seen.accepted, seen.tip, bool(seen.refused)) == ("", second, True)


def test_a_server_that_says_nothing_is_waited_for_once(served: Served) -> None:
    """What was not fetched in time is not asked for besides."""
    first = served.forge.tip()
    known = mirror_of(served.root, served.url).home
    with half_daemon(served.port, most_bytes=0) as port:
        served.port = port
        known.rename(mirror_of(served.root, served.url).home)
        seen = served.told(timeout_s=0.5)

    assert (seen.accepted, seen.unreachable) == (first, "There was no answer within 0.5 s (source.gitTimeoutS)")
    assert len(served.connections) == 1


def lose_objects(home: Path) -> None:
    """Remove every pack."""
    for path in (home / "objects" / "pack").iterdir():
        path.unlink()


def spoil_settings(home: Path) -> None:
    """Make the mirror's settings none."""
    (home / "config").write_text("[")


@pytest.mark.parametrize("break_it", [lose_objects, spoil_settings])
def test_a_broken_mirror_is_fetched_anew(served: Served, break_it: Callable[[Path], None]) -> None:
    """As when it was asked for."""
    home = mirror_of(served.root, served.url).home
    git(home, "gc", "--quiet")
    break_it(home)
    second = served.forge.push()

    assert served.told().accepted == second
    git(home, "fsck", "--strict")
