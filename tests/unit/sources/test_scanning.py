"""Trees of manifests on disk."""

import mmap
import os
import socket
from pathlib import Path

import pytest

from reconciler.domain.errors import SourceUnreadableError
from reconciler.sources.scanning import Scanner, shown

YEAR_NS = 365 * 24 * 3600 * 10**9


def write(root: Path, **contents: str) -> None:
    """Write files of these names, `.yaml` added."""
    root.mkdir(exist_ok=True)
    for name, text in contents.items():
        (root / f"{name}.yaml").write_text(text)


def settled(*paths: Path) -> Scanner:
    """Return a source to which every file has settled long ago."""
    return Scanner(paths, now_ns=lambda: 200 * YEAR_NS)


def test_files_are_in_the_order_of_their_paths(tmp_path: Path) -> None:
    """With their content, and the name of the source says where they are."""
    write(tmp_path, b="2", a="1")

    scanner = Scanner([tmp_path])

    assert [(file.path, file.content) for file in scanner.scan().files] == [
        (str(tmp_path / "a.yaml"), b"1"),
        (str(tmp_path / "b.yaml"), b"2"),
    ]


def test_who_looks_once_needs_no_revision(tmp_path: Path) -> None:
    """The files are the same."""
    write(tmp_path, b="2", a="1")

    assert Scanner([tmp_path]).files() == Scanner([tmp_path]).scan().files


def test_a_file_below_two_paths_is_one(tmp_path: Path) -> None:
    """Rules between documents see the union."""
    write(tmp_path, a="1", b="2")

    files = Scanner([tmp_path, tmp_path / "a.yaml", tmp_path / "."]).scan().files

    assert [file.content for file in files] == [b"1", b"2"]


def test_a_file_with_two_names_is_one(tmp_path: Path) -> None:
    """It keeps the name that was found first: a link to its folder was named as well."""
    write(tmp_path / "real", a="1")
    (tmp_path / "link").symlink_to("real")

    by_link = Scanner([tmp_path / "link", tmp_path / "real"]).scan().files
    by_folder = Scanner([tmp_path / "real", tmp_path / "link"]).scan().files

    assert [file.path for file in (*by_link, *by_folder)] == [
        str(tmp_path / "link" / "a.yaml"),
        str(tmp_path / "real" / "a.yaml"),
    ]


def test_a_revision_names_the_content(tmp_path: Path) -> None:
    """The same content has the same revision, and any change another."""
    write(tmp_path / "x", a="1")
    scanner = Scanner([tmp_path / "x"])
    revisions = [scanner.scan().revision, scanner.scan().revision]

    write(tmp_path / "x", a="2")
    revisions.append(scanner.scan().revision)
    (tmp_path / "x" / "a.yaml").rename(tmp_path / "x" / "b.yaml")
    revisions.append(scanner.scan().revision)
    write(tmp_path / "x", a="")
    revisions.append(scanner.scan().revision)
    (tmp_path / "x" / "a.yaml").unlink()
    (tmp_path / "x" / "b.yaml").rename(tmp_path / "x" / "a.yaml")
    write(tmp_path / "x", a="1")
    revisions.append(scanner.scan().revision)

    assert revisions[0] == revisions[1] == revisions[5]
    assert len(set(revisions)) == 4


def test_a_path_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    """An empty tree would mean that nothing is desired."""
    with pytest.raises(SourceUnreadableError, match="gone"):
        Scanner([tmp_path, tmp_path / "gone"]).scan()


def test_what_cannot_be_read_is_a_problem_of_its_own(tmp_path: Path) -> None:
    """Nobody waits for a pipe, and the other files are read."""
    write(tmp_path, a="1")
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "gone.yaml").symlink_to("nowhere")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.yaml"))

        files = Scanner([tmp_path]).scan().files

    assert {Path(file.path).name: file.problem for file in files} == {
        "a.yaml": "",
        "gone.yaml": "No such file or directory",
        "loop.yaml": "Too many levels of symbolic links",
        "pipe.yaml": "it is not a regular file",
        "socket.yaml": "it is not a regular file",
    }


