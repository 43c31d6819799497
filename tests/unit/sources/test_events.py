"""Hints from the file system."""

import asyncio
import contextlib
import json
import logging
import os
import resource
import shutil
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from watchdog.events import FileModifiedEvent
from watchdog.utils import BaseThread

from reconciler.sources.events import BEAT_S, SEEN_WITHIN_S, Watch
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio

DEADLINE_S = 30.0


@dataclass
class Watched:
    """A watch at work."""

    watch: Watch
    hint: asyncio.Event
    clock: FakeClock
    logs: list[Any]

    async def hinted(self, change: Callable[[], object]) -> None:
        """Make a change, and wait for the hint of it."""
        self.hint.clear()
        change()
        await asyncio.wait_for(self.hint.wait(), DEADLINE_S)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds that threads bring about."""
        async with asyncio.timeout(DEADLINE_S):
            while not holds():  # noqa: ASYNC110 -- nobody is told of it.
                await asyncio.sleep(0)

    async def proven(self) -> datetime:
        """Wait for a proof, and return when it was."""
        await self.until(lambda: self.watch.proven_at is not None)
        assert self.watch.proven_at is not None
        return self.watch.proven_at

    async def rearmed(self) -> list[str]:
        """Wait until it was watched anew, and return why, and how loudly that was said."""
        await self.until(lambda: bool(self.told("watch.rearmed")))
        return [f"{event['log_level']}: {event['why']}" for event in self.told("watch.rearmed")]

    def told(self, name: str) -> list[Any]:
        """Return the events of that name so far."""
        return [event for event in self.logs if event["event"] == name]


@contextlib.asynccontextmanager
async def watching(proofs: Path, *paths: Path, clock: FakeClock | None = None) -> AsyncIterator[Watched]:
    """Watch some paths, and see that nothing is left afterwards."""
    clock = clock or FakeClock(auto=False)
    hint = asyncio.Event()
    with capture_logs() as logs:
        watch = Watch(paths, hint, proofs=proofs, clock=clock)
        try:
            yield Watched(watch, hint, clock, logs)
        finally:
            watch.close()
            await asyncio.sleep(0)
    assert [thread for thread in threading.enumerate() if isinstance(thread, BaseThread)] == []
    assert logging.getLogger("watchdog").handlers == []


@pytest.fixture
def proofs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where a watch may try itself."""
    return tmp_path_factory.mktemp("state") / "watch"


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
        pytest.param(lambda root: (root / "a.yaml").chmod(0), id="a file can be read no more"),
    ],
)
async def test_changes_are_noticed(tmp_path: Path, proofs: Path, change: Callable[[Path], object]) -> None:
    """Whatever changes what would be read sets the event."""
    root = tmp_path / "manifests"
    (root / "deep").mkdir(parents=True)
    (root / "a.yaml").write_text("1")
    (root / "x.txt").write_text("1")

    async with watching(proofs, root) as watched:
        await watched.hinted(lambda: change(root))


async def test_a_single_file_is_watched_through_its_directory(tmp_path: Path, proofs: Path) -> None:
    """Also when editors replace it; its neighbours do not matter."""
    file = tmp_path / "odd.txt"
    file.write_text("1")

    async with watching(proofs, file) as watched:
        (tmp_path / "new.txt").write_text("2")
        (tmp_path / "other.yaml").write_text("2")
        await watched.proven()
        assert not watched.hint.is_set()
        await watched.hinted(lambda: (tmp_path / "new.txt").replace(file))


