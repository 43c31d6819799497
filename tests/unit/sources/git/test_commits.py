"""Commit after commit read by one reader, which asks only for what differs from the one before."""

import os
import subprocess
from pathlib import Path

from reconciler.sources.git.repository import Repository

STEPS = {
    "the first": "mkdir m; echo a > m/a.yaml",
    "one more": "echo b > m/b.yaml",
    "another content": "echo other > m/a.yaml",
    "outside": "echo o > outside.yaml",
    "nothing": "true",
    "another name": "mv m/b.yaml m/c.yaml",
    "more than are asked for by name": "for n in $(seq 300); do echo $n > m/n$n.yaml; done",
    "one of many": "echo other > m/n7.yaml",
    "a folder for a file": "rm m/c.yaml; mkdir m/c.yaml; echo d > m/c.yaml/d.yaml",
    "some left out": "echo 'n1*.yaml' > m/.reconcilerignore",
    "what is left out": "echo other > m/n11.yaml",
    "nobody knows what is left out": "printf '\\377' > m/.reconcilerignore",
    "a file while nobody knows": "echo other > m/n12.yaml",
    "nothing left out": "rm m/.reconcilerignore",
    "a link": "ln -s a.yaml m/link.yaml",
    "a submodule": "git submodule --quiet add ../other m/module.yaml",
    "a file for a folder": "rm -r m/c.yaml; echo c > m/c.yaml",
    "another history": "git checkout --quiet --orphan another; git branch --quiet -D main",
    "one less": "rm m/a.yaml",
    "all of it": "rm -r m",
}
UNSEEN = {"outside", "nothing", "what is left out", "another history"}
"""What changes nothing of the manifests."""

Files = tuple[tuple[str, str, bytes], ...]


def run(script: str, where: Path) -> str:
    """Run a script of the shell in a directory, as somebody who may use git."""
    who = {f"GIT_{role}_{what}": "n@example" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    allowed = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "protocol.file.allow", "GIT_CONFIG_VALUE_0": "always"}
    done = subprocess.run(
        ["sh", "-ec", script], cwd=where, env=os.environ | who | allowed, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def files(of: Repository) -> Files:
    """Return the manifests of the newest commit, those of one place that is within another one asked for as well."""
    found = of.manifests(of.commit("HEAD"), [Path("m"), Path("m/a.yaml")])
    return tuple((file.path, file.problem, file.content) for file in found)


def test_each_commit_is_read_as_if_it_were_the_first(tmp_path: Path) -> None:
    """Files that come, go, move, become folders or are left out, other histories, and a commit that git has lost."""
    home = tmp_path / "home"
    run("git init --quiet other; cd other; echo x > x; git add x; git commit --quiet -m x", tmp_path)
    run("git init --quiet --initial-branch=main home", tmp_path)
    kept = Repository(home, environment=os.environ)
    seen: dict[str, Files] = {}

    for name, script in STEPS.items():
        run(f"{script}\ngit add --all\ngit commit --quiet --allow-empty -m x", home)

        seen[name] = files(kept)

        assert seen[name] == files(Repository(home, environment=os.environ)), name

    run("git checkout --quiet HEAD~1; git branch -D another; git reflog expire --expire=all --all", home)
    run("git gc --quiet --prune=now", home)
    assert files(kept) == seen["one less"]
    assert len(set(seen.values())) == len(STEPS.keys() - UNSEEN)


def test_what_did_not_change_is_the_same_value(tmp_path: Path) -> None:
    """Whoever reads it need not look at it again."""
    run("git init --quiet home; cd home; mkdir m; echo a > m/a.yaml; echo b > m/b.yaml", tmp_path)
    commit = "git add --all; git commit --quiet -m x"
    home = tmp_path / "home"
    run(commit, home)
    here = Repository(home, environment=os.environ)
    first = here.manifests(here.commit("HEAD"), [Path("m")])
    run(f"echo other > m/b.yaml; {commit}", home)

    second = here.manifests(here.commit("HEAD"), [Path("m")])

    assert second[0] is first[0]
    assert [file.content for file in second] == [b"a\n", b"other\n"]
