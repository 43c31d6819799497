"""Manifests of this machine, for a loop."""

import asyncio
from pathlib import Path

import pytest

from reconciler.sources.directory import DirectorySource
from reconciler.sources.scanning import Scanner
from tests.fakes.clock import FakeClock


def source_at(path: Path) -> DirectorySource:
    """Return the source of a tree whose clock stands still."""
    return DirectorySource([path], proofs=path / ".watch", clock=FakeClock(auto=False))


@pytest.mark.anyio
async def test_a_snapshot_is_a_scan(tmp_path: Path) -> None:
    """Taken in a thread, so that the loop goes on."""
    (tmp_path / "a.yaml").write_text("1")
    source = source_at(tmp_path)

    assert await source.snapshot() == Scanner([tmp_path]).scan()
    assert source.name == str(tmp_path)


@pytest.mark.anyio
async def test_a_source_is_watched_once_at_a_time(tmp_path: Path) -> None:
    """And closed as often as one likes, watched or not; then it may be watched again."""
    source = source_at(tmp_path)
    source.close()
    assert (source.watch_problem, source.proven_at) == ("", None)

    source.watch(asyncio.Event())
    try:
        with pytest.raises(RuntimeError):
            source.watch(asyncio.Event())
        assert source.watch_problem == ""
        async with asyncio.timeout(30):
            while source.proven_at is None:  # noqa: ASYNC110 -- nobody is told of it.
                await asyncio.sleep(0)
        assert source.proven_at == FakeClock().now()
    finally:
        source.close()
        source.close()

    hint = asyncio.Event()
    source.watch(hint)
    source.wake()
    source.close()
    assert hint.is_set()
