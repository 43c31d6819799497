"""A plan that is saved, looked at, and carried out by another process: that one, or none."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.domain.errors import ExitStatus
from reconciler.manifests.schemas import judge_of
from tests.functional.conftest import CANARIES, DEADLINE_S, TOWER, Shop, Started
from tests.functional.test_account import silent_about_secrets, writes

B = TOWER.replace("name: tower", "name: b")


def plan(shop: Shop, *words: str) -> dict[str, Any]:
    """Save a plan, and return what is in its file."""
    said = shop.command("plan", "--out", "p.json", *words)
    assert said.returncode == ExitStatus.OK, said.stderr
    found: dict[str, Any] = json.loads((shop.folder / "p.json").read_text())
    return found


def apply(shop: Shop, *words: str) -> "subprocess.CompletedProcess[str]":
    """Apply the saved plan."""
    return shop.command("apply", "--plan", "p.json", "--auto-approve", *words)


@pytest.mark.usefixtures("relay")
def test_what_was_looked_at_is_carried_out_once(shop: Shop) -> None:
    """The plan goes through, and is stale from then on; its file is for its owner alone, and holds no value."""
    (shop.folder / "p.json").write_text("an older one, that everybody may read")
    saved = plan(shop)
    first, again = apply(shop), apply(shop)

    assert judge_of("plan")(saved)
    assert stat.S_IMODE((shop.folder / "p.json").stat().st_mode) == 0o600
    assert (first.returncode, again.returncode) == (ExitStatus.OK, ExitStatus.HELD), first.stderr
    assert first.stdout == "Applied: 2 created, 1 started; 0 unchanged before.\n"
    assert "gone: nothing is planned for it by now" in again.stderr
    assert "Plan again" in again.stderr
    assert silent_about_secrets(json.dumps(saved), first.stdout, first.stderr, again.stderr)
    assert "127.0.0.1:9" not in json.dumps(saved)
    assert sorted(path.name for path in shop.folder.iterdir() if "p.json" in path.name) == ["p.json"]


def test_ids_are_the_same_in_every_process_and_checkout(shop: Shop, relay: Started, tmp_path: Path) -> None:
    """Plan and apply may run on two machines, in folders of other names."""
    elsewhere = tmp_path / "another" / "checkout"
    elsewhere.mkdir(parents=True)
    shutil.copytree(shop.manifests, elsewhere / "manifests")
    environment = {**shop.environment, "PYTHONHASHSEED": "4711", "RECONCILER_STATE": str(shop.folder / ".reconciler")}
    other = replace(shop, folder=elsewhere, environment=environment)

    saved = plan(shop)
    shown = json.loads(other.command("plan", "-o", "json").stdout)
    shutil.copy(shop.folder / "p.json", elsewhere)
    applied = apply(other)

    assert [change["id"] for change in shown["changes"]] == [change["id"] for change in saved["changes"]]
    assert shown["revision"] == saved["revision"]
    assert applied.returncode == ExitStatus.OK, applied.stderr
    assert writes(relay).total() == 3


def test_a_tree_that_has_changed_makes_it_stale(shop: Shop, relay: Started) -> None:
    """Even where what changed is a comment: somebody looked at another tree."""
    plan(shop)
    with (shop.manifests / "tower.yaml").open("a") as file:
        file.write("# tonight\n")

    said = apply(shop)

    assert said.returncode == ExitStatus.HELD
    assert "the manifests have changed" in said.stderr
    assert writes(relay).total() == 0


def test_an_account_that_has_changed_makes_it_stale(shop: Shop, relay: Started) -> None:
    """What somebody else did to one resource is found out before anything is sent."""
    shop.command("apply", "--auto-approve")
    (shop.manifests / "tower.yaml").write_text(TOWER.replace("latency: 120", "latency: 500"))
    plan(shop)
    (shop.manifests / "tower.yaml").write_text(TOWER.replace("latency: 120", "latency: 300"))
    shop.command("apply", "--auto-approve")
    (shop.manifests / "tower.yaml").write_text(TOWER.replace("latency: 120", "latency: 500"))
    before = writes(relay)

    said = apply(shop)

    assert said.returncode == ExitStatus.HELD
    assert "edit output/news/tower" in said.stderr
    assert "found something else" in said.stderr
    assert writes(relay) == before


def test_what_is_wanted_beyond_it_is_named_and_not_sent(shop: Shop, relay: Started) -> None:
    """An output that somebody deleted since is for the next plan."""
    (shop.manifests / "b.yaml").write_text(B)
    shop.command("apply", "--auto-approve")
    (shop.manifests / "tower.yaml").write_text(TOWER.replace("latency: 120", "latency: 500"))
    saved = plan(shop)
    b = (shop.manifests / "b.yaml").read_text()
    tower = (shop.manifests / "tower.yaml").read_text()
    (shop.manifests / "b.yaml").unlink()
    (shop.manifests / "tower.yaml").write_text(TOWER)
    shop.command("apply", "--auto-approve")
    (shop.manifests / "b.yaml").write_text(b)
    (shop.manifests / "tower.yaml").write_text(tower)
    creates = writes(relay)["CreateStreamLinkOutputInfo"]

    said = apply(shop)

    assert [change["resource"] for change in saved["changes"]] == ["output/news/tower"]
    assert said.returncode == ExitStatus.OK, said.stderr
    assert said.stdout.startswith("Applied: 1 edited;")
    assert "1 more change is wanted by now, and not sent; plan again for them: create output/news/b" in said.stderr
    assert writes(relay)["CreateStreamLinkOutputInfo"] == creates


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(("apply", "--plan", "p.json", "manifests"), "give --plan or PATH, not both", id="plan and path"),
        pytest.param(("apply", "--plan", "none.json", "--auto-approve"), "cannot be read", id="no such file"),
        pytest.param(("apply", "--plan", "other.json", "--auto-approve"), "no JSON at line 1", id="no plan"),
        pytest.param(("plan", "--out", "p.json", "--base", "HEAD"), "give one of them", id="out and base"),
        pytest.param(("plan", "--out", "manifests"), "is no file", id="a folder"),
        pytest.param(("plan", "--out", "/dev/null"), "is no file", id="a device"),
        pytest.param(("plan", "--out", "none/p.json"), "There is no folder none", id="no such folder"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_read(shop: Shop, words: tuple[str, ...], why: str) -> None:
    """Without a relay, too: the command line is wrong."""
    (shop.folder / "other.json").write_text("changes: []")

    said = shop.command(*words)

    assert said.returncode == ExitStatus.USAGE
    assert why in said.stderr


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_at_the_question_sends_nothing(shop: Shop, relay: Started, number: int, status: int) -> None:
    """One is enough, and nobody is asked again."""
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "reconciler", "apply"],
        cwd=shop.folder,
        env=shop.environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = b""
        while b"Send these changes?" not in shown:
            shown += os.read(ours, 65536)

        process.send_signal(number)
        try:
            assert process.wait(DEADLINE_S) == status
        finally:
            process.kill()
    os.close(ours)
    assert writes(relay).total() == 0
    assert not any(canary.encode() in shown for canary in CANARIES.values())
