"""What may be an address, a branch and a path."""

import subprocess
from pathlib import Path

import pytest

from reconciler.domain.errors import UsageError
from reconciler.sources.git.address import address_of, checked_branch, checked_path


@pytest.mark.parametrize(
    ("text", "scheme", "base"),
    [
        ("https://git.example/news/live.git", "https", "https://git.example"),
        ("https://git.example:8443/news", "https", "https://git.example:8443"),
        ("http://127.0.0.1:80/news", "http", "http://127.0.0.1:80"),
        ("http://[::1]/news", "http", "http://[::1]"),
        ("http://localhost/news", "http", "http://localhost"),
        ("ssh://git@git.example:2222/news.git", "ssh", ""),
        ("ssh://git.example/news.git", "ssh", ""),
        ("git@git.example:news/live.git", "ssh", ""),
        ("git.example:live.git", "ssh", ""),
        ("git://git.example/news", "git", ""),
        ("file:///srv/git/news.git", "file", ""),
        ("/srv/git/news.git", "file", ""),
        ("/srv/git/a:b@c.git", "file", ""),
    ],
)
def test_an_address_says_what_git_may_speak(text: str, scheme: str, base: str) -> None:
    """And for whom credentials are."""
    found = address_of(text)

    assert (found.text, found.scheme, found.base) == (text, scheme, base)


def test_a_path_does_not_depend_on_where_git_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is one of the working directory that people are in."""
    monkeypatch.chdir(tmp_path)

    assert address_of("forge.git").text == str(tmp_path / "forge.git")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no address"),
        ("--upload-pack=touch /tmp/x", "no address"),
        ("-oProxyCommand=x", "no address"),
        ("https://git.example/a b", "no address"),
        ("https://git.example/a\nb", "no address"),
        ("ext::sh -c id", "no address"),
        ("ext::id", "a program of its own choice"),
        ("fd::17/foo", "a program of its own choice"),
        ("::https://git.example/a", "the protocol"),
        ("ext://git.example/a", "the protocol 'ext'"),
        ("ftp://git.example/a", "the protocol 'ftp'"),
        ("https://anna@git.example/a", "a name or a password"),
        ("https://anna:hunter2@git.example/a", "a name or a password"),
        ("ssh://git:hunter2@git.example/a", "a name or a password"),
        ("ssh://-oProxyCommand=id@git.example/a", "a name or a password"),
        ("ssh://-oProxyCommand=id/a", "no host"),
        ("git@-oProxyCommand=id:a", "no address"),
        ("https:///a", "no host"),
        ("https://git.example", "no host and path"),
        ("https://git.example:x/a", "no URL"),
        ("https://git.example/a?private_token=hunter2", "behind a ? or #"),
        ("https://git.example/a#hunter2", "behind a ? or #"),
        ("http://git.example/a", "plain http to another machine"),
        ("file://elsewhere/a", "no path of this machine"),
    ],
)
def test_what_is_no_address_is_refused(text: str, told: str) -> None:
    """With the forms that there are, and without what may be a secret."""
    with pytest.raises(UsageError, match=told.replace("?", r"\?")) as refused:
        address_of(text)

    assert "source." in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_plain_http_may_be_allowed() -> None:
    """Where the way is one's own."""
    assert address_of("http://git.example/a", insecure_http=True).base == "http://git.example"


BRANCHES = [
    *("main", "feature/x", "a.b", "v1", "ünder", "-x", "--foo", "", "/a", "a/", "a//b", "a..b", "a.", ".a", "a/.b"),
    *("a.lock", "a.lock/b", "a b", "a~b", "a^b", "a:b", "a?", "a*", "a[b", "a\\b", "a@{b", "a\x7fb", "a\tb"),
]


@pytest.mark.parametrize("name", BRANCHES)
def test_branches_are_those_of_git(name: str) -> None:
    """Git's own check says the same."""
    git_says = subprocess.run(("git", "check-ref-format", f"refs/heads/{name}"), check=False).returncode == 0

    if git_says and not name.startswith("-"):
        assert checked_branch(name) == name
    else:
        with pytest.raises(UsageError, match="no name of a branch"):
            checked_branch(name)


@pytest.mark.parametrize("name", ["@", "HEAD", "a" * 251])
def test_names_that_mean_something_else_are_no_branches(name: str) -> None:
    """Or do not end."""
    with pytest.raises(UsageError, match="no name of a branch"):
        checked_branch(name)


@pytest.mark.parametrize(
    ("path", "within"),
    [("manifests", "manifests"), ("a/b/", "a/b"), ("./a", "a"), (".", ""), ("--x", "--x"), ("*", "*")],
)
def test_a_path_is_one_of_the_repository(path: str, within: str) -> None:
    """And never a pattern or an option: git is told that it is none."""
    assert checked_path(path) == within


@pytest.mark.parametrize("path", ["/etc", "../x", "a/../../b", "a\nb", ".git/hooks"])
def test_a_path_does_not_lead_out(path: str) -> None:
    """Whatever git would make of it."""
    with pytest.raises(UsageError, match="no path within a repository"):
        checked_path(path)
