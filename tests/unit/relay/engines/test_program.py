"""An engine program: where it is installed, whom it is asked of, and how long its log grows."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.media.processes import Streams, reading, save, spawn
from reconciler.relay.engines.home import FlowHome
from reconciler.relay.engines.program import EngineFailedError, EngineProgram, program_command
from tests.media.watching import until_true

pytestmark = pytest.mark.anyio

LIMIT_BYTES = 1 << 20
IDLES = "import signal; print('ready', flush=True); signal.pause()"
WRITES_TWICE = "print('first', flush=True); input(); print('second', flush=True)"


def home_in(folder: Path) -> FlowHome:
    """Return the folders of a flow, made."""
    home = FlowHome(folder, None)
    home.make("srt")
    return home


def test_a_program_is_made_where_no_engine_can_put_a_link(tmp_path: Path) -> None:
    """A link under the name of a draft leads nowhere, and what it points at keeps its mode."""
    name = program_command(home_in(tmp_path / "other"), "srt")[5]
    home, others = home_in(tmp_path / "flow"), tmp_path / "others"
    others.mkdir(mode=0o755)
    (home.run / f"{name}.new").symlink_to(others)

    command = program_command(home, "srt")

    assert command[5:] == [name, "srt"]
    assert (home.run / name / "reconciler" / "relay" / "programs" / "srt.py").is_file()
    assert (others.stat().st_mode & 0o777, list(others.iterdir())) == (0o755, [])
    assert list(home.records.glob("program-*")) == []


async def test_only_the_engine_itself_is_told_an_order(tmp_path: Path) -> None:
    """Its socket may have become a link to somebody else's, who then hears nothing."""
    home, heard = home_in(tmp_path), asyncio.Queue[bytes]()

    async def overhear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.put_nowait(await reader.read())
        writer.close()

    elsewhere = await asyncio.start_unix_server(overhear, tmp_path / "elsewhere.sock")
    (home.run / "control.sock").symlink_to(tmp_path / "elsewhere.sock")
    argv = [sys.executable, "-c", IDLES, str(home.run)]
    engine = spawn(argv, mark=str(home.run), cwd=home.run, streams=Streams(stdout=subprocess.PIPE))
    save(engine.identity, home.records / "engine.identity")
    program = EngineProgram(home, "srt")
    async with asyncio.timeout(30), elsewhere:
        async with reading(engine.stdout) as said:
            await said.readline()
        await program.ready()
        session = program.session
        with pytest.raises(EngineFailedError):
            await program.ask({"passphrase": "canary"})
        told = await heard.get()
        await engine.wait()

    assert session.startswith(f"{engine.identity.pid}-")
    assert told == b""


@pytest.mark.parametrize(("size", "left"), [(LIMIT_BYTES, LIMIT_BYTES), (LIMIT_BYTES + 1, 0)])
async def test_a_log_that_grew_long_is_emptied(tmp_path: Path, size: int, left: int) -> None:
    """An engine that complains for years does not fill the disk."""
    log = home_in(tmp_path).records / "engine.log"
    log.write_bytes(bytes(size))

    with pytest.raises(EngineFailedError):
        await EngineProgram(FlowHome(tmp_path, None), "srt").ask({})

    assert log.stat().st_size == left


async def test_a_link_in_place_of_a_log_is_not_followed(tmp_path: Path) -> None:
    """What is emptied is a log of ours, and nothing else."""
    home, other = home_in(tmp_path), tmp_path / "other"
    other.write_bytes(bytes(LIMIT_BYTES + 1))
    (home.records / "engine.log").symlink_to(other)

    with pytest.raises(EngineFailedError):
        await EngineProgram(home, "srt").ask({})

    assert other.stat().st_size == LIMIT_BYTES + 1


async def test_a_log_that_was_emptied_has_no_hole(tmp_path: Path) -> None:
    """Whoever writes it goes on at its end, wherever that is by then."""
    log = tmp_path / "engine.log"
    argv = [sys.executable, "-c", WRITES_TWICE]
    child = spawn(argv, mark=IDLES, cwd=tmp_path, streams=Streams(stdin=subprocess.PIPE, log=log))
    async with asyncio.timeout(30):
        await until_true(lambda: log.read_text() == "first\n")
        with log.open("r+b") as opened:
            opened.truncate(0)
        assert child.stdin is not None
        with child.stdin:
            child.stdin.write(b"\n")
        await child.wait()

    assert log.read_text() == "second\n"
