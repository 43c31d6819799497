"""A branch as the source of the loop: when the server is asked, what a snapshot is, and what is told."""

import asyncio
import contextlib
import shutil
import threading
from functools import partial
from pathlib import Path

import pytest
import structlog

from reconciler.domain.errors import EnvironmentFailedError, SourceUnreadableError
from reconciler.ports.source import ManifestFile
from reconciler.sources.git.commits import CommitReader, Place
from reconciler.sources.git.follower import Follower, Look
from reconciler.sources.git.source import COLLECT_EVERY, GitSource, Polling
from tests.fakes.clock import FakeClock
from tests.unit.sources.git.forge import Forge, follower, git, mirror_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    """Give an empty repository."""
    return Forge(tmp_path)


@pytest.fixture
def clock() -> FakeClock:
    """Give a clock that stands still until it is moved."""
    return FakeClock(auto=False)


def source_of(forge: Forge, clock: FakeClock | None = None, following: Follower | None = None) -> GitSource:
    """Return the main branch as a source, polled every 30 s."""
    root = forge.home.parent
    reader = CommitReader(mirror_of(root, str(forge.home)).git)
    return GitSource(
        following or follower(root, forge.home),
        partial(reader.manifests, places=(Place("manifests", Path("manifests")),)),
        name="the branch",
        clock=clock or FakeClock(),
        polling=Polling(poll_s=30, jitter=lambda: 0.5),
    )


class Gate(Follower):
    """A follower whose looks are let through one by one, and see what they are told to."""

    def __init__(self) -> None:
        self.began = threading.Semaphore(0)
        self.may_end = threading.Semaphore(0)
        self.sees: list[Look] = []
        self.doubts: list[bool] = []
        """Of each look, whether it doubted the mirror."""
        self.collected = 0
        self.told: list[bool] = []
        """Of each look, whether something new was heard of."""

    def look(self, *, doubts: bool = False, is_told: bool = False) -> Look:
        """Wait until it may end, and see what comes next, the last of it for ever."""
        self.doubts.append(doubts)
        self.told.append(is_told)
        self.began.release()
        self.may_end.acquire()
        return self.sees.pop(0) if len(self.sees) > 1 else self.sees[0]

    def collect(self) -> None:
        """Count it."""
        self.collected += 1

    def cancel(self) -> None:
        """Let everything end."""
        self.may_end.release(100)


def gated(*sees: Look) -> Gate:
    """Return a follower that sees this."""
    gate = Gate()
    gate.sees = list(sees)
    return gate


async def began(gate: Gate) -> None:
    """Wait until a look has begun."""
    await asyncio.to_thread(gate.began.acquire)


def read_nothing(commit: str) -> tuple[ManifestFile, ...]:
    """Return a file that says which commit it is of."""
    return (ManifestFile(path=commit),)


def gated_source(gate: Gate, clock: FakeClock, *, jitter: float = 0.5) -> GitSource:
    """Return what follows by a gate."""
    polling = Polling(poll_s=30, jitter=lambda: jitter)
    return GitSource(gate, read_nothing, name="the branch", clock=clock, polling=polling)


async def settled(clock: FakeClock) -> None:
    """Wait until the source waits for its next poll."""
    while not clock.sleepers:
        await clock.advance(0)


async def test_unwatched_every_snapshot_asks_the_server(forge: Forge) -> None:
    """As `plan` and `run --once` need it."""
    source = source_of(forge)
    first = forge.push(manifests__b_yaml="1", manifests__c__a_yaml="2", other_yaml="no")

    seen = await source.snapshot()

    assert (seen.revision, seen.trouble) == (first, "")
    assert [(file.path, file.content) for file in seen.files] == [
        ("manifests/b.yaml", b"1"),
        ("manifests/c/a.yaml", b"2"),
    ]
    second = forge.push()
    assert (await source.snapshot()).revision == second
    assert source.is_whole


async def test_a_file_that_is_as_it_was_is_the_same_value(forge: Forge) -> None:
    """Readers know it by that."""
    source = source_of(forge)
    forge.push(manifests__a_yaml="1", manifests__b_yaml="1")
    before = (await source.snapshot()).files
    forge.push(manifests__a_yaml="1", manifests__b_yaml="2")

    after = (await source.snapshot()).files

    assert after[0] is before[0]
    assert (before[1].content, after[1].content) == (b"1", b"2")


