"""`reconciler run` on the embedded relay, with real video: what follows an edited file, and what its sibling sees."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler import wiring
from reconciler.cli.ends import all_flows
from reconciler.domain.changes import Delete, FlowAt
from reconciler.domain.impact import Impact
from reconciler.domain.model import FoundFlow, FoundOutput, OutputKey, Srt
from reconciler.media.far_ends import probe_source
from reconciler.media.probe import Receiver, Reception
from tests.endtoend.commands import Shell
from tests.endtoend.manifests import CANARY, FLOW
from tests.media.watching import processes_that_show, until

pytestmark = [pytest.mark.anyio, pytest.mark.media]

PATIENCE_S = 45.0

LISTENER = """\
apiVersion: reconciler/v1
kind: Output
metadata: {name: NAME}
spec:
  flow: news
  protocol: SRT
  allowlist: [127.0.0.0/8]
  srt: {mode: listener, latency: LATENCY, encryption: {keyLength: 32, passphrase: {env: STREAM_TOWER}}}
"""


class Account:
    """What the relay of a state directory has."""

    def __init__(self, state: Path) -> None:
        self._settings = wiring.load_settings(flags={"state": state}, environment={})

    async def flow(self) -> FoundFlow | None:
        """Return the one flow; None before it is there."""
        async with wiring.existing_backend(self._settings) as backend:
            flows = await all_flows(backend)
        return flows[0] if flows else None

    async def remove(self, name: str) -> None:
        """Delete an output behind the reconciler's back."""
        flow = await self.flow()
        assert flow is not None
        (doomed,) = [output for output in flow.outputs if output.live_name == name]
        at = FlowAt(flow.region, flow.live_name)
        async with wiring.existing_backend(self._settings) as backend:
            await backend.apply(Delete(key=OutputKey("news", name), at=at, found=doomed, impact=Impact.NONE))

    async def outputs(self) -> dict[str, FoundOutput]:
        """Return its outputs by name."""
        flow = await self.flow()
        return {} if flow is None else {output.live_name: output for output in flow.outputs}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A verb that is running."""

    pid: int
    said: Callable[[], str]


@asynccontextmanager
async def running(shell: Shell, *words: str | Path) -> AsyncIterator[Verb]:
    """Run a verb meanwhile, and lend what it has said so far; it must end well at SIGTERM."""
    process = await shell.start(*words)
    said: list[bytes] = []

    async def listen(stream: asyncio.StreamReader | None) -> None:
        while stream is not None and (line := await stream.readline()):
            said.append(line)

    listening = asyncio.gather(listen(process.stdout), listen(process.stderr))
    try:
        yield Verb(pid=process.pid, said=lambda: b"".join(said).decode())
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), PATIENCE_S)
        await listening
    assert process.returncode in {0, 143}, b"".join(said).decode()


async def test_a_sibling_sees_nothing_of_edits(  # noqa: PLR0915 -- one stream is watched through all of it
    tmp_path: Path, reconciler: Shell
) -> None:
    """
    While files are edited, added, removed and broken, the sibling's receiver counts no discontinuity.

    A latency edited in its file goes live, a new document starts an output, a deleted one ends it, an output removed
    behind the loop's back comes back, and a broken file is reported at its place and deletes nothing.
    """
    tree = tmp_path / "manifests"
    tree.mkdir()
    (tree / "news.yaml").write_text(FLOW)
    (tree / "steady.yaml").write_text(LISTENER.replace("NAME", "steady").replace("LATENCY", "500"))
    (tree / "edited.yaml").write_text(LISTENER.replace("NAME", "edited").replace("LATENCY", "120"))
    account = Account(reconciler.state)

    async with running(reconciler, "run", tree) as run:
        await until(_says(run, "reconcile.pass_finished"))
        assert await _has(account, "steady", "edited")
        async with running(reconciler, "signal", "news") as signal:
            async with Receiver(probe_source((await account.outputs())["steady"])) as receiver:
                before = await _frames_more(receiver, 50)

                (tree / "edited.yaml").write_text(LISTENER.replace("NAME", "edited").replace("LATENCY", "333"))
                await until(lambda: _latency_is(account, "edited", 333))

                (tree / "new.yaml").write_text(LISTENER.replace("NAME", "new").replace("LATENCY", "120"))
                await until(lambda: _has(account, "edited", "new", "steady"))
                async with Receiver(probe_source((await account.outputs())["new"])) as fresh:
                    delivered = await asyncio.wait_for(fresh.frames(25), PATIENCE_S)

                (tree / "new.yaml").unlink()
                await until(lambda: _has(account, "edited", "steady"))

                await account.remove("edited")
                await until(lambda: _has(account, "edited", "steady"))

                (tree / "edited.yaml").write_text("kind: Output\n  broken: [\n")
                await until(_says(run, "edited.yaml:2:"))
                kept = await account.outputs()

                (tree / "edited.yaml").unlink()
                await until(lambda: _has(account, "steady"))
                after = await _frames_more(receiver, 50)
            shown = [line for line in processes_that_show(CANARY) if _pid_of(line) not in {run.pid, signal.pid}]

    assert delivered.frames >= 25
    assert kept.keys() == {"edited", "steady"}
    assert after.frames > before.frames
    assert (after.connections, after.discontinuities) == (1, 0)
    assert not shown
    assert CANARY not in run.said() + signal.said()
    assert not processes_that_show(str(reconciler.state))


def _pid_of(line: str) -> int:
    return int(line.partition("/")[0])


async def _frames_more(receiver: Receiver, count: int) -> Reception:
    wanted = receiver.reception.frames + count
    return await asyncio.wait_for(receiver.frames(wanted), PATIENCE_S)


def _says(verb: Verb, words: str) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return words in verb.said()

    return look


async def _has(account: Account, *names: str) -> bool:
    return sorted(await account.outputs()) == sorted(names)


async def _latency_is(account: Account, name: str, latency_ms: int) -> bool:
    output = (await account.outputs()).get(name)
    settings = None if output is None or output.spec is None else output.spec.settings
    return isinstance(settings, Srt) and settings.latency_ms == latency_ms
