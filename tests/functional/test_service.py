"""`reconciler run` as a service: a branch, a webhook, what it serves, its supervisor, and settings read anew."""

import hashlib
import hmac
import json
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from reconciler.domain.errors import ExitStatus
from tests.functional.conftest import DEADLINE_S, MANIFESTS, TOWER, Shop, Started, until
from tests.functional.repositories import Manifests, made
from tests.functional.test_run import applied, on_relay

__all__ = ["on_relay"]

SECRET: Final = "a-secret-of-the-forge-that-is-long-enough"
SLOWER: Final = TOWER.replace("latency: 120", "latency: 500")


@pytest.fixture
def upstream(tmp_path: Path) -> tuple[Manifests, Path]:
    """Return a working clone, and the bare repository that it pushes to."""
    work, bare = made(tmp_path / "work"), tmp_path / "live.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", work.root, bare], check=True, capture_output=True)
    work.git("remote", "add", "origin", str(bare))
    return work, bare


def push(work: Manifests, **files: str) -> str:
    """Commit files and push them; return the commit."""
    commit = work.commit(**files)
    work.git("push", "--quiet", "--force", "origin", "HEAD:main")
    return commit


def settle(shop: Shop, **groups: dict[str, Any]) -> None:
    """Add groups to the settings file."""
    path = shop.folder / "reconciler.yaml"
    text = path.read_text().partition("# more\n")[0]
    more = "".join(f"{name}: {json.dumps(group)}\n" for name, group in groups.items())
    path.write_text(f"{text}# more\n{more}")


def asked(url: str) -> str:
    """Return what the service answers."""
    return httpx.get(url, timeout=DEADLINE_S).text


def delivered(url: str, body: bytes, *, id_: str) -> int:
    """Deliver a push as a forge does, and return the status of the answer."""
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": id_,
        "X-Hub-Signature-256": f"sha256={hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}",
    }
    return httpx.post(url, content=body, headers=headers, timeout=DEADLINE_S).status_code


def url_of(started: Started) -> str:
    """Return where it serves, once it says so."""
    until(lambda: bool(started.events("service.started")), "the service")
    return str(started.events("service.started")[0]["url"]).rstrip("/")


def counted(metrics: str, name: str, **labels: str) -> float:
    """Return the sum of all series of a counter with these labels."""
    rows = re.findall(rf"^{name}\{{(.*?)\}} (\S+)$", metrics, flags=re.MULTILINE)
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    return sum(float(value) for told, value in rows if all(each in told for each in wanted))


@dataclass(frozen=True)
class Branch:
    """A `run` that follows a branch, and is told of pushes alone: its poll is an hour away."""

    started: Started
    work: Manifests
    first: str
    """The commit that it began with, and has applied."""
    base: str
    """Where it serves."""

    def told_of(self, commit: str, *, branch: str = "main") -> int:
        """Say that somebody has pushed; return the status of the answer."""
        body = json.dumps({"ref": f"refs/heads/{branch}", "after": commit}).encode()
        return delivered(f"{self.base}/hooks/github", body, id_=f"{branch} {commit}")

    def asked(self, path: str) -> Any:
        """Return what the API answers."""
        return json.loads(asked(f"{self.base}/api/v1/{path}"))


@pytest.fixture
def followed(on_relay: Shop, upstream: tuple[Manifests, Path]) -> Iterator[Branch]:
    """Lend a `run` that has applied the first commit of a branch."""
    work, bare = upstream
    first = push(work, news=MANIFESTS, tower=TOWER)
    secret = on_relay.folder / "webhook"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    settle(
        on_relay,
        source={"git": str(bare), "pollS": 3600},
        service={"listen": "127.0.0.1:0", "webhookSecretFile": str(secret)},
    )
    started = on_relay.start("run")
    try:
        base = url_of(started)
        until(lambda: "start flow/news" in applied(started), "the first commit")
        yield Branch(started=started, work=work, first=first, base=base)
    finally:
        started.stop()


