"""Trees of manifests that are rewritten, swapped and taken away under a loop at work: real files, git and clock."""

import asyncio
import contextlib
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from structlog.testing import capture_logs

from reconciler.engine.guard import Guard
from reconciler.engine.loop import Loop, Timing, Watcher
from reconciler.engine.reconcile import PassOutcome
from reconciler.engine.world import World
from reconciler.manifests.reader import ManifestReader
from reconciler.manifests.writing import ManifestWriter
from reconciler.sources.clock import SystemClock
from reconciler.sources.directory import DirectorySource
from tests.builders import US
from tests.fakes.journal import MemoryJournal
from tests.unit.engine.worlds import MeddledBackend, MemoryVault, keeper

pytestmark = pytest.mark.anyio

DEADLINE_S: Final = 180.0
BY_HINT: Final = Timing(debounce_s=0.05, rescan_s=3600.0, observe_s=3600.0)
"""No timer helps: what is noticed was noticed by the watch."""
FILES: Final = 10_000
EVERY: Final = 50
"""One file in so many is a flow's; the others are manifests without a document."""


@dataclass
class House:
    """A loop at work on a tree, and an account in memory that writes down each call."""

    backend: MeddledBackend
    source: DirectorySource
    passed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, *live: str) -> None:
        """Wait until the account has exactly these, each `NAME=DESCRIPTION`."""
        async with asyncio.timeout(DEADLINE_S):
            while self.live() != set(live):
                await self.passed.wait()
                self.passed.clear()

    def live(self) -> set[str]:
        """Return what the account has."""
        return {f"{flow.live_name}={flow.spec.input.description}" for flow in self.backend.flows.values() if flow.spec}

    @property
    def deleted(self) -> list[str]:
        """Return what was sent to delete something."""
        return [call for call in self.backend.sent if call.startswith("delete")]


@contextlib.asynccontextmanager
async def at_work(root: Path, proofs: Path, timing: Timing) -> AsyncIterator[House]:
    """Lend a loop at work on a tree."""
    clock, backend = SystemClock(), MeddledBackend()
    journal = MemoryJournal(clock)
    house = House(backend=backend, source=DirectorySource([root], proofs=proofs, clock=clock))
    world = World(
        source=house.source,
        reader=ManifestReader(),
        pin_reader=ManifestReader(),
        writer=ManifestWriter(),
        vault=MemoryVault(),
        backend=backend,
        clock=clock,
        journal=journal,
        guard=Guard(keeper(backend, clock, journal)),
        owner=US,
    )

    def on_pass(_: PassOutcome) -> None:
        house.passed.set()

    loop = Loop(world, timing, Watcher(jitter=lambda: 0.5, on_pass=on_pass))
    task = asyncio.create_task(loop.run())
    try:
        yield house
    finally:
        loop.stop()
        await task


def a_flow(name: str, description: str) -> str:
    """Return the manifest of a flow that carries nothing yet."""
    return (
        f"apiVersion: reconciler/v1\nkind: Flow\nmetadata: {{name: {name}}}\nspec:\n  region: local\n  state: idle\n"
        f"  description: {description}\n  input: {{protocol: RTMP, allowlist: [203.0.113.0/28]}}\n"
    )


def write(root: Path, descriptions: dict[str, str]) -> None:
    """Write a tree of flows."""
    root.mkdir(parents=True, exist_ok=True)
    for name, description in descriptions.items():
        (root / f"{name}.yaml").write_text(a_flow(name, description))


def described(descriptions: dict[str, str]) -> Iterable[str]:
    """Return what an account has that keeps this tree."""
    return (f"{name}={text}" for name, text in descriptions.items())


@contextlib.contextmanager
def load() -> Iterator[None]:
    """Keep the machine busy."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as spinning:
        try:
            yield
        finally:
            spinning.kill()


async def git(repository: Path, *arguments: str, told: str = "") -> None:
    """Run git there."""
    process = await asyncio.create_subprocess_exec("git", "-C", str(repository), *arguments, stdin=subprocess.PIPE)
    await process.communicate(told.encode())
    assert process.returncode == 0


def ten_thousand(revision: str, flows: dict[str, str]) -> str:
    """Return a commit, for git to import, in which each file names the revision: every one differs from the other's."""
    lines = [f"commit refs/heads/{revision}\ncommitter t <t@example> 1700000000 +0000\ndata 0"]
    for number in range(FILES):
        name = f"f{number // EVERY}"
        text = f"# {revision}\n" + (a_flow(name, flows[name]) if number % EVERY == 0 and name in flows else "")
        lines.append(f"M 100644 inline manifests/d{number % 100}/{number}.yaml\ndata {len(text)}\n{text}")
    return "\n".join(lines) + "\n"