async def test_the_mirror_is_tidied_now_and_then(clock: FakeClock) -> None:
    """After the first fetch of a process, and then after so many; looks that fetch nothing do not count."""
    gate = gated(*[Look(accepted=f"{number}", has_fetched=number % 2 == 0) for number in range(4 * COLLECT_EVERY)])
    gate.may_end.release(5 * COLLECT_EVERY)
    source = gated_source(gate, clock)
    tidied = []
    source.watch(asyncio.Event())
    for _ in range(2 * COLLECT_EVERY + 1):
        await began(gate)
        await settled(clock)
        tidied.append(gate.collected)
        await clock.advance(27)

    assert tidied == [1] * 2 * COLLECT_EVERY + [2]
    source.close()


async def test_nothing_of_a_repository_is_followed(forge: Forge, tmp_path: Path) -> None:
    """No link, no submodule, no file that is too large; each is told where it stands."""
    forge.push(manifests__a_yaml="a")
    index = {"GIT_INDEX_FILE": str(tmp_path / "index")}
    git(forge.home, "read-tree", "main", more=index)
    target = git(forge.home, "hash-object", "-w", "--stdin", given=b"/etc/passwd")
    for entry in (f"120000,{target},manifests/link.yaml", f"160000,{forge.tip()},manifests/module"):
        git(forge.home, "update-index", "--add", "--cacheinfo", entry, more=index)
    made = git(forge.home, "write-tree", more=index)
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    forge.point(git(forge.home, *who, "commit-tree", "-m", "x", made))

    files = {file.path: file.problem for file in (await source_of(forge).snapshot()).files}

    assert files["manifests/a.yaml"] == ""
    assert "symbolic link" in files["manifests/link.yaml"]
    assert "submodule" in files["manifests/module"]


async def test_without_any_commit_there_is_no_snapshot(forge: Forge) -> None:
    """It is told why."""
    with pytest.raises(SourceUnreadableError, match=r"nothing yet of the branch: .*There is no branch main"):
        await source_of(forge).snapshot()


async def test_a_server_that_is_down_is_trouble_since_then(forge: Forge, clock: FakeClock) -> None:
    """The target is the last commit that counted, and when it began does not move."""
    first = forge.push()
    source = source_of(forge, clock)
    await source.snapshot()
    forge.home.rename(forge.home.with_name("away"))

    proven_at = source.proven_at
    await clock.advance(60)
    seen = await source.snapshot()
    await clock.advance(60)
    again = await source.snapshot()

    assert seen.revision == first
    assert seen.trouble.startswith("the newest commit is not known (since 2026-01-01T00:01:00Z): git says: fatal:")
    assert again.trouble == seen.trouble
    assert source.proven_at == proven_at is not None
    forge.home.with_name("away").rename(forge.home)
    assert (await source.snapshot()).trouble == ""


async def test_a_broken_mirror_is_mended_within_one_look(forge: Forge) -> None:
    """For whoever looks once."""
    forge.push()
    await source_of(forge).snapshot()
    shutil.rmtree(mirror_of(forge.home.parent, str(forge.home)).home / "objects" / "pack")

    assert (await source_of(forge).snapshot()).revision == forge.tip()


async def test_a_mirror_that_cannot_be_mended_is_told(forge: Forge) -> None:
    """Nothing is made up."""
    forge.push()
    await source_of(forge).snapshot()
    home = mirror_of(forge.home.parent, str(forge.home)).home
    shutil.rmtree(home / "objects" / "pack")
    forge.home.rename(forge.home.with_name("away"))

    with pytest.raises(SourceUnreadableError):
        await source_of(forge).snapshot()


async def test_a_watched_branch_is_asked_in_the_background(forge: Forge, clock: FakeClock) -> None:
    """A new commit sets the hint; a look without news does not."""
    source, hint = source_of(forge, clock), asyncio.Event()
    first = forge.push()

    source.watch(hint)
    await hint.wait()
    assert (await source.snapshot()).revision == first
    await settled(clock)
    hint.clear()
    await clock.advance(30)
    await settled(clock)
    assert not hint.is_set()
    second = forge.push()
    await clock.advance(30)
    await hint.wait()

    assert (await source.snapshot()).revision == second
    source.close()


async def test_a_wake_asks_at_once(forge: Forge, clock: FakeClock) -> None:
    """A webhook need not wait for the poll."""
    source, hint = source_of(forge, clock), asyncio.Event()
    forge.push()
    source.watch(hint)
    await hint.wait()
    await settled(clock)
    hint.clear()
    second = forge.push()

    source.wake()
    await hint.wait()

    assert (await source.snapshot()).revision == second
    source.close()


async def test_wakes_while_the_server_is_asked_ask_once_more(clock: FakeClock) -> None:
    """What is pushed meanwhile may not be in the answer; however many there are, one more look sees all."""
    gate = gated(Look(accepted="a", tip="a"))
    source = gated_source(gate, clock)
    source.watch(asyncio.Event())
    await began(gate)
    for _ in range(5):
        source.wake()

    gate.may_end.release()
    await began(gate)
    gate.may_end.release()
    await settled(clock)

    assert gate.told == [False, True]
    source.close()


