"""Manifests of this machine, for a loop."""

import asyncio
from pathlib import Path

import pytest

from reconciler.sources.directory import DirectorySource
from reconciler.sources.scanning import Scanner


@pytest.mark.anyio
async def test_a_snapshot_is_a_scan(tmp_path: Path) -> None:
    """Taken in a thread, so that the loop goes on."""
    (tmp_path / "a.yaml").write_text("1")
    source = DirectorySource([tmp_path])

    assert await source.snapshot() == Scanner([tmp_path]).scan()
    assert source.name == str(tmp_path)


@pytest.mark.anyio
async def test_a_source_is_watched_once(tmp_path: Path) -> None:
    """And closed as often as one likes, watched or not."""
    source = DirectorySource([tmp_path])
    source.close()
    assert source.watch_problem == ""

    source.watch(asyncio.Event())
    try:
        with pytest.raises(RuntimeError):
            source.watch(asyncio.Event())
        assert source.watch_problem == ""
    finally:
        source.close()
        source.close()
