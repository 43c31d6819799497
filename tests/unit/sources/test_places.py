"""What to watch for given paths."""

import os
from pathlib import Path

from reconciler.sources.places import places


def test_a_directory_is_watched_with_what_is_below_and_its_parent_without(tmp_path: Path) -> None:
    """The parent tells when it goes, and when another one comes."""
    (tmp_path / "m").mkdir()

    found = places([tmp_path / "m"])

    assert found.directories == {str(tmp_path): False, str(tmp_path / "m"): True}
    assert found.roots == (str(tmp_path / "m"),)
    assert found.turns == {str(tmp_path / "m")}
    assert not found.absent


def test_every_link_on_the_way_is_a_turn(tmp_path: Path) -> None:
    """Absolute or relative, up and down, one behind the other."""
    (tmp_path / "real" / "m").mkdir(parents=True)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "up").symlink_to("../real")
    (tmp_path / "link").symlink_to(tmp_path / "a" / "up")

    found = places([tmp_path / "link" / "m"])

    assert found.roots == (str(tmp_path / "real" / "m"),)
    assert found.turns == {str(tmp_path / "link"), str(tmp_path / "a" / "up"), str(tmp_path / "real" / "m")}
    assert found.directories.keys() >= {str(tmp_path), str(tmp_path / "a"), str(tmp_path / "real")}


def test_a_path_is_followed_as_the_system_does(tmp_path: Path) -> None:
    """The name `..` after a link is the parent of what the link leads to; a given path has none left."""
    (tmp_path / "x" / "y").mkdir(parents=True)
    (tmp_path / "link").symlink_to("x/y/../y")

    assert places([tmp_path / "link"]).roots == (os.path.realpath(tmp_path / "link"),)


def test_what_is_not_there_is_waited_for_where_the_way_ends(tmp_path: Path) -> None:
    """At the first name that is missing, is no directory, or leads round and round."""
    (tmp_path / "file").touch()
    (tmp_path / "round").symlink_to("round")

    for name in ("gone", "file", "round"):
        found = places([tmp_path / name / "m"])
        assert found.turns == {str(tmp_path / name)}
        assert found.directories == {str(tmp_path): False}
        assert found.absent


def test_places_are_others_when_a_directory_is_made_anew(tmp_path: Path) -> None:
    """Also under the same name; and the same while nothing of that kind happens."""
    (tmp_path / "m").mkdir()
    before = places([tmp_path / "m"])
    (tmp_path / "m" / "a.yaml").touch()
    assert places([tmp_path / "m"]) == before

    (tmp_path / "m").rename(tmp_path / "away")
    (tmp_path / "m").mkdir()

    assert places([tmp_path / "m"]) != before


def test_the_whole_file_system_is_a_root(tmp_path: Path) -> None:
    """It has no parent, and what is below it is held."""
    del tmp_path
    found = places([Path("/")])

    assert (found.roots, found.directories) == (("/",), {"/": True})
    assert found.holds("/srv/a.yaml")
