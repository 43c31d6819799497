"""The folder of a flow."""

import os
from pathlib import Path

import pytest

from reconciler.media.processes import EngineUser, engine_user
from reconciler.relay.engines.home import FlowHome


def mode_of(path: Path) -> int:
    """Return the permissions of a file or folder."""
    return path.stat().st_mode & 0o777


def test_both_folders_are_their_owners_alone(tmp_path: Path) -> None:
    """Nobody else may look into them, and what they were made for is noted."""
    home = FlowHome(tmp_path / "flow-1", engine_user())

    before = home.kind
    home.make("rtmp")

    assert (before, home.kind) == ("", "rtmp")
    assert (mode_of(home.records), mode_of(home.run)) == (0o700, 0o700)


def test_a_link_in_the_engines_folder_is_replaced_and_never_followed(tmp_path: Path) -> None:
    """An engine that was taken over cannot make us write elsewhere."""
    precious = tmp_path / "precious"
    precious.write_text("untouched")
    home = FlowHome(tmp_path / "flow-1", None)
    home.make("rtmp")
    (home.run / "nginx.conf").symlink_to(precious)

    home.write("nginx.conf", b"ours")

    assert precious.read_text() == "untouched"
    assert (home.run / "nginx.conf").read_bytes() == b"ours"
    assert mode_of(home.run / "nginx.conf") == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give things away")
def test_the_engines_folder_is_theirs_and_our_records_are_not(tmp_path: Path) -> None:
    """They own where they work, and nothing above."""
    home = FlowHome(tmp_path / "flow-1", EngineUser(uid=65534, gid=65534))

    home.make("rtmp")
    home.write("nginx.conf", b"")

    owners = [path.stat().st_uid for path in (home.records, home.run, home.run / "nginx.conf")]
    assert owners == [0, 65534, 65534]


def test_it_is_removed_with_all_that_is_in_it(tmp_path: Path) -> None:
    """Nothing of a flow is left, and removing it twice is fine."""
    home = FlowHome(tmp_path / "flow-1", None)
    home.make("rtmp")
    home.write("nginx.conf", b"ours")

    home.remove()
    home.remove()

    assert list(tmp_path.iterdir()) == []
