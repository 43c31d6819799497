"""Real servers of git on loopback: those that behave, those that ask who reads, and those that hang."""

import contextlib
import os
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest
import structlog

from reconciler.domain.errors import SourceUnreadableError
from reconciler.sources.git.access import Access
from reconciler.sources.git.address import address_of
from reconciler.sources.git.follower import Look
from tests.unit.sources.git.forge import Forge, follower, mirror_of
from tests.unit.sources.git.servers import daemon, half_daemon, silent, web

TOKEN: Final = "hunter2-canary"


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    """Give a repository with one commit."""
    made = Forge(tmp_path / "served")
    made.push()
    return made


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """Give the file of the token."""
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


def look(root: Path, url: str, **more: Any) -> Look:
    """Return what a follower sees of an address."""
    return follower(root, url, **more).look()


def test_a_git_daemon_is_followed(forge: Forge, tmp_path: Path) -> None:
    """Commit after commit."""
    with daemon(forge.home.parent) as port:
        url = f"git://127.0.0.1:{port}/forge.git"

        assert look(tmp_path, url).accepted == forge.tip()
        second = forge.push()
        assert look(tmp_path, url) == Look(accepted=second, tip=second, has_fetched=True)
        assert "repository not exported" in look(tmp_path, f"git://127.0.0.1:{port}/other.git").unreachable


def test_a_server_that_is_down_keeps_the_target(forge: Forge, tmp_path: Path) -> None:
    """Also after a restart."""
    with daemon(forge.home.parent) as port:
        url = f"git://127.0.0.1:{port}/forge.git"
        look(tmp_path, url)

    seen = look(tmp_path, url)

    assert seen.accepted == forge.tip()
    assert "Connection refused" in seen.unreachable


@pytest.mark.parametrize("url", ["git://127.0.0.1:{}/forge.git", "http://127.0.0.1:{}/forge.git"])
def test_a_server_that_says_nothing_is_not_waited_for(tmp_path: Path, url: str) -> None:
    """Longer than the settings say."""
    with silent() as port:
        seen = look(tmp_path, url.format(port), timeout_s=0.3)

    assert (seen.accepted, seen.unreachable) == ("", "There was no answer within 0.3 s (source.gitTimeoutS)")


def test_a_server_that_stops_in_a_pack_leaves_nothing(forge: Forge, tmp_path: Path) -> None:
    """The target stays, no half is kept, and the next fetch is not in its way."""
    forge.push(manifests__a_yaml=os.urandom(100_000))
    with daemon(forge.home.parent) as port, half_daemon(port, most_bytes=20_000) as half:
        url = f"git://127.0.0.1:{half}/forge.git"
        seen = look(tmp_path, url, timeout_s=0.7)

    home = mirror_of(tmp_path, url).home
    assert "no answer within 0.7 s" in seen.unreachable
    assert [path.name for path in home.rglob("*") if "tmp" in path.name or "lock" in path.name] == []


def test_a_token_is_given_to_who_asks(forge: Forge, tmp_path: Path, token_file: Path) -> None:
    """It is read each time, so that it may be renewed."""
    access = Access(token_file=token_file)
    with web(forge.home.parent, password=TOKEN) as server:
        url = f"http://127.0.0.1:{server.port}/forge.git"

        assert look(tmp_path, url, access=access).accepted == forge.tip()
        token_file.write_text("old")
        assert "Authentication failed" in look(tmp_path, url, access=access).unreachable
        token_file.write_text(f"{TOKEN}\r\nand a second line\n")
        assert look(tmp_path, url, access=access).trouble == ""
    assert {f"git:{TOKEN}", "git:old"} <= set(server.asked)


def test_without_a_token_it_is_told_what_to_give(forge: Forge, tmp_path: Path) -> None:
    """Nobody is asked on a terminal."""
    with web(forge.home.parent, password=TOKEN) as server:
        seen = look(tmp_path, f"http://127.0.0.1:{server.port}/forge.git")

    assert "give source.user and source.tokenFile" in seen.unreachable


def test_a_helper_may_say_who_asks(forge: Forge, tmp_path: Path) -> None:
    """A program of the operator's."""
    helper = tmp_path / "helper"
    helper.write_text(f'#!/bin/sh\n[ "$1" = get ] && printf "username=git\\npassword=%s\\n" {TOKEN}\n')
    helper.chmod(0o755)
    with web(forge.home.parent, password=TOKEN) as server:
        url = f"http://127.0.0.1:{server.port}/forge.git"

        assert look(tmp_path, url, access=Access(credential_helper=str(helper))).accepted == forge.tip()