@pytest.mark.parametrize(
    ("took_s", "left_s"),
    [
        pytest.param(0, 27.0, id="a server that answers at once"),
        pytest.param(10, 17.0, id="it takes its time, and is asked as often"),
        pytest.param(20, 13.5, id="it takes most of the time, and has its rest"),
    ],
)
async def test_a_poll_is_from_one_question_to_the_next(clock: FakeClock, took_s: float, left_s: float) -> None:
    """Else a push would wait for the poll and for the server besides."""
    gate = gated(Look(accepted="a", tip="a"))
    source = gated_source(gate, clock)
    source.watch(asyncio.Event())
    await began(gate)
    await clock.advance(took_s)
    gate.may_end.release()
    await settled(clock)

    await clock.advance(left_s - 0.1)
    rests_before = clock.sleepers
    await clock.advance(0.2)

    assert (rests_before, clock.sleepers) == (1, 0)
    source.close()


async def test_a_watched_snapshot_never_waits_for_the_server(clock: FakeClock) -> None:
    """It hangs, and the target is there all the same."""
    gate = gated(Look(accepted="a", tip="a"))
    source = gated_source(gate, clock)
    gate.may_end.release()
    await source.snapshot()
    source.watch(asyncio.Event())
    await settled(clock)
    source.wake()
    await began(gate)
    await began(gate)

    assert (await source.snapshot()).revision == "a"
    source.close()


async def test_the_first_snapshot_waits_a_little_for_the_first_answer(clock: FakeClock) -> None:
    """A start without news of trouble where all is well; else it is told soon."""
    gate = gated(Look(accepted="a", tip="a"))
    source = gated_source(gate, clock)
    source.watch(asyncio.Event())
    await began(gate)
    asked = asyncio.ensure_future(source.snapshot())
    await settled(clock)

    await clock.advance(2)
    with pytest.raises(SourceUnreadableError, match="it is being fetched for the first time"):
        await asked
    again = asyncio.ensure_future(source.snapshot())
    gate.may_end.release()

    assert (await again).revision == "a"
    source.close()


async def test_who_has_just_looked_does_not_ask_again(clock: FakeClock) -> None:
    """The first look of a watch is a poll later."""
    gate = gated(Look(accepted="a", tip="a"))
    gate.may_end.release()
    source = gated_source(gate, clock)
    await source.snapshot()

    source.watch(asyncio.Event())
    await settled(clock)
    assert len(gate.doubts) == 1
    gate.may_end.release()
    await clock.advance(30)
    await began(gate)
    await began(gate)

    assert len(gate.doubts) == 2
    source.close()


async def test_what_happens_is_told_once(clock: FakeClock) -> None:
    """A reason, a recovery, a refusal, a rewrite; and the hint follows each."""
    down = Look(accepted="a", unreachable="no route")
    refused = Look(accepted="a", tip="b", refused="unsigned")
    gate = gated(
        Look(accepted="a", tip="a", has_fetched=True),
        *(down, down, refused, refused, down, refused),
        Look(accepted="c", tip="c", left="a"),
    )
    gate.may_end.release(8)
    source = gated_source(gate, clock)

    with structlog.testing.capture_logs() as logs:
        troubles = [(await source.snapshot()).trouble for _ in range(8)]

    assert [(entry["event"], entry["log_level"]) for entry in logs] == [
        ("source.fetched", "debug"),
        ("source.fetch_failed", "warning"),
        ("source.recovered", "info"),
        ("source.commit_refused", "warning"),
        ("source.fetch_failed", "warning"),
        ("source.recovered", "info"),
        ("source.rewritten", "warning"),
    ]
    assert {**logs[1], "log_level": ""} == {
        "event": "source.fetch_failed", "log_level": "", "source": "the branch", "why": "no route", "accepted": "a",
    }  # fmt: skip
    assert (logs[-1]["before"], logs[-1]["after"]) == ("a", "c")
    assert ["" if not trouble else trouble.rpartition(": ")[2] for trouble in troubles] == [
        *("", "no route", "no route", "unsigned", "unsigned", "no route", "unsigned", ""),
    ]


async def test_a_lost_mirror_keeps_the_target_until_another_counts(clock: FakeClock) -> None:
    """What was read is still the last that counted."""
    gate = gated(Look(accepted="a", tip="a"), Look(unreachable="no route"), Look(tip="b", refused="unsigned"))
    gate.may_end.release(3)
    source = gated_source(gate, clock)
    await source.snapshot()

    for _ in range(2):
        seen = await source.snapshot()
        assert (seen.revision, seen.files, bool(seen.trouble)) == ("a", read_nothing("a"), True)


