"""Each signature passes once, over restarts, and no longer than it must be remembered."""

import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest

from reconciler.domain.errors import EnvironmentFailedError
from reconciler.relay.catalogue import CatalogueFailedError
from reconciler.relay.signatures import FILE_NAME, SignatureSpentError, SpentSignatures, TooManyWritesError

pytestmark = pytest.mark.anyio

NOW_S = 1_700_000_000


def signature(number: int) -> str:
    """Return one of many."""
    return f"{number:064x}"


def modes_in(folder: Path) -> dict[str, int]:
    """Return the permissions of every file."""
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def test_a_signature_passes_once(tmp_path: Path) -> None:
    """Of equal ones at the same moment a single one passes; others are not touched by that."""
    spent = await SpentSignatures.open(tmp_path)
    equal = [spent.spend(signature(1), timestamp_s=NOW_S, now_s=NOW_S) for _ in range(5)]

    outcomes = await asyncio.gather(*equal, return_exceptions=True)
    await spent.spend(signature(2), timestamp_s=NOW_S, now_s=NOW_S)
    await spent.close()

    assert sorted(type(each).__name__ for each in outcomes) == ["NoneType", *["SignatureSpentError"] * 4]


async def test_a_restart_does_not_make_it_good_again(tmp_path: Path) -> None:
    """What was let in is on the disk, in files that are the relay's alone."""
    before = await SpentSignatures.open(tmp_path)
    await before.spend(signature(1), timestamp_s=NOW_S, now_s=NOW_S)
    modes = modes_in(tmp_path)
    await before.close()

    after = await SpentSignatures.open(tmp_path)
    with pytest.raises(SignatureSpentError):
        await after.spend(signature(1), timestamp_s=NOW_S, now_s=NOW_S + 299)
    await after.close()

    assert FILE_NAME in modes
    assert set(modes.values()) == {0o600}


async def test_what_is_too_old_anyway_is_forgotten(tmp_path: Path) -> None:
    """No more is kept than may be; room comes back once the oldest are past their five minutes, and not before."""
    spent = await SpentSignatures.open(tmp_path, most=2)
    for number in (1, 2):
        await spent.spend(signature(number), timestamp_s=NOW_S, now_s=NOW_S)
    with pytest.raises(TooManyWritesError):
        await spent.spend(signature(3), timestamp_s=NOW_S + 300, now_s=NOW_S + 300)

    await spent.spend(signature(3), timestamp_s=NOW_S + 301, now_s=NOW_S + 301)
    await spent.close()
    again = await SpentSignatures.open(tmp_path, most=2)
    await again.spend(signature(4), timestamp_s=NOW_S + 301, now_s=NOW_S + 301)
    with pytest.raises(TooManyWritesError):
        await again.spend(signature(5), timestamp_s=NOW_S + 301, now_s=NOW_S + 301)
    await again.close()


async def test_a_disk_that_does_not_take_it_lets_nothing_pass(tmp_path: Path) -> None:
    """What cannot be remembered could be sent again."""
    spent = await SpentSignatures.open(tmp_path)
    with sqlite3.connect(tmp_path / FILE_NAME) as other:
        other.execute("DROP TABLE spent")
    other.close()

    with pytest.raises(CatalogueFailedError):
        await spent.spend(signature(1), timestamp_s=NOW_S, now_s=NOW_S)

    await spent.close()


async def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    """The message says how long to wait where the file is given up."""
    (tmp_path / FILE_NAME).write_bytes(b"nonsense" * 1000)

    with pytest.raises(EnvironmentFailedError, match="10 minutes before the next start"):
        await SpentSignatures.open(tmp_path)