def test_credentials_are_for_one_server(forge: Forge, tmp_path: Path, token_file: Path) -> None:
    """One that it sends us to gets none, though it asks."""
    with (
        web(forge.home.parent, password=TOKEN) as other,
        web(forge.home.parent, moved_to=f"http://127.0.0.1:{other.port}") as server,
    ):
        url = f"http://127.0.0.1:{server.port}/forge.git"
        seen = look(tmp_path, url, access=Access(token_file=token_file))

    assert "could not read Username" in seen.unreachable
    assert set(other.asked) == {""}


def test_a_server_may_have_moved(forge: Forge, tmp_path: Path) -> None:
    """Where nobody has to be trusted for that."""
    root = forge.home.parent
    with web(root) as other, web(root, moved_to=f"http://127.0.0.1:{other.port}") as server:
        seen = look(tmp_path, f"http://127.0.0.1:{server.port}/forge.git")

    assert seen.accepted == forge.tip()


def test_a_token_is_nowhere_to_be_seen(forge: Forge, tmp_path: Path, token_file: Path) -> None:
    """In no command line and no environment while git runs, in no file of ours, and in no message."""
    token = f"canary-{os.urandom(8).hex()}"
    token_file.write_text(token)
    variables = os.environ | {"STREAM_NEWS": token}
    seen: list[bytes] = []

    def spy() -> None:
        for name in ("cmdline", "environ"):
            for path in Path("/proc").glob(f"[0-9]*/{name}"):
                # Those that have ended meanwhile hide nothing.
                with contextlib.suppress(OSError):
                    seen.append(path.read_bytes())

    with web(forge.home.parent, password=token, spy=spy) as server:
        url = f"http://127.0.0.1:{server.port}/forge.git"
        following = follower(tmp_path, url, access=Access(token_file=token_file), variables=variables)
        with structlog.testing.capture_logs() as logs:
            told = [following.look()]
            server.refuses = True
            told.append(following.look())

    assert told[0].accepted == forge.tip()
    assert "error: 418" in told[1].unreachable
    assert any(b"remote-http" in one for one in seen)
    assert [one for one in seen if token.encode() in one] == []
    kept = [path for path in (tmp_path / "state").rglob("*") if path.is_file() and token.encode() in path.read_bytes()]
    assert kept == []
    assert token not in f"{told} {logs}"


def test_a_server_that_tells_the_token_is_not_repeated(token_file: Path) -> None:
    """It may say anything, and we quote it."""
    access = Access(token_file=token_file)

    assert access.without_secrets(f"remote: your token {TOKEN} is old") == "remote: your token *** is old"


@pytest.mark.parametrize("content", ["", "\nsecond", "x" * 5000])
def test_a_token_file_that_holds_none_is_told(tmp_path: Path, token_file: Path, content: str) -> None:
    """Before anybody is asked."""
    token_file.write_text(content)

    seen = look(tmp_path, "http://127.0.0.1:1/forge.git", access=Access(token_file=token_file))

    assert "source.tokenFile) does not hold one line" in seen.unreachable


def test_a_token_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With its name."""
    access = Access(token_file=tmp_path / "missing")

    assert "cannot be read: No such file" in look(tmp_path, "http://127.0.0.1:1/a.git", access=access).unreachable


def test_ssh_is_spoken_to_as_the_settings_say(forge: Forge, tmp_path: Path) -> None:
    """By a stand-in that writes down its words, and then is the server."""
    said, program = tmp_path / "said", tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nfor word in "$@"; do echo "$word" >> {said}; last=$word; done\nexec /bin/sh -c "$last"\n'
    )
    program.chmod(0o755)
    variables = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}", "SSH_AUTH_SOCK": "/agent"}
    access = Access(ssh_key=tmp_path / "a key", ssh_known_hosts=tmp_path / "100% known")
    url = f"ssh://git@forge.example:2222{forge.home}"

    assert look(tmp_path, url, access=access, variables=variables).accepted == forge.tip()
    words = said.read_text().splitlines()
    pairs = list(pairwise(words))
    assert ("-i", str(tmp_path / "a key")) in pairs
    assert ("-F", "none") in pairs
    assert ("-p", "2222") in pairs
    options = {word for flag, word in pairs if flag == "-o"}
    assert options >= {
        "BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes", "IdentityAgent=none", "ControlPath=none",
        f'UserKnownHostsFile="{tmp_path}/100%% known"', "GlobalKnownHostsFile=none", "PermitLocalCommand=no",
    }  # fmt: skip
    assert "SSH_AUTH_SOCK" not in access.environment(address_of(url), variables, timeout_s=1)


def test_a_file_that_is_away_fails_no_message(tmp_path: Path) -> None:
    """What cannot be read cannot have been told."""
    assert Access(token_file=tmp_path / "missing").without_secrets("x") == "x"
    with pytest.raises(SourceUnreadableError):
        Access(token_file=tmp_path / "missing").environment(
            address_of("https://forge.example/a"), os.environ, timeout_s=1
        )
