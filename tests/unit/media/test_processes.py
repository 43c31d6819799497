"""Children: known for certain, and ended without hurting a stranger."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.media.processes import (
    Child,
    EngineUser,
    Streams,
    adopted,
    as_user,
    end,
    engine_user,
    environment,
    is_alive,
    load,
    reading,
    save,
    spawn,
    tied,
    unnamed_file,
)

pytestmark = pytest.mark.anyio

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
)
PARENT = "import subprocess, sys, time; subprocess.Popen(['sleep', '600']); print('ready', flush=True); time.sleep(600)"


def start(code: str, home: Path, *, wrap: Callable[[list[str]], list[str]] = list) -> Child:
    """Start a Python program that works in `home`."""
    argv = wrap([sys.executable, "-c", code, str(home)])
    return spawn(argv, mark=str(home), cwd=home, streams=Streams(stdout=subprocess.PIPE))


async def ready(child: Child) -> None:
    """Wait until it has said that it is ready."""
    async with asyncio.timeout(10), reading(child.stdout) as said:
        await said.readline()


def working_in(home: Path) -> list[str]:
    """Return the processes that work in a folder; those that may not be looked at are not ours."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                found += [entry.name] if (entry / "cwd").resolve(strict=True) == home.resolve() else []
    return found


def names_in(home: Path) -> list[str]:
    """Return the names in a folder."""
    return [entry.name for entry in home.iterdir()]


async def test_a_child_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    """TERM is asked first; after its time comes KILL."""
    child = start(STUBBORN, tmp_path)
    await ready(child)

    await child.end(kill_after_s=0.1)

    assert child.status == -9
    assert not is_alive(child.identity)


async def test_the_children_of_a_child_go_with_it(tmp_path: Path) -> None:
    """A whole session ends, so that no worker stays when its master goes."""
    child = start(PARENT, tmp_path)
    await ready(child)
    before = len(working_in(tmp_path))

    await child.end()

    assert before == 2
    assert working_in(tmp_path) == []


async def test_orphans_of_a_dead_leader_are_ended_by_where_they_work(tmp_path: Path) -> None:
    """Where only the children of an engine are left, those that work in its folder are ended."""
    child = start(PARENT, tmp_path)
    await ready(child)
    os.kill(child.identity.pid, 9)
    await child.wait()
    left = len(working_in(tmp_path))

    found = await end(child.identity, home=tmp_path)

    assert left == 1
    assert found
    assert working_in(tmp_path) == []


async def test_a_stranger_with_the_same_number_is_left_alone(tmp_path: Path) -> None:
    """A process that started at another moment, or does something else, is not the one that is meant."""
    child = start(STUBBORN, tmp_path)
    await ready(child)
    later = replace(child.identity, started=child.identity.started + 1)
    other = replace(child.identity, mark="/another/folder")

    ended = [await end(identity, home=tmp_path / "elsewhere") for identity in (later, other)]
    survived = is_alive(child.identity)
    await child.end(kill_after_s=0.1)

    assert ended == [False, False]
    assert survived


async def test_a_tied_child_dies_with_its_parent(tmp_path: Path) -> None:
    """The kernel ends a tied program when we die, however we die."""
    code = (
        "import subprocess, sys, time; from reconciler.media.processes import tied;"
        "subprocess.Popen(tied(['sleep', '600'])); print('ready', flush=True); time.sleep(600)"
    )
    child = spawn(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(Path.cwd())!r}); {code}", str(tmp_path)],
        mark=str(tmp_path),
        cwd=tmp_path,
        streams=Streams(stdout=subprocess.PIPE),
    )
    await ready(child)
    os.kill(child.identity.pid, 9)
    await child.wait()

    async with asyncio.timeout(10):
        while True:
            if not working_in(tmp_path):
                break
            await asyncio.sleep(0.02)

    assert tied(["sleep"])[0] == "/usr/bin/setpriv"


