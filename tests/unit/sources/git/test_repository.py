"""Manifests as a commit has them, in real repositories."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.domain.errors import EnvironmentFailedError, UsageError
from reconciler.sources.git.repository import Repository
from reconciler.sources.scanning import Scanner

Git = Callable[..., str]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give a repository with a first commit."""
    root = tmp_path / "repository"
    root.mkdir()
    git_in(root)("init", "--quiet", "--initial-branch=main")
    return root


def git_in(root: Path) -> Git:
    """Return what runs git in a directory, as somebody."""

    def run(*arguments: str) -> str:
        settings = ("-c", "user.name=n", "-c", "user.email=n@example", "-c", "protocol.file.allow=always")
        done = subprocess.run(["git", *settings, *arguments], cwd=root, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    return run


def commit(root: Path, **files: str) -> str:
    """Commit files, by their names with `__` for a slash; return the commit."""
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_yaml", ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git = git_in(root)
    git("add", "--all")
    git("commit", "--quiet", "--allow-empty", "--message=x")
    return git("rev-parse", "HEAD")


def repository(root: Path, **more: int) -> Repository:
    """Return the repository that a directory is in."""
    return Repository(root, environment=os.environ, **more)


def read(root: Path, revision: str, *paths: str) -> dict[str, str]:
    """Return the manifests of a commit: content, or why there is none."""
    here = repository(root)
    files = here.manifests(here.commit(revision), [Path(path) for path in paths or (".",)])
    return {file.path: file.problem or file.content.decode() for file in files}


def test_a_commit_is_read_whatever_the_files_are_now(home: Path) -> None:
    """By any name that it has."""
    first = commit(home, m__a_yaml="one", m__b_yaml="two", README="no")
    commit(home, m__a_yaml="changed")
    (home / "m" / "a.yaml").write_text("now")

    assert read(home, first, "m") == {"m/a.yaml": "one", "m/b.yaml": "two"}
    assert read(home, "HEAD~1", "m") == read(home, first[:10], "m") == read(home, first, "m")
    assert read(home, "main", "m/a.yaml") == {"m/a.yaml": "changed"}


def test_paths_are_those_of_the_working_directory(home: Path) -> None:
    """From within a folder, too, as people give them."""
    commit(home, sub__m__a_yaml="one", other_yaml="two")

    assert read(home / "sub", "HEAD", "m") == {"m/a.yaml": "one"}
    assert read(home / "sub", "HEAD", "../other.yaml") == {"../other.yaml": "two"}
    assert read(home / "sub", "HEAD", str(home / "sub" / "m")) == {str(home / "sub" / "m" / "a.yaml"): "one"}


def test_the_same_files_are_read_as_from_the_disk(home: Path) -> None:
    """No hidden ones, none that the commit's own list ignores."""
    commit(home, a_yaml="1", b_txt="no", **{".hidden_yaml": "no", ".git2__c_yaml": "no"})
    (home / ".reconcilerignore").write_text("drafts/\n")
    commit(home, drafts__d_yaml="no", sub__e_yaml="2")

    assert read(home, "HEAD") == {"a.yaml": "1", "sub/e.yaml": "2"}


def test_what_a_commit_does_not_have_is_nothing(home: Path) -> None:
    """A folder that came later, for example."""
    first = commit(home, a_yaml="1")
    commit(home, later__b_yaml="2")

    assert read(home, first, "later") == {}


def test_a_commit_leaves_out_what_the_disk_would(home: Path) -> None:
    """What is in a directory that is left out is never looked at, whatever else is said of it."""
    files = {"sub__a_yaml": "1", "b_yaml": "2", "deep__sub__c_yaml": "3", "deep__d_yaml": "4"}
    (home / ".reconcilerignore").write_text("sub/\n!sub/a.yaml\n/deep/d.yaml\n")
    commit(home, **files)

    on_disk = {file.path.removeprefix(f"{home}/") for file in Scanner([home]).scan().files}

    assert read(home, "HEAD").keys() == on_disk == {"b.yaml"}


@pytest.mark.parametrize("content", [b"!\n", b"\xff", b"*a*a*a\n", b"[z-a]\n", b"#" * 70_000, None])
def test_what_cannot_be_left_out_is_told(home: Path, content: bytes | None) -> None:
    """Reading what should be left out would be worse; a link may lead anywhere."""
    path = home / ".reconcilerignore"
    if content is None:
        path.symlink_to("b.txt")
    else:
        path.write_bytes(content)
    commit(home, a_yaml="1", b_txt="*")

    found = read(home, "HEAD")

    assert found["a.yaml"] == "1"
    assert "gitignore patterns" in found[".reconcilerignore"]


def test_an_object_that_is_missing_is_no_file_that_is_gone(home: Path) -> None:
    """It fails: a plan without it would delete what it describes."""
    commit(home, a_yaml="1", b_yaml="2")
    blob = git_in(home)("rev-parse", "HEAD:a.yaml")
    (home / ".git" / "objects" / blob[:2] / blob[2:]).unlink()

    with pytest.raises(EnvironmentFailedError, match="objects are missing"):
        read(home, "HEAD")


def test_two_commits_meet_where_they_parted(home: Path) -> None:
    """Some have nothing in common; in a shallow clone that cannot be known."""
    first = commit(home, a_yaml="1")
    git = git_in(home)
    git("checkout", "--quiet", "-b", "branch")
    mine = commit(home, b_yaml="2")
    git("checkout", "--quiet", "main")
    theirs = commit(home, c_yaml="3")
    git("checkout", "--quiet", "--orphan", "other")
    stranger = commit(home, d_yaml="4")

    here = repository(home)

    assert [here.meeting(theirs, one) for one in (mine, first, stranger)] == [first, first, None]
    with pytest.raises(EnvironmentFailedError):
        here.meeting("0" * 40, mine)


def test_a_commit_that_another_one_is_put_in_place_of_is_read(home: Path) -> None:
    """`git replace` changes what people see, and not what the commit is."""
    first = commit(home, a_yaml="1")
    second = commit(home, a_yaml="2")
    git_in(home)("replace", first, second)

    assert read(home, first) == {"a.yaml": "1"}


def test_what_a_partial_clone_lacks_is_not_fetched(home: Path, tmp_path: Path) -> None:
    """Reading asks nobody: not even the repository that this one was cloned from."""
    commit(home, a_yaml="1")
    git_in(home)("config", "uploadpack.allowFilter", "true")
    git_in(tmp_path)("clone", "--quiet", "--no-checkout", "--filter=blob:none", f"file://{home}", "partial")

    with pytest.raises(EnvironmentFailedError):
        read(tmp_path / "partial", "HEAD")


@pytest.mark.parametrize(
    "revision",
    [
        "",
        "-",
        "--help",
        "--output=x",
        "nowhere",
        "HEAD:a.yaml",
        "a b",
        "\n",
        "HEAD\n",
        "HEAD\0",
        "x" * 300,
        "@{upstream}",
        "\x1b[31m",
    ],
)
def test_what_is_no_commit_is_wrong_usage(home: Path, revision: str) -> None:
    """Above all what looks like an option; what is said of it can be shown."""
    commit(home, a_yaml="1")

    with pytest.raises(UsageError) as raised:
        repository(home).commit(revision)

    assert str(raised.value).isprintable()
    assert not (home / "x").exists()


def test_a_path_outside_is_wrong_usage(home: Path, tmp_path: Path) -> None:
    """Nothing beyond the repository is read."""
    first = commit(home, a_yaml="1")
    (tmp_path / "outside.yaml").write_text("secret")

    with pytest.raises(UsageError, match="not in the repository"):
        repository(home).manifests(first, [tmp_path / "outside.yaml"])


def test_a_directory_without_a_repository_is_wrong_usage(tmp_path: Path) -> None:
    """The message says so."""
    with pytest.raises(UsageError, match="no git repository"):
        repository(tmp_path).commit("HEAD")


def test_links_and_submodules_are_not_followed(home: Path, tmp_path: Path) -> None:
    """Both are told, wherever they lead."""
    (tmp_path / "secret.yaml").write_text("secret")
    other = tmp_path / "other"
    other.mkdir()
    git_in(other)("init", "--quiet")
    commit(other, inner_yaml="inner")
    (home / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (home / "folder").symlink_to(tmp_path)
    git_in(home)("submodule", "--quiet", "add", str(other), "module")
    commit(home, a_yaml="1")

    found = read(home, "HEAD")

    assert found == {
        "a.yaml": "1",
        "link.yaml": "it is a symbolic link, and links of a commit are not followed",
        "module": "it is a submodule, and those of a commit are not followed",
    }


def test_large_files_are_not_read(home: Path) -> None:
    """Nor asked for: the commit says how large they are."""
    first = commit(home, a_yaml="x" * 100, b_yaml="1")

    files = repository(home, max_file_bytes=99).manifests(first, [Path()])

    assert [file.problem for file in files] == ["it has 100 bytes, and at most 99 are read", ""]


def test_a_repository_runs_nothing(home: Path, tmp_path: Path) -> None:
    """No monitor, hook, filter, diff, pager, helper or transport that its settings name."""
    trap, sprung = tmp_path / "trap", tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\ntouch {sprung}\n")
    trap.chmod(0o755)
    git = git_in(home)
    for name in ("core.fsmonitor", "core.pager", "core.sshCommand", "diff.external", "credential.helper"):
        git("config", name, str(trap))
    git("config", "core.hooksPath", str(tmp_path))
    git("config", "filter.x.smudge", str(trap))
    git("config", "diff.x.textconv", str(trap))
    git("config", "remote.origin.url", f"ext::{trap}")
    git("config", "extensions.partialClone", "origin")
    git("config", "remote.origin.promisor", "true")
    (home / ".gitattributes").write_text("*.yaml filter=x diff=x\n")
    (home / "a.yaml").write_text("1")
    subprocess.run(["git", "-c", "filter.x.smudge=", "-c", "core.fsmonitor=", "add", "--all"], cwd=home, check=True)
    subprocess.run(
        ["git", "-c", "user.name=n", "-c", "user.email=n@e", "-c", "core.fsmonitor=", "commit", "--quiet", "-m", "x"],
        cwd=home, check=True,
    )  # fmt: skip
    sprung.unlink(missing_ok=True)

    assert read(home, "HEAD") == {"a.yaml": "1"}
    with pytest.raises(UsageError):
        repository(home).commit("0" * 40)
    assert not sprung.exists()


def test_our_environment_is_not_gits(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would lead it elsewhere does not count."""
    commit(home, a_yaml="1")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.worktree")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "/nowhere")

    assert read(home, "HEAD") == {"a.yaml": "1"}


def test_without_git_it_is_said(home: Path, tmp_path: Path) -> None:
    """As a fault of the machine."""
    with pytest.raises(EnvironmentFailedError, match="git is not installed"):
        Repository(home, environment={"PATH": str(tmp_path)}).commit("HEAD")


def test_names_of_any_bytes_are_shown_escaped(home: Path) -> None:
    """A name may hold line ends, and what is no text."""
    path = os.fsencode(home) + b"/a\n\xff.yaml"
    Path(os.fsdecode(path)).write_text("1")
    commit(home)

    assert list(read(home, "HEAD")) == ["a\\n\\udcff.yaml"]


def test_where_a_branch_began_cannot_be_known_of_a_shallow_clone(home: Path, tmp_path: Path) -> None:
    """It is told what to fetch: a plan from anywhere else would delete what others have merged."""
    commit(home, a_yaml="1")
    git = git_in(home)
    git("checkout", "--quiet", "-b", "branch")
    commit(home, b_yaml="2")
    git("checkout", "--quiet", "main")
    commit(home, c_yaml="3")
    git_in(tmp_path)("clone", "--quiet", "--depth=1", "--no-single-branch", f"file://{home}", "shallow")
    here = repository(tmp_path / "shallow")

    with pytest.raises(UsageError, match="fetch-depth: 0"):
        here.meeting(here.commit("origin/main"), here.commit("origin/branch"))


def test_a_name_that_no_disk_has_is_told(home: Path) -> None:
    """Nobody can have checked it out, and matching it would take long."""
    commit(home, a_yaml="1")
    git = git_in(home)
    blob = git("rev-parse", "HEAD:a.yaml")
    entry = f"100644 blob {blob}\t{'a' * 4000}.yaml\n"
    done = subprocess.run(["git", "mktree"], input=entry, cwd=home, capture_output=True, text=True, check=True)
    made = git("commit-tree", "-m", "x", done.stdout.strip())

    (problem,) = read(home, made).values()

    assert "longer than any that a disk has" in problem
