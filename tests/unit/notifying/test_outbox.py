"""What is remembered of who was told what."""

import stat
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from reconciler.notifying.outbox import FILE_NAME, LEAST_LINES, Outbox

pytestmark = pytest.mark.anyio


async def test_what_was_put_is_there_for_the_next_process(tmp_path: Path) -> None:
    """The newest value of each key, without those that were forgotten; for the owner's eyes alone."""
    path = tmp_path / "state" / FILE_NAME
    outbox = Outbox(path)

    outbox.put("ops", [("a", 1), ("b", {"x": "ü"})])
    await outbox.commit()
    outbox.put("ops", [("a", 2), ("b", None)])
    outbox.put("gone", [("a", 3)])
    await outbox.commit()

    assert Outbox(path).load(["ops", "new"]) == {"ops": {"a": 2}, "new": {}}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_line_that_a_crash_tore_loses_itself_alone(tmp_path: Path) -> None:
    """Those before it, and those that are written after it, are read; so are they beside what is no line of ours."""
    path = tmp_path / FILE_NAME
    first = Outbox(path)
    first.put("ops", [("a", 1)])
    await first.commit()
    with path.open("ab") as file:
        file.write(b'[9,"ops","a",7]\n{}\nnull\n\xff\n[1,"ops","a",')

    second = Outbox(path)
    second.load(["ops"])
    second.put("ops", [("b", 2)])
    await second.commit()

    assert Outbox(path).load(["ops"]) == {"ops": {"a": 1, "b": 2}}


async def test_the_file_stays_small(tmp_path: Path) -> None:
    """Most of what is written is old soon."""
    path = tmp_path / FILE_NAME
    outbox = Outbox(path)

    for batch in range(5):
        outbox.put("ops", [(str(number), batch) for number in range(LEAST_LINES // 2)])
        await outbox.commit()

    assert len(path.read_bytes().splitlines()) <= LEAST_LINES
    assert Outbox(path).load(["ops"])["ops"] == dict.fromkeys(map(str, range(LEAST_LINES // 2)), 4)
    assert not (tmp_path / f".{FILE_NAME}.new").exists()


async def test_a_file_that_cannot_be_written_is_told_once_and_written_whole_later(tmp_path: Path) -> None:
    """Nobody waits for it, and nothing of it is lost."""
    path = tmp_path / FILE_NAME
    path.mkdir()
    outbox = Outbox(path)

    with capture_logs() as logs:
        outbox.load(["ops"])
        for number in range(3):
            outbox.put("ops", [(str(number), number)])
            await outbox.commit()
        path.rmdir()
        outbox.put("ops", [("0", None)])
        await outbox.commit()

    assert [each["event"] for each in logs] == ["notify.outbox_failed", "notify.outbox_recovered"]
    assert Outbox(path).load(["ops"]) == {"ops": {"1": 1, "2": 2}}


async def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    """What somebody points it at is not written to."""
    (tmp_path / FILE_NAME).symlink_to(tmp_path / "elsewhere")
    outbox = Outbox(tmp_path / FILE_NAME)

    with capture_logs() as logs:
        outbox.put("ops", [("a", 1)])
        await outbox.commit()

    assert [each["event"] for each in logs] == ["notify.outbox_failed"]
    assert not (tmp_path / "elsewhere").exists()