def test_a_directory_that_vanishes_is_a_problem(tmp_path: Path) -> None:
    """The rest of the tree is read."""
    write(tmp_path, a="1")
    deep = tmp_path / "deep"
    deep.mkdir(mode=0)
    scanner = Scanner([tmp_path])

    problems = {Path(file.path).name: file.problem for file in scanner.scan().files}

    # Root may list what others may not.
    assert problems == ({"a.yaml": ""} if os.geteuid() == 0 else {"a.yaml": "", "deep": "Permission denied"})


def test_a_file_beyond_the_bound_is_not_read(tmp_path: Path) -> None:
    """Its size is told, and a hundred megabytes stay on the disk."""
    with (tmp_path / "large.yaml").open("wb") as file:
        file.truncate(100 * 1024 * 1024)

    (file_read,) = Scanner([tmp_path]).scan().files

    assert file_read.problem == "it has 104857600 bytes, and at most 16777216 are read"
    assert file_read.content == b""


def test_unchanged_files_are_not_read_again(tmp_path: Path) -> None:
    """The very same values come back, so that readers may keep what they know of them."""
    write(tmp_path, a="1", b="2")
    scanner = settled(tmp_path)
    before = scanner.scan()

    write(tmp_path, b="3")
    after = scanner.scan()

    assert after.files[0] is before.files[0]
    assert after.files[1].content == b"3"


def test_a_file_that_changed_just_now_is_read_again(tmp_path: Path) -> None:
    """Within a tick of the file system's clock a second change leaves no trace but the content."""
    write(tmp_path, a="1")
    path = tmp_path / "a.yaml"
    scanner = Scanner([tmp_path], now_ns=lambda: path.stat().st_ctime_ns)

    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[:1] = b"2"
        before = scanner.scan()
        # What is written into a page that was written to before leaves no trace either.
        memory[:1] = b"3"
        after = scanner.scan()

    assert [one.files[0].content for one in (before, after)] == [b"2", b"3"]
    assert after.revision != before.revision


def test_the_same_content_is_the_same_value(tmp_path: Path) -> None:
    """A file that was only touched costs its reader nothing."""
    write(tmp_path, a="1")
    scanner = settled(tmp_path)
    before = scanner.scan()

    (tmp_path / "a.yaml").unlink()
    write(tmp_path, a="1")

    assert scanner.scan().files[0] is before.files[0]


def test_a_mended_file_is_read(tmp_path: Path) -> None:
    """A problem is never kept."""
    (tmp_path / "a.yaml").symlink_to("b.txt")
    scanner = settled(tmp_path)
    before = scanner.scan()

    (tmp_path / "b.txt").write_text("1")
    after = scanner.scan()

    assert (before.files[0].problem, after.files[0].problem) == ("No such file or directory", "")
    assert after.files[0].content == b"1"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("manifests/é.yaml", "manifests/é.yaml"),
        ("a\nb.yaml", "a\\nb.yaml"),
        ("\x1b[31m.yaml", "\\x1b[31m.yaml"),
        ("a\udcff.yaml", "a\\udcff.yaml"),
        ("a\\xff.yaml", "a\\\\xff.yaml"),
        ("manifests\\a.yaml", "manifests\\\\a.yaml"),
        ("::error::a.yaml", "\\x3a:error::a.yaml"),
        (" ::error::a.yaml", " \\x3a:error::a.yaml"),
        (":", "\\x3a"),
        ("a\udc85.yaml", "a\\udc85.yaml"),
        ("a\x85.yaml", "a\\x85.yaml"),
        ("a##[group]b.yaml", "a\\x23#[group]b.yaml"),
    ],
)
def test_paths_are_shown_so_that_they_can_be_printed(path: str, expected: str) -> None:
    """Names of files are bytes, and some of them would move the cursor."""
    assert shown(path) == expected


def test_a_name_that_is_no_text_is_read(tmp_path: Path) -> None:
    """Linux allows any bytes in a name."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.yaml")).write_text("1")

    (file,) = Scanner([tmp_path]).scan().files

    assert (file.path, file.content) == (f"{tmp_path}/\\udcff.yaml", b"1")