async def test_identities_survive_on_disk_for_their_owner_alone(tmp_path: Path) -> None:
    """What is saved is loaded as it was, from a file of mode 0600; anything else is nobody."""
    child = start(STUBBORN, tmp_path)
    await ready(child)
    path = tmp_path / "engine.identity"

    save(child.identity, path)
    loaded, mode = load(path), path.stat().st_mode & 0o777
    await child.end(kill_after_s=0.1)
    path.write_text("[1, 2")

    assert loaded == child.identity
    assert mode == 0o600
    assert load(path) is None
    assert load(tmp_path / "absent") is None


async def test_an_unnamed_file_is_read_by_a_child_and_named_nowhere(tmp_path: Path) -> None:
    """A child that keeps the descriptor reads the text; no directory holds it."""
    with unnamed_file("canary") as descriptor:
        child = spawn(
            ["/bin/cat", f"/dev/fd/{descriptor}"],
            mark="cat",
            cwd=tmp_path,
            streams=Streams(stdout=subprocess.PIPE, keep=(descriptor,)),
        )
    async with reading(child.stdout) as said:
        text = await said.read()
    await child.end()

    assert text == b"canary"
    assert names_in(tmp_path) == []


async def test_what_a_child_says_goes_to_a_private_log(tmp_path: Path) -> None:
    """The log is its owner's alone."""
    child = spawn(["/bin/echo", "hello"], mark="echo", cwd=tmp_path, streams=Streams(log=tmp_path / "log"))
    await child.wait()

    assert (tmp_path / "log").read_text() == "hello\n"
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_the_environment_of_children_holds_no_secret() -> None:
    """Only what programs need is passed on."""
    given = {"PATH": "/bin", "LANG": "C", "STREAM_KEY": "canary", "TENCENTCLOUD_SECRET_KEY": "canary", "AWS_TOKEN": "x"}

    assert environment(given) == {"PATH": "/bin", "LANG": "C"}


async def test_a_process_of_an_earlier_run_is_adopted_watched_and_ended(tmp_path: Path) -> None:
    """It runs, its end is noticed although it is no child, and it is ended whole."""
    child = start("import time; print('ready', flush=True); time.sleep(600)", tmp_path)
    await ready(child)

    process = adopted(child.identity, tmp_path)
    assert process is not None
    waiting = asyncio.create_task(process.wait())
    running = process.running
    await process.end()
    await asyncio.wait_for(waiting, 10)

    assert running
    assert not process.running
    await child.end()


async def test_a_stranger_with_the_same_number_is_not_adopted(tmp_path: Path) -> None:
    """Start time and mark have to agree too; where nothing was noted, nothing is adopted."""
    child = start("import time; print('ready', flush=True); time.sleep(600)", tmp_path)
    await ready(child)
    strangers = [
        replace(child.identity, started=child.identity.started + 1),
        replace(child.identity, mark="another folder"),
        None,
    ]

    found = [adopted(identity, tmp_path) for identity in strangers]
    await child.end()

    assert found == [None, None, None]
    assert adopted(child.identity, tmp_path) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_engines_do_not_run_as_root(tmp_path: Path) -> None:
    """Where we are root the process is somebody else's, and cannot get its rights back."""
    user = engine_user()
    assert user is not None

    child = start("import os; print(os.geteuid(), os.getegid(), os.getgroups(), flush=True)", tmp_path, wrap=as_them)
    async with reading(child.stdout) as said:
        told = (await said.readline()).decode().split()
    await child.end()

    assert told == [str(user.uid), str(user.gid), "[]"]
    assert user.uid != 0


def as_them(argv: list[str]) -> list[str]:
    """Return the command as the engines' user runs it."""
    return as_user(["/usr/bin/python3", *argv[1:]], engine_user())


def test_who_is_not_root_stays_who_they_are() -> None:
    """No user is changed, and rights are given up all the same."""
    assert as_user(["true"], None) == ["/usr/bin/setpriv", "--no-new-privs", "--", "true"]
    assert "--clear-groups" in as_user(["true"], EngineUser(uid=7, gid=8))
