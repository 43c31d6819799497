"""A relay that was killed: its engines go on until somebody says what is to become of them."""

import json
from pathlib import Path

import pytest

from reconciler.domain.errors import ExitStatus
from tests.functional.conftest import Shop, until
from tests.media.watching import processes_that_show


def marks(state: Path) -> list[str]:
    """Return the texts by which the engines of a state directory are known."""
    return [json.loads(path.read_text())["mark"] for path in state.rglob("*.identity")]


@pytest.mark.media
def test_relay_stop_ends_what_a_killed_relay_left(shop: Shop) -> None:
    """The engines outlive whoever embedded the relay; `relay stop` ends them where that is meant; nothing is left."""
    state = shop.folder / ".reconciler"
    run = shop.start("run")
    until(lambda: bool(run.events("reconcile.pass_finished")), "the first pass")
    until(lambda: bool(marks(state)), "the engine")
    known = marks(state)
    run.process.kill()
    run.process.wait()
    outlived = processes_that_show(*known)

    refused = shop.command("relay", "stop")
    stopped = shop.command("relay", "stop", "--auto-approve")
    again = shop.command("relay", "stop")

    assert outlived
    assert refused.returncode == ExitStatus.BLOCKED
    assert (stopped.returncode, again.returncode) == (ExitStatus.OK, ExitStatus.OK)
    assert "1 engine that a killed one left there was ended" in stopped.stderr
    assert "engine" not in again.stderr
    assert processes_that_show(*known) == []
