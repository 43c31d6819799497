"""One of our own engine programs: started, adopted after a restart of ours, asked, and ended."""

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from reconciler.media.processes import Process, Streams, adopted, as_user, load, save, spawn
from reconciler.media.programs import SYSTEM_PYTHON
from reconciler.media.sockets import connected
from reconciler.relay import programs
from reconciler.relay.engines.home import FlowHome
from reconciler.relay.engines.restarts import Restarts

_PROGRAMS: Final = Path(programs.__file__).parent
# Not by its whole path: the folders above are closed to the engine.
_LAUNCH: Final = (
    "import sys, importlib; sys.path.insert(0, '/proc/self/cwd/' + sys.argv[1]); "
    "importlib.import_module('reconciler.relay.programs.' + sys.argv.pop(2)).main()"
)
_IDENTITY: Final = "engine.identity"
_READY_S: Final = 10.0
_ANSWER_S: Final = 20.0
_GONE_S: Final = 1.0
_POLL_S: Final = 0.03
_LOG: Final = "engine.log"
_LOG_LIMIT_BYTES: Final = 1 << 20
_ENDED: Final = "the engine of this flow ended by itself"
_SILENT: Final = "the engine of this flow did not answer"


class EngineFailedError(Exception):
    """The engine did not start, or did not answer."""


class EngineProgram:
    """A flow's engine: the module of that name in `reconciler.relay.programs`, in a process of its own."""

    def __init__(self, home: FlowHome, module: str, *, now_s: Callable[[], float] | None = None) -> None:
        self._home = home
        self._module = module
        self._process: Process | None = None
        self._looked = False
        self._restarts = Restarts(now_s or asyncio.get_running_loop().time)
        self.last_error = ""
        """Why it does not run, in words."""

    @property
    def mishap(self) -> str:
        """Why it was started anew a short while ago, in words; empty when it was not."""
        return self._restarts.mishap

    @property
    def session(self) -> str:
        """What tells this run of the engine from any other; empty while none runs."""
        return "" if self._process is None else f"{self._process.identity.pid}-{self._process.identity.started}"

    @property
    def _runs(self) -> bool:
        return self._process is not None and self._process.running

    async def ready(self) -> bool:
        """Return whether it runs: adopted where an earlier run of ours left it, else started, after a growing pause."""
        if not self._looked:
            self._looked = True
            self._process = adopted(load(self._home.records / _IDENTITY), self._home.run)
        if self._runs:
            return True
        if self._process is not None:
            self._failed(_ENDED)
            await self.end()
        if not self._restarts.is_due:
            return False
        try:
            with self._restarts.attempt():
                await self._start()
        except (OSError, EngineFailedError):
            self.last_error = "the engine does not start; its log in the state directory says why"
            await self.end()
            return False
        self.last_error = ""
        return True

    def _failed(self, words: str) -> None:
        self._restarts.died(words)
        self.last_error = words

    async def ask(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """
        Return the engine's answer to a command; an engine that gives none is ended, and started anew by `ready`.

        Raises:
            EngineFailedError: it gives none.

        """
        _keep_short(self._home.records / _LOG)
        # An order holds secrets, and the engine's folder is not ours: nobody else is told them.
        pid = -1 if self._process is None else self._process.identity.pid
        try:
            async with (
                asyncio.timeout(_ANSWER_S),
                connected(self._home.run, "control.sock", listener=pid) as (reader, writer),
            ):
                writer.write(json.dumps(command).encode() + b"\n")
                answer = json.loads(await reader.readline())
        except (OSError, TimeoutError, ValueError) as error:
            self._failed(_SILENT if await self._lives_after(error) else _ENDED)
            await self.end()
            raise EngineFailedError from error
        if not isinstance(answer, dict) or "error" in answer:
            self._failed(_SILENT)
            await self.end()
            raise EngineFailedError
        return answer

    async def _lives_after(self, error: Exception) -> bool:
        # A process that is killed lets go of its connections a moment before it is gone.
        if self._process is not None and not isinstance(error, TimeoutError):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GONE_S):
                    await self._process.wait()
        return self._runs

    async def end(self) -> None:
        """End the process; where none runs, nothing happens."""
        process, self._process = self._process, None
        if process is not None:
            await process.end()
            (self._home.records / _IDENTITY).unlink(missing_ok=True)

    async def _start(self) -> None:
        home = self._home
        (home.run / "control.sock").unlink(missing_ok=True)
        command = program_command(home, self._module, str(home.run))
        child = spawn(
            as_user(command, home.user),
            mark=str(home.run),
            cwd=home.run,
            streams=Streams(log=home.records / _LOG),
        )
        self._process = child
        save(child.identity, home.records / _IDENTITY)
        deadline_s = asyncio.get_running_loop().time() + _READY_S
        while not (home.run / "control.sock").is_socket():
            if not child.running or asyncio.get_running_loop().time() > deadline_s:
                raise EngineFailedError
            await asyncio.sleep(_POLL_S)


def _keep_short(log: Path) -> None:
    """Empty a log that has grown long: an engine of years does not fill the disk, and goes on at its new end."""
    with contextlib.suppress(OSError):
        descriptor = os.open(log, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if os.fstat(descriptor).st_size > _LOG_LIMIT_BYTES:
                os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)


def program_command(home: FlowHome, module: str, *arguments: str) -> list[str]:
    """
    Return the command that runs one of our programs in a flow's folder, after copying them all to there.

    The copy is named by its content and never changed: another engine of the flow may be about to read it.
    """
    sources = sorted(_PROGRAMS.glob("*.py"))
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    name = f"program-{digest[:16]}"
    if not (home.run / name).is_dir():
        _install(home, sources, home.run / name)
    return [SYSTEM_PYTHON, "-I", "-B", "-c", _LAUNCH, name, module, *arguments]


def _install(home: FlowHome, sources: Sequence[Path], place: Path) -> None:
    # In our own folder: below the engine's, a link might have us make, open or give away what is another's.
    draft = home.records / f"{place.name}.new"
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(draft)
    folder = draft / "reconciler" / "relay" / "programs"
    folder.mkdir(mode=0o700, parents=True)
    for package in (draft / "reconciler", draft / "reconciler" / "relay"):
        (package / "__init__.py").touch(mode=0o600)
    for source in sources:
        shutil.copyfile(source, folder / source.name)
    for path in (draft, *draft.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
        home.give(path)
    draft.rename(place)
