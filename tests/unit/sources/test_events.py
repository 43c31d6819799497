"""Hints from the file system."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from watchdog.events import FileModifiedEvent, FileOpenedEvent, FileSystemEvent

from reconciler.sources.events import Watch

pytestmark = pytest.mark.anyio

DEADLINE_S = 20.0


@contextmanager
def watching(*paths: Path) -> Iterator[tuple[Watch, asyncio.Event]]:
    """Watch some paths, and the event that is set."""
    hint = asyncio.Event()
    watch = Watch(paths, hint, asyncio.get_running_loop())
    try:
        yield watch, hint
    finally:
        watch.close()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda root: (root / "a.yaml").write_text("2"), id="a file is written"),
        pytest.param(lambda root: (root / "b.yml").write_text("1"), id="a file is made"),
        pytest.param(lambda root: (root / "a.yaml").unlink(), id="a file goes"),
        pytest.param(lambda root: (root / "x.txt").rename(root / "x.yaml"), id="a file gets the name of a manifest"),
        pytest.param(lambda root: (root / "deep" / "c.yaml").write_text("1"), id="below"),
        pytest.param(lambda root: (root / "deep").rename(root.parent / "away"), id="a directory goes"),
        pytest.param(lambda root: (root / ".reconcilerignore").write_text("*"), id="what is ignored"),
    ],
)
async def test_changes_are_noticed(tmp_path: Path, change: Callable[[Path], object]) -> None:
    """Whatever changes what would be read sets the event."""
    root = tmp_path / "manifests"
    (root / "deep").mkdir(parents=True)
    (root / "a.yaml").write_text("1")
    (root / "x.txt").write_text("1")

    with watching(root) as (_, hint):
        change(root)
        await asyncio.wait_for(hint.wait(), DEADLINE_S)


async def test_a_single_file_is_watched_through_its_directory(tmp_path: Path) -> None:
    """Also when editors replace it; its neighbours matter as manifests only."""
    file = tmp_path / "odd.txt"
    file.write_text("1")

    with watching(file) as (_, hint):
        (tmp_path / "new.txt").write_text("2")
        (tmp_path / "new.txt").replace(file)
        await asyncio.wait_for(hint.wait(), DEADLINE_S)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        pytest.param(FileModifiedEvent("/m/a.yaml"), True, id="a manifest"),
        pytest.param(FileModifiedEvent(b"/m/a.yaml"), True, id="a manifest in bytes"),
        pytest.param(FileModifiedEvent("/m/sub"), True, id="what may be a directory"),
        pytest.param(FileOpenedEvent("/m/a.yaml"), False, id="only opened"),
        pytest.param(FileModifiedEvent("/m/a.txt"), False, id="another file"),
        pytest.param(FileModifiedEvent("/m/.a.yaml.swp"), False, id="an editor's own"),
        pytest.param(FileModifiedEvent("/m/.git/refs/heads/main"), False, id="git's own"),
    ],
)
async def test_only_what_matters_is_a_hint(tmp_path: Path, event: FileSystemEvent, *, expected: bool) -> None:
    """Reading, and what is never read, wakes nobody."""
    with watching(tmp_path) as (watch, hint):
        watch.dispatch(event)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

        assert hint.is_set() is expected


async def test_a_watch_that_cannot_be_is_a_problem_and_no_failure(tmp_path: Path) -> None:
    """Rescans find changes all the same."""
    gone = tmp_path / "gone" / "x.yaml"

    with watching(gone) as (watch, _):
        assert watch.problem.startswith("changes are found on the timer only: ")


def test_an_event_after_the_loop_has_ended_is_nobodys(tmp_path: Path) -> None:
    """The observer's thread does not fail of it."""

    async def watched() -> Watch:
        return Watch([tmp_path], asyncio.Event(), asyncio.get_running_loop())

    watch = asyncio.run(watched())
    try:
        watch.dispatch(FileModifiedEvent("/m/a.yaml"))
    finally:
        watch.close()