async def test_a_link_to_a_single_file_is_watched_where_it_is_and_where_it_leads(tmp_path: Path, proofs: Path) -> None:
    """As a file of a mounted ConfigMap is two links away."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.yaml").write_text("1")
    link = tmp_path / "a.yaml"
    link.symlink_to("real/a.yaml")

    async with watching(proofs, link) as watched:
        await watched.hinted(lambda: (tmp_path / "real" / "a.yaml").write_text("2"))
        await watched.hinted(link.unlink)


@pytest.mark.parametrize(
    ("below", "expected"),
    [
        pytest.param("a.yaml", True, id="a manifest"),
        pytest.param("sub/a.yml", True, id="a manifest below"),
        pytest.param("sub", True, id="what may be a directory"),
        pytest.param(".reconcilerignore", True, id="what is ignored"),
        pytest.param("..data", True, id="Kubernetes turns to other files"),
        pytest.param("a.txt", False, id="another file"),
        pytest.param(".a.yaml.swp", False, id="an editor's own"),
        pytest.param(".git/refs/heads/main", False, id="git's own"),
        pytest.param("sub/.reconcilerignore", False, id="what is ignored nowhere but at the root"),
        pytest.param("../beside/a.yaml", False, id="beside the root"),
    ],
)
@pytest.mark.parametrize("written", [str, os.fsencode])
async def test_only_what_matters_is_a_hint(
    tmp_path: Path, proofs: Path, below: str, written: Callable[[str], Any], *, expected: bool
) -> None:
    """What is never read wakes nobody."""
    root = tmp_path / "root"
    root.mkdir()
    path = str(root / below) if not below.startswith("../") else f"{tmp_path}/{below[3:]}"

    async with watching(proofs, root) as watched:
        watched.watch.dispatch(FileModifiedEvent(written(path)))
        await asyncio.sleep(0)

        assert watched.hint.is_set() is expected


async def test_reading_is_no_hint(tmp_path: Path, proofs: Path) -> None:
    """Or every look would ask for the next one."""
    (tmp_path / "a.yaml").write_text("1")

    async with watching(proofs, tmp_path) as watched:
        (tmp_path / "a.yaml").read_text()
        await watched.proven()

        assert not watched.hint.is_set()


async def test_the_watch_proves_that_it_notices_again_and_again(tmp_path: Path, proofs: Path) -> None:
    """By a file of its own, never one in the tree, and nobody is woken by it."""
    tree = tmp_path / "tree"
    tree.mkdir()
    async with watching(proofs, tree) as watched:
        first = await watched.proven()

        await watched.clock.advance(BEAT_S)
        await watched.until(lambda: watched.watch.proven_at != first)

        assert watched.watch.proven_at == first + timedelta(seconds=BEAT_S)
        assert (list(tree.iterdir()), watched.hint.is_set(), watched.logs) == ([], False, [])


async def test_proofs_within_the_tree_wake_nobody(tmp_path: Path) -> None:
    """The state of a run may be in the directory of its manifests, hidden or not."""
    async with watching(tmp_path / "state" / "watch", tmp_path) as watched:
        await watched.proven()

        assert not watched.hint.is_set()


def deafen(before: set[str]) -> None:
    """Take its events from every inotify instance that came since: its threads wait on, for nothing."""
    silent, _ = os.pipe()
    for descriptor in instances() - before:
        os.dup2(silent, int(descriptor))


def instances() -> set[str]:
    """Return the descriptors of this process's inotify instances."""
    opened = (path for path in Path("/proc/self/fd").iterdir() if path.is_symlink())
    return {path.name for path in opened if path.readlink() == Path("anon_inode:inotify")}


async def test_a_watch_that_is_deaf_is_replaced(tmp_path: Path, proofs: Path) -> None:
    """Its threads are all there; that it sees nothing is found by trying."""
    before = instances()
    async with watching(proofs, tmp_path) as watched:
        await watched.proven()
        deafen(before)

        await watched.clock.advance(BEAT_S)
        await watched.until(lambda: watched.clock.sleepers == 1)
        await watched.clock.advance(SEEN_WITHIN_S)

        why = f"a change that was made to try it was not noticed within {SEEN_WITHIN_S:.0f} s"
        assert await watched.rearmed() == [f"warning: {why}"]
        await watched.hinted(lambda: (tmp_path / "a.yaml").write_text("1"))


