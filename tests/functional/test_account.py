"""The real command against a real relay: plan, apply, and what each failure tells the shell."""

import json
import re
from collections import Counter

import pytest

from reconciler.domain.errors import ExitStatus
from tests.functional.conftest import CANARIES, TOWER, Shop, Started

WRITES = ("Create", "Modify", "Delete", "Start", "Stop")


def writes(relay: Started) -> Counter[str]:
    """Return the write calls that the relay has answered, by action."""
    answered = (str(event["action"]) for event in relay.events("relay.request_finished"))
    return Counter(action for action in answered if action.startswith(WRITES))


def silent_about_secrets(*texts: str) -> bool:
    """Return whether no secret stands in any of these."""
    return not any(canary in text for canary in CANARIES.values() for text in texts)


def test_plan_apply_plan(shop: Shop, relay: Started) -> None:
    """A plan says 2 before and 0 after an apply; a second apply writes nothing; nobody prints a secret."""
    before = shop.command("plan", "--detailed-exitcode")
    applied = shop.command("apply", "--auto-approve")
    written = writes(relay)
    after = shop.command("plan", "--detailed-exitcode")
    again = shop.command("apply", "--auto-approve")

    assert before.returncode == ExitStatus.CHANGES_PRESENT, before.stderr
    assert "+ create output/news/tower" in before.stdout
    assert "srt.encryption.passphrase  ***" in before.stdout
    assert "Backend: " in before.stderr
    assert applied.returncode == ExitStatus.OK, applied.stderr
    assert applied.stdout == "Applied: 2 created, 1 started; 0 unchanged before.\n"
    assert (after.returncode, again.returncode) == (ExitStatus.OK, ExitStatus.OK)
    assert written.total() == 3
    assert writes(relay) == written
    said = [text for done in (before, applied, after, again) for text in (done.stdout, done.stderr)]
    assert silent_about_secrets(relay.said(), *said)


def test_json_is_all_that_stands_on_stdout(shop: Shop, relay: Started) -> None:
    """A program reads the result; people's words are on stderr."""
    plan = json.loads(shop.command("plan", "-o", "json").stdout)
    applied = json.loads(shop.command("apply", "--auto-approve", "-o", "json").stdout)

    assert [f"{change['action']} {change['resource']}" for change in plan["changes"]] == [
        "create flow/news",
        "create output/news/tower",
        "start flow/news",
    ]
    assert {change["result"] for change in applied["changes"]} == {"done"}
    assert all(change["request_ids"] for change in applied["changes"])
    assert relay.process.poll() is None


def test_on_a_terminal_it_asks_first(shop: Shop, relay: Started) -> None:
    """A no sends nothing; a yes sends what was shown, and the progress is told."""
    declined = shop.on_terminal("--no-color", "apply", answer="n")
    written = writes(relay).total()
    agreed = shop.on_terminal("--no-color", "apply", answer="y")

    assert declined[0] == ExitStatus.ALL_FAILED
    assert "Nothing was sent." in declined[1]
    assert written == 0
    assert agreed[0] == ExitStatus.OK, agreed[1]
    assert "Send these changes?" in agreed[1]
    assert "done     create output/news/tower" in agreed[1]
    assert not re.search(r"\x1b\[[0-9;]*m", agreed[1])
    assert silent_about_secrets(declined[1], agreed[1])


@pytest.mark.usefixtures("relay")
def test_a_missing_secret_fails_its_output_alone(shop: Shop) -> None:
    """The output is named with the variable that is not set; the flow is made."""
    del shop.environment["STREAM_TOWER"]

    applied = shop.command("apply", "--auto-approve")

    assert applied.returncode == ExitStatus.SOME_FAILED
    assert "failed output/news/tower" in applied.stdout
    assert "STREAM_TOWER" in applied.stdout
    assert "1 created" in applied.stdout


@pytest.mark.usefixtures("relay")
def test_an_empty_tree_deletes_nothing(shop: Shop) -> None:
    """Manifests that vanished are no wish to go off air."""
    shop.command("apply", "--auto-approve")
    for file in shop.manifests.iterdir():
        file.unlink()

    applied = shop.command("apply", "--auto-approve")

    assert applied.returncode == ExitStatus.BLOCKED
    assert "not a single Flow" in applied.stdout


@pytest.mark.usefixtures("relay")
def test_a_deleted_output_goes_and_the_flow_stays(shop: Shop) -> None:
    """Deleting a document deletes what it made, and nothing else."""
    (shop.manifests / "other.yaml").write_text(TOWER.replace("name: tower", "name: other"))
    shop.command("apply", "--auto-approve")
    (shop.manifests / "other.yaml").unlink()

    applied = shop.command("apply", "--auto-approve")

    assert applied.stdout == "Applied: 1 deleted; 2 unchanged before.\n"


@pytest.mark.usefixtures("relay")
def test_broken_manifests_are_findings(shop: Shop) -> None:
    """Neither plan nor apply goes on with a tree that has errors."""
    (shop.manifests / "tower.yaml").write_text(TOWER.replace("latency: 120", "latency: 9999"))

    plan, applied = shop.command("plan"), shop.command("apply", "--auto-approve")

    assert (plan.returncode, applied.returncode) == (ExitStatus.FINDINGS, ExitStatus.FINDINGS)
    assert "manifests/tower.yaml:10:14: SL" in plan.stderr
    assert plan.stdout == ""


@pytest.mark.usefixtures("relay")
def test_wrong_credentials_are_a_refusing_backend(shop: Shop) -> None:
    """Keys that the relay does not know end with 7, and the key is not shown."""
    credentials = shop.folder / ".reconciler" / "credentials.env"
    lines = credentials.read_text().splitlines()
    credentials.chmod(0o600)
    credentials.write_text(f"{lines[0]}\nTENCENTCLOUD_SECRET_KEY=canary-of-a-wrong-key\n")

    plan = shop.command("plan")

    assert plan.returncode == ExitStatus.BACKEND
    assert "canary" not in plan.stdout + plan.stderr


def test_no_relay_says_what_to_start(shop: Shop) -> None:
    """Without a relay, a verb ends with 7 and names the next command."""
    plan = shop.command("plan")

    assert plan.returncode == ExitStatus.BACKEND
    assert "reconciler run" in plan.stderr


def test_keys_without_a_choice_are_refused(shop: Shop) -> None:
    """Keys of an account in the environment are no wish to touch it."""
    shop.environment.update({"TENCENTCLOUD_SECRET_ID": "AKID", "TENCENTCLOUD_SECRET_KEY": "canary-of-a-key"})

    plan = shop.command("plan")

    assert plan.returncode == ExitStatus.USAGE
    assert "canary" not in plan.stderr


def test_a_path_that_does_not_exist_is_a_usage_error(shop: Shop) -> None:
    """A mistyped path is said as such."""
    plan = shop.command("plan", "manifets")

    assert plan.returncode == ExitStatus.USAGE
    assert "There is nothing at manifets" in plan.stderr
