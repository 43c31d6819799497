"""`reconciler run` as a process, against a relay without media: files change, the relay follows."""

from collections.abc import Iterator

import pytest

from reconciler.domain.errors import ExitStatus
from reconciler.relay import credentials, registration
from tests.functional.conftest import CANARIES, MANIFESTS, TOWER, Shop, Started, until


@pytest.fixture
def on_relay(shop: Shop, relay: Started) -> Shop:
    """Return the shop with settings that choose the relay, which holds the folder's own state directory."""
    state = shop.folder / ".reconciler"
    found = registration.read(state)
    assert found is not None
    assert relay.process.poll() is None
    text = (state / credentials.FILE_NAME).read_text()
    shop.environment.update(dict(line.split("=", 1) for line in text.splitlines()))
    shop.environment["RECONCILER_STATE"] = "run-state"
    (shop.folder / "reconciler.yaml").write_text(
        f"backend: {{kind: relay, endpoint: '{found.endpoint}', regions: [local]}}\nloop: {{observeS: 1}}\n"
    )
    return shop


@pytest.fixture
def run(on_relay: Shop) -> Iterator[Started]:
    """Lend a loop that has finished its first pass."""
    started = on_relay.start("run")
    try:
        until(lambda: bool(started.events("reconcile.pass_finished")), "the first pass")
        yield started
    finally:
        started.stop()


def applied(run: Started) -> list[str]:
    """Return the changes that were made so far."""
    return [f"{event['action']} {event['resource']}" for event in run.events("change.applied")]


def test_the_loop_follows_the_files(on_relay: Shop, run: Started) -> None:
    """Edits, new files and deleted files are followed; a broken file changes nothing; a stop ends with 0."""
    tower, other = on_relay.manifests / "tower.yaml", on_relay.manifests / "other.yaml"

    tower.write_text(TOWER.replace("latency: 120", "latency: 500"))
    until(lambda: "edit output/news/tower" in applied(run), "the edit")
    other.write_text(TOWER.replace("name: tower", "name: other"))
    until(lambda: "create output/news/other" in applied(run), "the new output")
    tower.write_text("kind: [")
    until(lambda: bool(run.events("tree.refused")), "the refusal")
    tower.write_text(TOWER)
    other.unlink()
    until(lambda: "delete output/news/other" in applied(run), "the delete")

    assert "manifests/tower.yaml:1:" in str(run.events("tree.refused")[0]["findings"])
    assert "delete output/news/tower" not in applied(run)
    assert run.stop() == ExitStatus.OK
    assert not any(canary in run.said() for canary in CANARIES.values())


def test_drift_comes_back(on_relay: Shop, run: Started) -> None:
    """What another owner's hand deletes at the relay is made again."""
    (on_relay.folder / "less").mkdir()
    (on_relay.folder / "less" / "news.yaml").write_text(MANIFESTS)
    before = applied(run).count("create output/news/tower")

    on_relay.command("apply", "less", "--auto-approve")

    until(lambda: applied(run).count("create output/news/tower") > before, "the output")
    assert run.process.poll() is None


def test_once_passes_and_ends(on_relay: Shop) -> None:
    """For cron: one pass, which serves nobody, and the exit status says what came of it."""
    with (on_relay.folder / "reconciler.yaml").open("a") as settings:
        settings.write("service: {listen: '127.0.0.1:0'}\n")

    first, second = on_relay.command("run", "--once"), on_relay.command("run", "--once")

    assert (first.returncode, second.returncode) == (ExitStatus.OK, ExitStatus.OK), first.stderr
    assert "service.started" not in first.stderr
    assert first.stdout == "Applied: 2 created, 1 started; 0 unchanged before.\n"
    assert second.stdout == "Applied: nothing to do; 2 unchanged before.\n"


def test_observing_sends_nothing(on_relay: Shop) -> None:
    """Once, and as a loop: what would be sent is shown, and the account stays as it is."""
    once = on_relay.command("run", "--once", "--observe")
    loop = on_relay.start("run", "--observe")
    try:
        until(lambda: bool(loop.events("change.planned")), "what would be sent")
    finally:
        stopped = loop.stop()
    planned = on_relay.command("plan", "--detailed-exitcode")

    assert "+ create flow/news  impact: none" in once.stdout
    assert once.stdout.splitlines()[-1].startswith("Plan: 2 to create, 1 to start; 0 unchanged.")
    assert (once.returncode, stopped) == (ExitStatus.OK, ExitStatus.OK), once.stderr
    assert applied(loop) == []
    assert planned.returncode == ExitStatus.CHANGES_PRESENT, planned.stderr


def test_once_with_broken_manifests_changes_nothing(on_relay: Shop) -> None:
    """Findings are told, and end with 3."""
    (on_relay.manifests / "tower.yaml").write_text("kind: [")

    done = on_relay.command("run", "--once")

    assert done.returncode == ExitStatus.FINDINGS
    assert "manifests/tower.yaml:1:" in done.stderr


def test_a_second_loop_on_one_state_is_refused(on_relay: Shop, run: Started) -> None:
    """Two loops never fight over one account's streams from one state."""
    second = on_relay.command("run", "--once")

    assert second.returncode == ExitStatus.HELD
    assert str(run.process.pid) in second.stderr


def test_a_relay_of_one_pass_is_said_to_end_with_it(shop: Shop) -> None:
    """Whoever reads that all was applied would otherwise look for pictures that nobody carries."""
    tower = shop.manifests / "tower.yaml"
    tower.unlink()
    news = shop.manifests / "news.yaml"
    news.write_text(news.read_text().replace("spec:\n", "spec:\n  state: idle\n", 1))

    passed = shop.command("run", "--once")

    assert passed.returncode == ExitStatus.OK, passed.stderr
    assert "The relay of this pass ends with it: nothing is carried any more." in passed.stderr
