"""`reconciler doctor`, as people run it."""

import json
from typing import Final

from tests.functional.conftest import CANARIES, Shop, until

WELL: Final = (
    "settings", "reach", "clock", "credentials", "rights", "quotas", "state", "lock", "journal", "source", "manifests",
    "secrets", "git",
)  # fmt: skip
OF_THE_MACHINE: Final = frozenset({"engines", "disk", "file system", "watcher"})


def grades(out: str) -> dict[str, str]:
    """Return the grade of everything that was looked at."""
    return {check["about"]: check["grade"] for check in json.loads(out)["checks"]}


def test_beside_a_relay_that_runs(shop: Shop) -> None:
    """Everything is looked at, nothing is left behind, and no secret is told."""
    relay = shop.start("--state", "state", "relay", "--media", "none")
    until((shop.folder / "state" / "relay.json").exists, "the relay")
    said = shop.command("--state", "state", "doctor", "-o", "json", "--backend", "relay")
    refused = shop.command("--state", "state", "doctor", "manifests/none.yaml")
    left = {path.name for path in (shop.folder / "state").iterdir()}
    relay.stop()

    found = grades(said.stdout)
    # Whether tests run with engines, and on which disk, is not for this test to say.
    assert {about: grade for about, grade in found.items() if about not in OF_THE_MACHINE} == dict.fromkeys(WELL, "ok")
    assert "journal.sqlite3" not in left
    assert not any(name.startswith(".doctor") for name in left)
    assert not any(value in said.stdout + said.stderr for value in CANARIES.values())
    assert (refused.returncode, "fail  source" in refused.stdout) == (1, True)


def test_before_anything_is_there(shop: Shop) -> None:
    """No relay runs yet, which is a warning: `run` starts one."""
    said = shop.command("doctor", "-o", "json")

    assert grades(said.stdout)["backend"] == "warn"
    assert not (shop.folder / ".reconciler").exists()


def test_an_account_that_is_not_reached(shop: Shop) -> None:
    """The status is the backend's, and everything else is told all the same."""
    shop.environment |= {"TENCENTCLOUD_SECRET_ID": "AKID", "TENCENTCLOUD_SECRET_KEY": "canary-of-a-key"}
    said = shop.command("doctor", "--backend", "streamlink", "--owner", "us", "--endpoint", "127.0.0.1:9")
    unclear = shop.command("doctor")

    assert said.returncode == 7
    assert "fail  reach" in said.stdout
    assert "ok    secrets" in said.stdout
    assert "canary" not in said.stdout + said.stderr
    assert (unclear.returncode, "--backend streamlink" in unclear.stdout) == (64, True)


def test_manifests_with_errors(shop: Shop) -> None:
    """The status is that of findings."""
    (shop.manifests / "news.yaml").write_text("kind: Flow\n")

    assert shop.command("doctor").returncode == 3