async def test_a_watch_whose_thread_has_ended_is_replaced(tmp_path: Path, proofs: Path) -> None:
    """However it came to that."""
    async with watching(proofs, tmp_path) as watched:
        await watched.proven()
        emitter = next(one for one in threading.enumerate() if "Emitter" in type(one).__name__)
        assert isinstance(emitter, BaseThread)
        emitter.stop()
        emitter.join()

        await watched.clock.advance(BEAT_S)

        assert await watched.rearmed() == ["warning: what was watched has gone, or a thread that watched it"]


@contextlib.contextmanager
def no_more_descriptors() -> Iterator[None]:
    """Let this process open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_at_a_limit_of_the_machine_it_is_said_and_tried_again(tmp_path: Path, proofs: Path) -> None:
    """A run does not fail of it: rescans find changes all the same."""
    with no_more_descriptors():
        # What is asked for while nothing can be opened.
        lending = watching(proofs, tmp_path)
        watched = await lending.__aenter__()
    try:
        assert watched.watch.problem.startswith("changes are found on the timer only: the limit of inotify instances")
        assert "sysctl fs.inotify.max_user_instances=" in watched.watch.problem
        assert [event["why"] for event in watched.told("watch.failed")] == [watched.watch.problem]
        await watched.until(lambda: watched.clock.sleepers == 1)
        with no_more_descriptors():
            await watched.clock.advance(BEAT_S)
            await watched.until(lambda: watched.clock.sleepers == 1)
        assert len(watched.told("watch.failed")) == 1

        await watched.clock.advance(BEAT_S)

        assert await watched.rearmed() == ["info: nothing was watched before"]
        assert watched.watch.problem == ""
        await watched.hinted(lambda: (tmp_path / "a.yaml").write_text("1"))
    finally:
        await lending.__aexit__(None, None, None)


@pytest.fixture
def untouchable(proofs: Path) -> Path:
    """Return where a watch may try itself, and cannot."""
    proofs.mkdir()
    (proofs / "beat").symlink_to("nowhere/at/all")
    return proofs


async def test_where_it_cannot_be_proven_nothing_is_replaced(tmp_path: Path, untouchable: Path) -> None:
    """A file that cannot be touched says nothing against the watch."""
    async with watching(untouchable, tmp_path) as watched:
        await watched.until(lambda: bool(watched.told("watch.unproven")))
        await watched.hinted(lambda: (tmp_path / "a.yaml").write_text("1"))

        assert (watched.watch.proven_at, watched.told("watch.rearmed")) == (None, [])


class BrokenClock(FakeClock):
    """A clock that fails as no clock does."""

    async def wait(self, event: asyncio.Event, timeout_s: float) -> bool:
        """Fail."""
        del event, timeout_s
        raise ZeroDivisionError


async def test_a_bug_ends_the_proofs_and_is_told(tmp_path: Path, proofs: Path) -> None:
    """Hints go on as long as they do, and the board says that nothing proves them."""
    async with watching(proofs, tmp_path, clock=BrokenClock(auto=False)) as watched:
        await watched.until(lambda: watched.watch.problem != "")

        assert watched.told("watch.ended") == [
            {"event": "watch.ended", "kind": "ZeroDivisionError", "log_level": "error"}
        ]
        assert watched.watch.problem == "changes are found on the timer only: the watch has ended by a bug"


async def test_a_root_that_is_not_there_yet_is_waited_for(tmp_path: Path, proofs: Path) -> None:
    """Also where the way to it is not there."""
    root = tmp_path / "some" / "where"

    async with watching(proofs, root) as watched:
        await watched.proven()
        assert watched.watch.problem == ""
        root.mkdir(parents=True)

        assert await watched.rearmed() == ["info: there was nothing before"]
        await watched.hinted(lambda: (root / "a.yaml").write_text("1"))


@pytest.mark.parametrize(
    "take_away",
    [
        pytest.param(shutil.rmtree, id="removed"),
        pytest.param(lambda root: root.rename(root.with_name("away")), id="moved away"),
    ],
)
async def test_a_root_that_is_made_again_is_watched_again(
    tmp_path: Path, proofs: Path, take_away: Callable[[Path], object]
) -> None:
    """Whether or not it gets the number of the old one, as it does on many file systems."""
    root = tmp_path / "root"
    root.mkdir()
    async with watching(proofs, root) as watched:
        await watched.proven()

        take_away(root)
        root.mkdir()
        await watched.rearmed()

        await watched.hinted(lambda: (root / "a.yaml").write_text("1"))


async def test_a_swap_far_above_is_noticed_at_the_next_beat(tmp_path: Path, proofs: Path) -> None:
    """Only links and the ends of the way are watched; where a path leads is compared as well."""
    root = tmp_path / "far" / "above" / "root"
    root.mkdir(parents=True)
    async with watching(proofs, root) as watched:
        await watched.proven()
        (tmp_path / "far").rename(tmp_path / "away")
        root.mkdir(parents=True)

        await watched.clock.advance(BEAT_S)

        assert await watched.rearmed() == ["info: the path leads elsewhere now"]
        await watched.hinted(lambda: (root / "a.yaml").write_text("1"))


QUEUED = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
"""Events that the kernel keeps."""

OVERFLOWN = """
import asyncio, json, sys
from pathlib import Path
from structlog.testing import capture_logs
from reconciler.sources.events import BEAT_S, Watch
from tests.fakes.clock import FakeClock

