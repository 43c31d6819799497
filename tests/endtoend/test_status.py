"""`reconciler status` against a relay: what it shows, what it reveals, and what it writes down."""

import json
import signal
from pathlib import Path

import pytest

from reconciler.relay.service import Relay
from tests.endtoend.commands import Shell
from tests.endtoend.manifests import CANARY

pytestmark = pytest.mark.anyio


@pytest.fixture
async def applied(relay: Relay, tree: Path, reconciler: Shell) -> Relay:
    """Serve a relay that has the tree's flow and outputs."""
    said = await reconciler("apply", tree, "--auto-approve")
    assert said.status == 0, said.everything
    return relay


@pytest.mark.usefixtures("applied")
async def test_everything_is_shown_and_no_key(reconciler: Shell) -> None:
    """As text and as JSON: each end with its state, URLs masked."""
    text = await reconciler("status")
    of_one = await reconciler("status", "output/news/tower", "-o", "json")

    (flow,) = json.loads(of_one.out)["flows"]
    assert (text.status, of_one.status) == (0, 0)
    assert [end["resource"] for end in flow["ends"]] == ["output/news/tower"]
    assert all(word in text.out for word in ("news", "tower", "platform", "Idle", "passphrase=****"))
    assert CANARY not in text.everything + of_one.everything


@pytest.mark.usefixtures("applied")
async def test_one_url_is_revealed_and_that_is_written_down(reconciler: Shell) -> None:
    """It stands on stdout alone; the file and the log say that it was shown, and not what."""
    said = await reconciler("status", "--reveal", "flow/news")

    audit = reconciler.state / "audit.log"
    lines = [json.loads(line) for line in audit.read_text().splitlines()]
    logged = json.loads(said.err.splitlines()[-1])
    assert said.status == 0, said.everything
    assert said.out.startswith("srt://127.0.0.1:")
    assert said.out.endswith(f"?mode=caller&passphrase={CANARY}-in&pbkeylen=16\n")
    assert [(line["event"], line["resource"]) for line in lines] == [("status.revealed", "flow/news")]
    assert (logged["event"], logged["user"]) == ("status.revealed", lines[0]["user"])
    assert audit.stat().st_mode & 0o777 == 0o600
    assert CANARY not in said.err + audit.read_text()


@pytest.mark.usefixtures("applied")
async def test_what_calls_has_no_url(reconciler: Shell) -> None:
    """Nothing is shown, nothing is written down, and the shell hears of it."""
    said = await reconciler("status", "--reveal", "output/news/tower")

    assert (said.status, said.out) == (64, "")
    assert not (reconciler.state / "audit.log").exists()


@pytest.mark.usefixtures("applied")
async def test_watching_ends_well(reconciler: Shell) -> None:
    """It tells again and again, and Ctrl-C ends it with 0."""
    process = await reconciler.start("status", "--watch", "-o", "json")
    assert process.stdout is not None

    first, second = [json.loads(await process.stdout.readline()) for _ in range(2)]
    process.send_signal(signal.SIGINT)
    await process.communicate()

    assert [flow["resource"] for flow in first["flows"]] == ["flow/news"]
    assert second["flows"] == first["flows"]
    assert process.returncode == 0


async def test_without_a_backend_nothing_is_read(reconciler: Shell) -> None:
    """The shell hears 7, and people what to start."""
    said = await reconciler("status")

    assert (said.status, said.out) == (7, "")
    assert "reconciler run" in said.err
