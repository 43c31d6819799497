"""An output that somebody receives, on the embedded relay with real video: blocked, then approved."""

import json
import shlex
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reconciler.domain.errors import ExitStatus
from reconciler.domain.model import Srt
from reconciler.media.far_ends import probe_source
from reconciler.media.probe import Receiver
from tests.endtoend.commands import Shell
from tests.endtoend.manifests import FLOW
from tests.endtoend.test_live_run import LISTENER, Account, running
from tests.media.watching import until

pytestmark = [pytest.mark.anyio, pytest.mark.media]


def write(tree: Path, latency_ms: int, *names: str) -> None:
    """Say how late these outputs may be."""
    for name in names:
        (tree / f"{name}.yaml").write_text(LISTENER.replace("NAME", name).replace("LATENCY", str(latency_ms)))


async def latency_ms(reconciler: Shell, name: str) -> int:
    """Return how late an output may be, by the relay."""
    output = (await Account(reconciler.state).outputs()).get(name)
    settings = None if output is None or output.spec is None else output.spec.settings
    return settings.latency_ms if isinstance(settings, Srt) else 0


@pytest.fixture
async def watched(tmp_path: Path, reconciler: Shell) -> AsyncIterator[Path]:
    """Lend the tree of a loop at work: a flow on air, one output that somebody receives, and one that nobody does."""
    tree = tmp_path / "live"
    tree.mkdir()
    (tree / "news.yaml").write_text(FLOW)
    write(tree, 120, "watched", "alone")
    async with running(reconciler, "run", tree) as run:

        async def is_made() -> bool:
            return "reconcile.pass_finished" in run.said()

        await until(is_made)
        source = probe_source((await Account(reconciler.state).outputs())["watched"])
        async with running(reconciler, "signal", "news"), Receiver(source) as receiver:
            await receiver.frames(50)
            yield tree


async def test_what_somebody_receives_is_edited_after_an_approval_alone(watched: Path, reconciler: Shell) -> None:
    """The loop blocks it, goes on with what is off air, and says the one command; that releases it and nothing else."""

    async def is_other_edited() -> bool:
        return await latency_ms(reconciler, "alone") == 333

    write(watched, 333, "watched", "alone")
    await until(is_other_edited)
    before = await latency_ms(reconciler, "watched")
    planned = await reconciler("plan", watched, "-o", "json")
    why = await reconciler("why", "news/watched", watched)
    (held,) = json.loads(planned.out)["blocked"]
    # Without how the program and its state are called here, and with a reason.
    said = held["release"].partition(f"--state {reconciler.state} ")[2].replace("WHY", "the viewers agreed")
    words = shlex.split(said)
    applied = await reconciler(*words, "--auto-approve")
    after = await latency_ms(reconciler, "watched")
    events = await reconciler("events", "--kind", "approval.used", "-o", "json")

    assert (planned.status, before) == (ExitStatus.BLOCKED, 120)
    assert (held["resource"], held["hold"]) == ("output/news/watched", "on-air")
    assert "output watched is on air (Connected, " in held["why"]
    assert held["change"]["effect"] == "reconnect: 1 receiver"
    assert f"  release     {held['release']}" in why.out.splitlines()
    assert (applied.status, after) == (ExitStatus.OK, 333), applied.everything
    assert held["change"]["id"] in events.out