async def main():
    clock, hint = FakeClock(auto=False), asyncio.Event()
    with capture_logs() as logs:
        watch = Watch([Path(sys.argv[1])], hint, proofs=Path(sys.argv[2]), clock=clock)
        while watch.proven_at is None:
            await asyncio.sleep(0)
        print("ready", flush=True)
        await hint.wait()
        await clock.advance(BEAT_S)
        while not logs:
            await asyncio.sleep(0)
        watch.close()
    print(json.dumps(logs[0]), flush=True)

asyncio.run(main())
"""


@pytest.fixture
async def watcher(tmp_path: Path, proofs: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Lend a process that watches, and tells of the first event that it logs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OVERFLOWN, str(tmp_path), str(proofs), stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_events_that_were_lost_are_a_hint_and_the_watch_is_renewed(
    tmp_path: Path, watcher: asyncio.subprocess.Process
) -> None:
    """The kernel keeps so many events for a reader that stands still, and throws away the rest."""
    assert watcher.stdout is not None
    assert await watcher.stdout.readline() == b"ready\n"
    names = tmp_path / "one.txt", tmp_path / "two.txt"
    names[0].touch()

    watcher.send_signal(signal.SIGSTOP)
    await asyncio.to_thread(os.waitid, os.P_PID, watcher.pid, os.WSTOPPED | os.WNOWAIT)
    for number in range(QUEUED // 2 + 1000):
        # Two events each, of names that matter to nobody.
        names[number % 2].rename(names[1 - number % 2])
    watcher.send_signal(signal.SIGCONT)
    said = json.loads(await asyncio.wait_for(watcher.stdout.readline(), DEADLINE_S))

    assert said == {"event": "watch.rearmed", "log_level": "warning", "path": str(tmp_path), "why": "events were lost"}


def test_an_event_after_the_loop_has_ended_is_nobodys(tmp_path: Path, proofs: Path) -> None:
    """The observer's thread does not fail of it."""

    async def watched() -> Watch:
        return Watch([tmp_path], asyncio.Event(), proofs=proofs, clock=FakeClock(auto=False))

    watch = asyncio.run(watched())
    try:
        watch.dispatch(FileModifiedEvent(str(tmp_path / "a.yaml")))
    finally:
        watch.close()
