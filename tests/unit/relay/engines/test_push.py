"""What is known of pushes."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from reconciler.domain.secrets import Secret
from reconciler.relay.engines.home import FlowHome
from reconciler.relay.engines.push import Push, Work, sent_bytes
from reconciler.relay.engines.push_sources import HubSource, TapSource
from reconciler.relay.engines.pushes import together
from reconciler.relay.media import EndHealth, EndState, RtmpDestination
from tests.media.watching import until_true

UP = EndHealth(state=EndState.CONNECTED, connected_ms=5000, bitrate_bps=1000, reconnections=1, peer="192.0.2.1:1935")
NOWHERE = RtmpDestination(url="rtmp://127.0.0.1:9/live", stream_key=Secret("canary"))
DOWN = EndHealth(state=EndState.WAITING, reconnections=2, last_error="the host is not known")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", 0, id="nothing said"),
        pytest.param("frame=1\ntotal_size=N/A\nprogress=continue\n", 0, id="not known yet"),
        pytest.param("total_size=100\nprogress=continue\ntotal_size=2500\nprogress=continue\n", 2500, id="the last"),
        pytest.param("total_size=100\n" + "x" * 9000 + "\ntotal_size=7\n", 7, id="only the end is read"),
    ],
)
def test_how_much_was_sent(tmp_path: Path, text: str, expected: int) -> None:
    """The last total in ffmpeg's own report counts."""
    progress = tmp_path / "progress"
    progress.write_text(text)

    assert sent_bytes(progress) == expected


def test_a_report_that_grew_long_gives_its_blocks_back(tmp_path: Path) -> None:
    """A push of years does not fill the disk."""
    progress = tmp_path / "progress"
    progress.write_text("x" * 400_000 + "\ntotal_size=9\n")

    first = sent_bytes(progress)

    assert first == 9
    assert progress.stat().st_size == 0


def test_no_report_is_nothing_sent(tmp_path: Path) -> None:
    """A push that has not begun has sent nothing."""
    assert sent_bytes(tmp_path / "absent") == 0


def test_one_destination_is_the_output_itself() -> None:
    """Nothing is added to a single destination."""
    assert together([DOWN]) == DOWN


def test_two_destinations_are_told_together() -> None:
    """An output is connected while any destination is, and every complaint names its destination."""
    health = together([DOWN, UP])

    assert health == EndHealth(
        state=EndState.CONNECTED,
        connected_ms=5000,
        bitrate_bps=1000,
        reconnections=3,
        last_error="destination 1: the host is not known",
        peer="192.0.2.1:1935",
    )
    assert together([DOWN, DOWN]).state is EndState.WAITING


def test_sources_show_no_hidden_name() -> None:
    """The name of a hub is read from a descriptor, and a tap has none."""
    with ExitStack() as lent:
        arguments, kept = HubSource("rtmp://127.0.0.1:1935/live", Secret("canary")).arguments(
            lent, "rtmp://127.0.0.1:1/"
        )
        shown = " ".join(arguments)
        tap, none = TapSource().arguments(lent, "rtmp://127.0.0.1:1/")

    assert "canary" not in shown
    assert f"/dev/fd/{kept[0]}" in shown
    assert (tap[-1], none) == ("unix:tap.sock", ())


def work_in(folder: Path) -> Work:
    """Return where a push works."""
    home = FlowHome(folder, None)
    home.make("rtmp")
    return Work(home, "push")


@contextlib.contextmanager
def silent_hub() -> Iterator[HubSource]:
    """Lend a source that takes calls and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield HubSource(f"rtmp://127.0.0.1:{listener.getsockname()[1]}/live", Secret("hub"))


def works_in(folder: Path) -> list[int]:
    """Return the processes that work in a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                found += [int(entry.name)] if (entry / "cwd").resolve(strict=True) == folder.resolve() else []
    return found


async def complaint_of(push: Push) -> str:
    """Return why a push does not push, once it says so, and end it."""
    async with asyncio.timeout(30):
        await push.follow("session")
        await until_true(lambda: bool(push.last_error))
        told = push.last_error
        await push.close()
    return told


@pytest.mark.anyio
@pytest.mark.parametrize("suffix", ["identity", "pushed"])
async def test_a_push_that_cannot_be_noted_leaves_no_process(tmp_path: Path, suffix: str) -> None:
    """Where the disk is full, the ffmpeg that nobody would find again is ended at once."""
    work = work_in(tmp_path)
    work.record(f"{suffix}.new").mkdir()
    with silent_hub() as hub:
        told = await complaint_of(Push(NOWHERE, hub, work))
        left = works_in(work.home.run)

    assert (told, left) == ("ffmpeg cannot be started", [])


@pytest.mark.anyio
async def test_a_push_goes_on_though_it_cannot_be_noted(tmp_path: Path) -> None:
    """A disk that fills up while it connects does not end it."""
    work = work_in(tmp_path)
    with silent_hub() as hub:
        push = Push(NOWHERE, hub, work)
        async with asyncio.timeout(30):
            await push.follow("session")
            await until_true(lambda: bool(list(work.home.run.glob("*.progress"))))
            work.record("pushed.new").mkdir()
            (progress,) = work.home.run.glob("*.progress")
            with progress.open("a") as report:
                report.write("total_size=100\n")
            await until_true(lambda: push.health.state is EndState.CONNECTED)
            await push.close()

    assert push.last_error == ""


@pytest.mark.anyio
async def test_a_key_that_does_not_fit_is_told_in_words(tmp_path: Path) -> None:
    """The rest of it would be an option of ffmpeg's; nothing is started."""
    work = work_in(tmp_path)
    destination = RtmpDestination(url="rtmp://127.0.0.1:9/live", stream_key=Secret("k" * 977))

    told = await complaint_of(Push(destination, TapSource(), work))

    assert told == "the stream key is too long to be pushed to: it may have 976 bytes"
    assert list(work.home.run.iterdir()) == []
