"""Which files below a path are manifests."""

import os
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from reconciler.sources.listing import IGNORE_FILE, Ignored, folders, missing


def tree(root: Path, *names: str) -> None:
    """Make empty files of these names."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(root: Path) -> list[str]:
    """Return the names that are listed, relative to the root."""
    paths = [folder.path + name for folder in folders(root) for name in folder.names]
    return sorted(str(Path(path).relative_to(root)) for path in paths)


def test_manifests_are_found_at_any_depth(tmp_path: Path) -> None:
    """By their suffix, and not below hidden names."""
    tree(tmp_path, "a.yaml", "b.yml", "c.json", "deep/er/d.yaml", ".hidden.yaml", ".git/e.yaml", "yaml")

    assert found(tmp_path) == ["a.yaml", "b.yml", "deep/er/d.yaml"]


def test_a_named_file_is_taken_as_it_is(tmp_path: Path) -> None:
    """Whatever its name."""
    tree(tmp_path, ".odd.txt")

    assert [(one.path, one.names) for one in folders(tmp_path / ".odd.txt")] == [(f"{tmp_path}/", (".odd.txt",))]


def test_a_hidden_root_is_listed(tmp_path: Path) -> None:
    """Who names a hidden directory means it."""
    tree(tmp_path, ".manifests/a.yaml")

    assert found(tmp_path / ".manifests") == ["a.yaml"]


def test_links_to_directories_are_not_followed(tmp_path: Path) -> None:
    """So no loop is; links to files are files, also those that lead nowhere."""
    tree(tmp_path, "real/a.yaml", "elsewhere.txt")
    (tmp_path / "real" / "loop").symlink_to(tmp_path)
    (tmp_path / "real" / "loop.yaml").symlink_to(tmp_path)
    (tmp_path / "real" / "file.yaml").symlink_to(tmp_path / "elsewhere.txt")
    (tmp_path / "real" / "gone.yaml").symlink_to("nowhere")

    assert found(tmp_path) == ["real/a.yaml", "real/file.yaml", "real/gone.yaml"]


def test_a_directory_may_be_called_like_a_file(tmp_path: Path) -> None:
    """It is a directory."""
    tree(tmp_path, "d.yaml/a.yaml")

    assert found(tmp_path) == ["d.yaml/a.yaml"]


def test_ignored_names_are_not_listed(tmp_path: Path) -> None:
    """By gitignore's rules: folders, negation, anchors."""
    tree(tmp_path, "a.yaml", "drafts/b.yaml", "drafts/keep.yaml", "old/c.yaml", "x/old/d.yaml", "x/e.yml")
    (tmp_path / IGNORE_FILE).write_text("# not these\ndrafts/*\n!drafts/keep.yaml\n/old/\n*.yml\n")

    assert found(tmp_path) == ["a.yaml", "drafts/keep.yaml", "x/old/d.yaml"]


@pytest.mark.parametrize(
    "content", [pytest.param(b"\xff", id="not UTF-8"), pytest.param(b"!\n", id="no pattern"), None]
)
def test_an_ignore_file_that_cannot_be_read_is_a_problem(tmp_path: Path, content: bytes | None) -> None:
    """Reading what should be ignored would be worse than saying so."""
    tree(tmp_path, "a.yaml")
    if content is None:
        (tmp_path / IGNORE_FILE).mkdir()
    else:
        (tmp_path / IGNORE_FILE).write_bytes(content)

    problems = [one for one in folders(tmp_path) if one.problem]

    assert [one.path for one in problems] == [str(tmp_path / IGNORE_FILE)]


def test_a_directory_that_goes_meanwhile_is_a_problem(tmp_path: Path) -> None:
    """What was in it is not known, and must not pass for deleted."""
    tree(tmp_path, "a/x.yaml", "b/x.yaml")
    walk = folders(tmp_path)
    assert next(walk).names == []
    shutil.rmtree(tmp_path / "a")

    assert {one.path: one.problem for one in walk} == {
        str(tmp_path / "a"): "No such file or directory",
        f"{tmp_path}/b/": "",
    }


def test_a_directory_is_open_until_the_next(tmp_path: Path) -> None:
    """So that its files can be looked up in it; a walk that is given up leaves nothing open."""
    tree(tmp_path, "a/x.yaml")
    with closing(folders(tmp_path / "a")) as walk:
        folder = next(walk)
        assert os.stat("x.yaml", dir_fd=folder.descriptor) == (tmp_path / "a" / "x.yaml").stat()

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.stat("x.yaml", dir_fd=folder.descriptor)


def test_paths_are_shown_as_people_write_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a dot in front, whether a file or the folder that it is in was named."""
    tree(tmp_path, "a.yaml", "deep/b.yaml")
    monkeypatch.chdir(tmp_path)

    assert {one.path for one in folders(Path())} == {"", "deep/"}
    assert {one.path for one in folders(Path("deep"))} == {"deep/"}
    assert [(one.path, one.names) for one in folders(Path("a.yaml"))] == [("", ("a.yaml",))]


def test_missing(tmp_path: Path) -> None:
    """A link that leads nowhere is nothing, and so is what is below a file."""
    tree(tmp_path, "a.yaml")
    (tmp_path / "link").symlink_to("nowhere")
    absent = [tmp_path / "gone", tmp_path / "link", tmp_path / "a.yaml" / "below"]

    assert missing([tmp_path, tmp_path / "a.yaml", *absent]) == tuple(absent)


@pytest.mark.parametrize("content", [b"*a*a*b\n", b"**/a*/*b*/*c\n", b"#" * 70_000, b"b\n" * 1001])
def test_an_ignore_file_costs_no_more_than_any_tree_needs(content: bytes) -> None:
    """Matching takes longer with each wildcard of a line."""
    with pytest.raises(ValueError, match="too large"):
        Ignored(content)


def test_an_ignore_file_of_any_sort_ends(tmp_path: Path) -> None:
    """A pattern that is none, a mark of order, a pipe, and a device that never ends."""
    with pytest.raises(ValueError, match="a pattern is none"):
        Ignored(b"[z-a]\n")
    assert Ignored(b"\xef\xbb\xbfdrafts/\n").holds("drafts/")

    for name in ("pipe", "endless"):
        root = tmp_path / name
        root.mkdir()
        if name == "pipe":
            os.mkfifo(root / IGNORE_FILE)
        else:
            (root / IGNORE_FILE).symlink_to("/dev/zero")
        assert [one.path for one in folders(root) if one.problem] == [str(root / IGNORE_FILE)]


def test_what_is_in_a_directory_that_is_left_out_is_left_out() -> None:
    """However deep, and asked for again and again."""
    ignored = Ignored(b"sub/\n!sub/a.yaml\n/b.yaml\n")

    names = ["sub/a.yaml", "x/sub/y/z.yaml", "b.yaml", "x/b.yaml", "x/sub/", "x/subs/"]
    assert [ignored.holds_any(name) for name in names * 2] == [True, True, True, False, True, False] * 2