def test_a_push_is_applied_when_the_forge_says_so(followed: Branch) -> None:
    """The revision is the commit wherever it is told, and a push to another branch is nobody's."""
    second = push(followed.work, tower=SLOWER)
    ignored = followed.told_of(second, branch="draft")
    woken = followed.told_of(second)
    until(lambda: "edit output/news/tower" in applied(followed.started), "the second commit")
    until(lambda: followed.asked("resources/news/tower")["revision"] == second, "the board")
    status = followed.asked("status")

    assert (ignored, woken) == (202, 202)
    assert [event["revision"] for event in followed.started.events("change.applied")] == [followed.first] * 3 + [second]
    assert (status["revision"], status["seen"], status["trouble"]) == (second, second, "")


def test_a_resource_is_rolled_back_to_a_commit_of_the_branch(on_relay: Shop, followed: Branch) -> None:
    """`rollback` reads the mirror that `run` keeps, and `run` follows it at once."""
    second = push(followed.work, tower=SLOWER)
    followed.told_of(second)
    until(lambda: followed.asked("resources/news/tower")["revision"] == second, "the second commit")
    said = on_relay.command("rollback", "news/tower", "--to", followed.first[:12], "--reason", "it is dark")
    until(lambda: applied(followed.started).count("edit output/news/tower") == 2, "the rollback")
    until(lambda: followed.asked("resources/news/tower")["pin"] is not None, "the pin on the board")

    assert said.returncode == ExitStatus.OK, said.stderr
    assert followed.asked("resources/news/tower")["pin"]["revision"] == followed.first


def test_what_is_counted_is_what_is_written_down(on_relay: Shop, followed: Branch) -> None:
    """Metrics, log and journal tell one story of what was sent."""
    second = push(followed.work, tower=SLOWER)
    followed.told_of(second)
    until(lambda: followed.asked("resources/news/tower")["revision"] == second, "the second commit")
    metrics = asked(f"{followed.base}/metrics")
    history = json.loads(on_relay.command("history", "-o", "json").stdout)

    calls = [each for each in history["calls"] if each["result"] == "done"]
    assert {call["revision"] for call in calls} == {followed.first, second}
    assert counted(metrics, "reconciler_changes_total", result="done") == len(calls) == 4
    assert len(followed.started.events("change.applied")) == len(calls)
    assert counted(metrics, "reconciler_api_calls_total", action="ModifyStreamLinkOutputInfo", code="") == 1


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Callable[[], list[str]]]:
    """Listen as a supervisor does; return what asks for all that it was told so far."""
    path, lines = tmp_path / "notify", []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(path))
        heard.setblocking(False)

        def all_() -> list[str]:
            try:
                while True:
                    lines.extend(heard.recv(4096).decode().splitlines())
            except BlockingIOError:
                return lines

        yield all_


def test_settings_are_read_anew(on_relay: Shop, tmp_path: Path, told: Callable[[], list[str]]) -> None:
    """
    SIGHUP turns it to another tree without an end, and wrong settings change nothing.

    Its supervisor hears when it is ready, that it reads anew, and that it ends.
    """
    on_relay.environment["NOTIFY_SOCKET"] = str(tmp_path / "notify")
    other = on_relay.folder / "other"
    other.mkdir()
    (other / "news.yaml").write_text(f"{MANIFESTS}---\n{SLOWER}")
    started = on_relay.start("run")
    try:
        until(lambda: "start flow/news" in applied(started), "the first tree")
        until(lambda: "READY=1" in told(), "its being ready")
        settle(on_relay, source={"paths": ["other"]}, guard={"trialS": "nonsense"})
        started.process.send_signal(1)
        until(lambda: bool(started.events("settings.refused")), "the refusal")
        settle(on_relay, source={"paths": ["other"]}, service={"listen": "127.0.0.1:0"})
        started.process.send_signal(1)
        until(lambda: "edit output/news/tower" in applied(started), "the other tree")
    finally:
        stopped = started.stop()

    said = told()
    assert stopped == ExitStatus.OK
    assert "must be a number" in str(started.events("settings.refused")[0]["why"])
    assert started.events("settings.reread")[0]["kept"] == ["service"]
    assert [line for line in said if line in {"READY=1", "RELOADING=1", "STOPPING=1"}] == [
        "READY=1",
        "RELOADING=1",
        "READY=1",
        "RELOADING=1",
        "READY=1",
        "STOPPING=1",
    ]