async def test_a_checkout_of_ten_thousand_files_under_load_loses_nothing(tmp_path: Path) -> None:
    """At the end the account has what the last commit says, and what both commits want was never deleted."""
    repository = tmp_path / "repository"
    second = {f"f{number}": "second" if number % 20 == 0 else "first" for number in range(FILES // EVERY)}
    first = {name: "first" for number, name in enumerate(second) if number % 40 != 3}
    await git(tmp_path, "init", "--quiet", str(repository))
    commits = ten_thousand("first", first) + ten_thousand("second", second)
    await git(repository, "fast-import", "--quiet", told=commits)
    await git(repository, "checkout", "--quiet", "first")
    async with at_work(repository / "manifests", tmp_path / "proofs", Timing()) as house:
        await house.until(*described(first))

        with load():
            await git(repository, "checkout", "--quiet", "second")
            await house.until(*described(second))

    assert house.deleted == []


def renamed(link: Path, target: str) -> None:
    """Swap a link as git-sync and kubelets do."""
    draft = link.with_name(f"{link.name}_tmp")
    draft.symlink_to(target)
    draft.rename(link)


def forced(link: Path, target: str) -> None:
    """Swap a link as people do."""
    subprocess.run(["ln", "-sfn", target, str(link)], check=True)


@pytest.mark.parametrize("swap", [pytest.param(renamed, id="renamed"), pytest.param(forced, id="ln -sfn")])
async def test_a_link_that_is_swapped_is_followed(tmp_path: Path, swap: Callable[[Path, str], None]) -> None:
    """What it leads to then is read at once, and watched from then on; what it led to is watched no more."""
    write(tmp_path / "one", {"news": "one", "sports": "one"})
    write(tmp_path / "two", {"news": "two", "sports": "two"})
    (tmp_path / "current").symlink_to("one")
    async with at_work(tmp_path / "current", tmp_path / "proofs", BY_HINT) as house:
        await house.until("news=one", "sports=one")

        swap(tmp_path / "current", "two")
        await house.until("news=two", "sports=two")
        write(tmp_path / "two", {"news": "three"})
        await house.until("news=three", "sports=two")

    assert house.deleted == []


async def test_a_mounted_config_map_is_followed(tmp_path: Path) -> None:
    """Kubernetes turns to new content by exchanging `..data`, to which each file is a link through it."""
    root = tmp_path / "manifests"
    write(root / "..1", {"news": "one", "sports": "one"})
    (root / "..data").symlink_to("..1")
    for name in ("news.yaml", "sports.yaml"):
        (root / name).symlink_to(f"..data/{name}")
    async with at_work(root, tmp_path / "proofs", BY_HINT) as house:
        await house.until("news=one", "sports=one")

        for number, text in (("..2", "two"), ("..3", "three")):
            write(root / number, {"news": text, "sports": text})
            renamed(root / "..data", number)
            await house.until(f"news={text}", f"sports={text}")

    assert house.deleted == []


async def test_a_root_that_goes_and_comes_again_deletes_nothing(tmp_path: Path) -> None:
    """While it is gone the account is left as it is; what is there afterwards is watched as before."""
    root = tmp_path / "in" / "manifests"
    write(root, {"news": "one", "sports": "one"})
    with capture_logs() as logs:
        async with at_work(root, tmp_path / "proofs", BY_HINT) as house:
            await house.until("news=one", "sports=one")

            shutil.rmtree(root.parent)
            async with asyncio.timeout(DEADLINE_S):
                while not any(event["event"] == "tree.unreadable" for event in logs):  # noqa: ASYNC110 -- nobody is told.
                    await asyncio.sleep(0)
            assert house.live() == {"news=one", "sports=one"}
            write(root, {"news": "two", "sports": "one"})
            await house.until("news=two", "sports=one")
            write(root, {"news": "three"})
            await house.until("news=three", "sports=one")

    assert house.deleted == []
