"""Tests of `wiring.branches`, and of what takes manifests from one."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler import wiring
from reconciler.domain.errors import UsageError
from reconciler.settings import Settings, Signatures, SourceSettings
from reconciler.sources.git.source import GitSource
from tests.unit.sources.git.forge import SIGNED, Forge, signer, ssh_key
from tests.unit.wiring.chosen import FLOW, settings_in

pytestmark = pytest.mark.anyio


def settings_of(folder: Path, **chosen: Any) -> Settings:
    """Return settings that take manifests from a repository in a folder."""
    source = SourceSettings(**{"git": str(folder / "forge.git")} | chosen)
    return replace(settings_in(folder), paths=(), source=source)


async def test_a_branch_is_where_the_settings_say(tmp_path: Path) -> None:
    """Its repository, its name and its path."""
    commit = Forge(tmp_path).push(branch="live", tv__news_yaml=FLOW)

    source = wiring.source(settings_of(tmp_path, branch="live", path="tv/"))

    assert source.name == f"branch live of {tmp_path}/forge.git, tv"
    seen = await source.snapshot()
    assert (seen.revision, [file.path for file in seen.files]) == (commit, ["tv/news.yaml"])
    assert source.is_whole


async def test_paths_that_are_given_win(tmp_path: Path) -> None:
    """Whoever names files means those."""
    (tmp_path / "here.yaml").write_text(FLOW)
    settings = settings_of(tmp_path)

    seen = await wiring.source(settings, [tmp_path / "here.yaml"]).snapshot()

    assert [file.path for file in seen.files] == [str(tmp_path / "here.yaml")]
    assert wiring.is_followed(settings)
    assert not wiring.is_followed(settings, [tmp_path])
    assert wiring.paths_here(settings) == (Path("manifests"),)


async def test_branches_do_not_share_what_is_accepted(tmp_path: Path) -> None:
    """The target of one is not that of another when the server is down."""
    forge = Forge(tmp_path)
    forge.push(manifests__a_yaml=FLOW)
    forge.push(branch="other", manifests__a_yaml=FLOW)

    for branch in ("main", "other"):
        await wiring.source(settings_of(tmp_path, branch=branch)).snapshot()

    mirrors = [path for path in (tmp_path / "state" / "git").iterdir() if path.is_dir()]
    assert len(mirrors) == 2


async def test_signatures_are_asked_for_where_the_settings_say(tmp_path: Path) -> None:
    """Of either kind."""
    forge, key = Forge(tmp_path), ssh_key(tmp_path, "anna")
    signed = forge.push_signed("good")
    by_gpg = settings_of(tmp_path, signatures=Signatures.GPG, signers_file=SIGNED / "keys.asc")
    by_ssh = settings_of(tmp_path, signatures=Signatures.SSH, signers=(signer("anna", key),))

    assert (await wiring.source(by_gpg).snapshot()).revision == signed
    newer = forge.push_signed_by(key)
    assert (await wiring.source(by_ssh).snapshot()).revision == newer


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({"git": "ext::sh -c id"}, "source.git"),
        ({"branch": "--upload-pack=id"}, "source.branch"),
        ({"path": "../elsewhere"}, "source.path"),
        ({"git": "https://anna:hunter2@forge.example/a"}, "holds a name or a password"),
        ({"git": "http://forge.example/a"}, "plain http"),
        ({"signatures": Signatures.SSH}, "source.signers"),
        ({"signatures": Signatures.GPG}, "source.signersFile"),
        ({"token_file": Path("t")}, "source.tokenFile is of no use for"),
        ({"user": "u"}, "source.user is of no use for"),
        ({"ssh_key": Path("k")}, "source.sshKey is of no use for"),
        ({"git": "https://forge.example/a", "ssh_known_hosts": Path("k")}, "source.sshKnownHosts is of no use for"),
        ({"git": "https://forge.example/a", "token_file": Path("t"), "credential_helper": "h"}, "give one of them"),
        ({"git": "https://forge.example/a", "user": "a\nb"}, "cannot be printed"),
        ({"git": "ssh://forge.example/a", "ssh_key": Path('a"b')}, "OpenSSH cannot be given"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, chosen: dict[str, Any], told: str) -> None:
    """Before anything is asked of anybody, and without what may be a secret."""
    with pytest.raises(UsageError) as refused:
        wiring.source(settings_of(tmp_path, **chosen))

    assert told in str(refused.value)
    assert "hunter2" not in str(refused.value)


async def test_a_loop_follows_a_branch(tmp_path: Path) -> None:
    """A commit, a wake, a pass; and a stop leaves nothing running."""
    forge = Forge(tmp_path)
    forge.push(manifests__news_yaml=FLOW)
    passed = asyncio.Queue[str]()
    settings = settings_of(tmp_path, poll_s=3600)

    async with wiring.session(settings, media="none") as session:
        loop = session.loop(lambda outcome: passed.put_nowait(outcome.revision))
        task = asyncio.create_task(loop.run())
        assert await passed.get() == forge.tip()
        second = forge.push(manifests__news_yaml=FLOW.replace("name: news", "name: sport"))
        source = session.world.source
        assert isinstance(source, GitSource)
        source.wake()
        while await passed.get() != second:
            pass
        loop.stop()
        await task


@pytest.mark.skipif(os.geteuid() != 0, reason="only root works on the state directory of somebody else")
async def test_what_root_fetches_is_not_what_a_service_reads(tmp_path: Path) -> None:
    """A plan by root must not leave files in the mirror of a service that this one cannot open."""
    commit = Forge(tmp_path).push(manifests__news_yaml=FLOW)
    settings = settings_of(tmp_path)
    settings.state.mkdir()
    os.chown(settings.state, 64_001, 64_002)

    seen = await wiring.source(settings).snapshot()

    assert seen.revision == commit
    assert [path.name for path in settings.state.iterdir()] == ["git-0"]