async def test_a_commit_that_cannot_be_read_is_seen_to_once(clock: FakeClock) -> None:
    """What cannot be mended is not tried without a pause."""
    gate = gated(Look(accepted="a", tip="a"))
    gate.may_end.release(50)

    def fail(_: str) -> tuple[ManifestFile, ...]:
        raise EnvironmentFailedError("broken")

    source = GitSource(gate, fail, name="the branch", clock=clock, polling=Polling(poll_s=30, jitter=lambda: 0.5))
    hint = asyncio.Event()
    source.watch(hint)
    await hint.wait()
    await settled(clock)
    hint.clear()

    for _ in range(3):
        with pytest.raises(SourceUnreadableError, match="cannot be read: broken"):
            await source.snapshot()
        await asyncio.sleep(0)
    await hint.wait()
    await settled(clock)

    assert gate.doubts == [False, True]
    source.close()


@pytest.mark.parametrize(("failing", "told"), [(1, ""), (2, "cannot be read: broken")])
async def test_whoever_looks_once_tries_a_broken_mirror_twice(clock: FakeClock, failing: int, told: str) -> None:
    """It is looked at as a whole in between."""
    gate = gated(Look(accepted="a", tip="a"))
    gate.may_end.release(2)
    failures = [EnvironmentFailedError("broken")] * failing

    def read(commit: str) -> tuple[ManifestFile, ...]:
        if failures:
            raise failures.pop()
        return read_nothing(commit)

    source = GitSource(gate, read, name="the branch", clock=clock, polling=Polling(jitter=lambda: 0.5))

    if told:
        with pytest.raises(SourceUnreadableError, match=told):
            await source.snapshot()
    else:
        assert (await source.snapshot()).revision == "a"
    assert gate.doubts == [False, True]


async def test_a_bug_ends_the_loop_that_listens() -> None:
    """It would else never see a commit again, and nobody would know."""
    gate = gated()
    gate.may_end.release()
    source = gated_source(gate, FakeClock())
    source.watch(asyncio.Event())
    await began(gate)

    with pytest.raises(IndexError):
        await _ended(source)


async def _ended(source: GitSource) -> None:
    """Ask until what happens in the background has ended."""
    while True:
        with contextlib.suppress(SourceUnreadableError):
            await source.snapshot()


async def test_closing_ends_what_git_is_doing(clock: FakeClock) -> None:
    """As often as one likes; and it is watched once at a time."""
    gate = gated(Look(accepted="a", tip="a"))
    source = gated_source(gate, clock)
    source.watch(asyncio.Event())
    await began(gate)

    with pytest.raises(RuntimeError, match="watched once"):
        source.watch(asyncio.Event())
    source.close()
    source.close()


async def test_what_was_closed_may_be_watched_again(forge: Forge, clock: FakeClock) -> None:
    """By the loop after a reload that was refused: the last commit still counts, and the next is asked for at once."""
    source = source_of(forge, clock)
    first = forge.push(manifests__a_yaml="1")
    source.watch(asyncio.Event())
    before = await source.snapshot()
    await settled(clock)
    source.close()
    second = forge.push(manifests__a_yaml="2")
    hint = asyncio.Event()
    source.watch(hint)
    kept = await source.snapshot()
    await hint.wait()
    after = await source.snapshot()
    source.close()

    assert (before.revision, kept.revision, after.revision) == (first, first, second)
    assert (kept.trouble, after.trouble) == ("", "")


async def test_whoever_stops_waiting_ends_what_git_is_doing(clock: FakeClock) -> None:
    """Such as Ctrl-C in a `plan`."""
    gate = gated(Look(accepted="a", tip="a"))
    waiting = asyncio.ensure_future(gated_source(gate, clock).snapshot())
    await began(gate)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert gate.may_end.acquire(blocking=False)


@pytest.mark.parametrize(
    ("failures", "jitter", "pause_s"),
    [
        (0, 0.0, 30.0),
        (0, 0.5, 27.0),
        (0, 0.999, 24.006),
        (1, 0.5, 30.0),
        (3, 0.5, 120.0),
        (9, 0.5, 150.0),
        (9999, 0.5, 150.0),
        (1, 0.0, 1.0),
    ],
)
def test_pauses_have_jitter_and_grow_with_failures(failures: int, jitter: float, pause_s: float) -> None:
    """Up to five minutes, and never to nothing."""
    assert Polling(poll_s=30, jitter=lambda: jitter).pause_s(failures) == pytest.approx(pause_s)
