"""A day with the real commands on a real relay, in which everything that they say and write is kept."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Final

from tests.functional.conftest import DEADLINE_S, Shop, Started, until
from tests.functional.repositories import made
from tests.secrets.front import Breaking, front
from tests.secrets.trees import ACCOUNT, CANARIES, CLOUD, GOOD, wrong_files

FORMATS: Final = ("text", "json", "sarif", "github", "junit")
FAULTS: Final = """\
internalError: [{when: beforeCommit, actions: [ModifyStreamLinkInput], times: 9}]
drop: [{when: afterCommit, actions: [ModifyStreamLinkOutputInfo]}]
maskedSecrets: [{times: 40}]
"""
KEEPERS: Final = frozenset({"credentials.env", "catalogue.sqlite3", "catalogue.sqlite3-wal", "catalogue.sqlite3-shm"})
"""Files of the state directory that are there to hold secrets."""
_SPY: Final = """\
#!/bin/sh
tr '\\0' '\\n' < /proc/self/environ >> "{told}"
echo "$@" >> "{told}"
exec {git} "$@"
"""


@dataclass
class Scene:
    """A working folder with a good and a wrong tree, and what was said there, by what said it."""

    shop: Shop
    said: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    processes: dict[str, bytes] = field(default_factory=dict)
    """Command lines and environments of processes that were given no secret."""

    @property
    def state(self) -> Path:
        """Return the state directory of the verbs."""
        return self.shop.folder / ".reconciler"

    @property
    def served(self) -> Path:
        """Return the state directory of the relay."""
        return self.shop.folder / "served"

    @property
    def endpoint(self) -> str:
        """Return where the relay serves now."""
        return str(json.loads((self.served / "relay.json").read_text())["endpoint"])

    def run(self, title: str, *words: str, **environment: str) -> None:
        """Run a command to its end."""
        shop = replace(self.shop, environment={**self.shop.environment, **environment})
        done = shop.command(*words)
        self.said[title] = done.stdout + done.stderr
        self.statuses[title] = done.returncode

    def written(self) -> Iterator[tuple[str, bytes]]:
        """Yield every file of the folder that is not there to hold secrets."""
        manifests = {self.shop.folder / "wrong", self.shop.folder / "asked", self.state / "secrets"}
        for path in sorted(self.shop.folder.rglob("*")):
            if path.is_file() and path.name not in KEEPERS and manifests.isdisjoint(path.parents):
                yield str(path.relative_to(self.shop.folder)), path.read_bytes()

    def kept_by_relay(self) -> bytes:
        """Return what the relay's catalogue holds."""
        with sqlite3.connect(self.served / "catalogue.sqlite3") as catalogue:
            return "\n".join(catalogue.iterdump()).encode()


def prepared(folder: Path) -> Scene:
    """Return a folder with everything that is there before the first command."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RECONCILER_", "TENCENTCLOUD_"))}
    given = {name: each.value for name, each in CANARIES.items() if name.startswith("STREAM_")}
    repository = made(folder)
    repository.commit(before=GOOD.replace("latency: 120", "latency: 200"))
    repository.commit(before=None, account=GOOD)
    (folder / "wrong").mkdir()
    for name, text in wrong_files():
        (folder / "wrong" / name).write_text(text)
    secrets = folder / ".reconciler" / "secrets"
    secrets.mkdir(parents=True)
    for name in CANARIES.keys() - given.keys():
        (secrets / name).write_text(CANARIES[name].value)
    keys = f"TENCENTCLOUD_SECRET_ID=AKIDanybody\nTENCENTCLOUD_SECRET_KEY={ACCOUNT.value}\n"
    (folder / "served").mkdir()
    for state in ("served", ".reconciler"):
        (folder / state / "credentials.env").write_text(keys)
    (folder / "faults.yaml").write_text(FAULTS)
    return Scene(Shop(folder=folder, environment={**kept, **given, **_spying(folder)}))


def _spying(folder: Path) -> dict[str, str]:
    """Return an environment in which `git` writes down how it was called, and with which environment."""
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    (folder / "bin").mkdir()
    spy = folder / "bin" / "git"
    spy.write_text(_SPY.format(told=folder / "git.told", git=real))
    spy.chmod(0o755)
    return {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}


def offline(scene: Scene) -> None:
    """Say everything that is said of manifests alone."""
    for form in FORMATS:
        scene.run(f"validate {form}", "validate", "manifests", "--format", form)
        scene.run(f"validate wrong {form}", "validate", "wrong", "--format", form)
    scene.run("validate changed", "validate", "manifests", "--changed-since", "HEAD~1")
    for form in ("text", "json", "markdown"):
        scene.run(f"between {form}", "plan", "--base", "HEAD~1", "--head", "HEAD", "-o", form)


def working(scene: Scene) -> None:
    """Make, change, look at and export an account."""
    for form in ("text", "json", "markdown"):
        scene.run(f"plan {form}", "plan", "--out", f"{form}.plan", "-o", form)
    for title, length in (("whole", 20), ("longer", 40), ("short", 9), ("shorter", 4)):
        scene.run(f"plan {title}", "plan", STREAM_TOWER=(CANARIES["STREAM_TOWER"].value * 2)[:length])
    scene.run("plan wrong", "plan", "wrong")
    scene.run("apply wrong", "apply", "wrong", "--auto-approve")
    scene.run("run wrong", "run", "wrong", "--once")
    scene.run("too short", "apply", "--auto-approve", STREAM_TOWER=CANARIES["STREAM_TOWER"].core[:9])
    scene.run("apply", "apply", "--auto-approve", "-o", "json")
    scene.run("live", "plan", "--base", "HEAD~1", "--live")
    for form in ("text", "json"):
        scene.run(f"status {form}", "status", "-o", form)
        scene.run(f"export {form}", "export", *(("--out", "exported") if form == "json" else ()))
        scene.run(f"adopt {form}", "adopt", "--all", "--send-secrets", "--auto-approve", "-o", form)
        scene.run(f"once {form}", "--log-format", form, "run", "--once")
        scene.run(f"observe {form}", "--log-format", form, "run", "--once", "--observe")
    scene.run("export with secrets", "export", "--out", "whole", "--secrets-dir", "asked")


def broken(scene: Scene) -> None:
    """Read through a front that leaves of each list the piece that begins with a secret."""
    for status in (HTTPStatus.OK, HTTPStatus.BAD_GATEWAY):
        breaking = Breaking(status=status, first=CANARIES["STREAM_INPUT"].core.encode())
        with front(scene.endpoint, breaking) as endpoint:
            scene.run(f"broken {status:d}", "plan", "--endpoint", endpoint)
            scene.run(f"broken {status:d} run", "--log-format", "json", "run", "--once", "--endpoint", endpoint)


def failing(scene: Scene, title: str) -> None:
    """Change everything, with a backend that refuses, is silent, or wants flows to stand still."""
    latency = 300 + 10 * len(scene.said)
    manifests = GOOD.replace("latency: 120", f"latency: {latency}").replace("keyLength: 24", "keyLength: 32")
    (scene.shop.manifests / "account.yaml").write_text(manifests.replace("version: 1", f"version: {latency}"))
    scene.run(f"{title} plan", "plan", "--out", f"{title}.plan")
    scene.run(f"{title} apply", "apply", "--auto-approve", "-o", "json")
    scene.run(f"{title} once", "run", "--once")


def telling(scene: Scene) -> None:
    """Say what is in the journal."""
    for form in ("text", "json"):
        scene.run(f"history {form}", "history", "-o", form)
        scene.run(f"events {form}", "events", "-o", form)
        for address in ("flow/stadium", "output/stadium/tower", "output/origin/push", "flow/camera"):
            scene.run(f"why {address} {form}", "why", address, "-o", form)


def refused(scene: Scene) -> None:
    """Ask a cloud account that does not know us."""
    key, token = CLOUD
    words = ("--backend", "streamlink", "--endpoint", scene.endpoint, "--owner", "us", "--region", "local")
    given = {"TENCENTCLOUD_SECRET_ID": "AKIDnobody", "TENCENTCLOUD_SECRET_KEY": key.value}
    scene.run("refused", "plan", *words, **given)
    scene.run("refused run", "run", "--once", *words, **given, TENCENTCLOUD_TOKEN=token.value)


def crashing(scene: Scene) -> None:
    """End a loop by a crash that tells what every thread was doing, and verbs by a stdout that takes nothing."""
    log = scene.shop.folder / "crash.log"
    command = [sys.executable, "-X", "dev", "-X", "faulthandler", "-m", "reconciler", "--log-format", "json", "run"]
    with log.open("wb") as said:
        process = subprocess.Popen(
            command,
            cwd=scene.shop.folder,
            env=scene.shop.environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    try:
        until(lambda: b"tree.accepted" in log.read_bytes(), "the first look")
        scene.processes["run"] = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        process.send_signal(signal.SIGABRT)
        scene.statuses["crash"] = process.wait(DEADLINE_S)
    finally:
        process.kill()
        process.wait()
    for verb in ("plan", "validate"):
        _to_nowhere(scene, verb)


def _to_nowhere(scene: Scene, verb: str) -> None:
    """Have a verb fail in a way that it does not foresee, with secrets in its hands."""
    with Path("/dev/null").open("rb") as nowhere:
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-m", "reconciler", verb, "manifests"],
            cwd=scene.shop.folder,
            env=scene.shop.environment,
            stdin=subprocess.DEVNULL,
            stdout=nowhere,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=DEADLINE_S,
        )
    scene.said[f"bug {verb}"], scene.statuses[f"bug {verb}"] = done.stderr, done.returncode


def serve(scene: Scene, *words: str) -> Started:
    """Start the relay, which is given none of the secrets, and look at what can be seen of its process."""
    own = {name: value for name, value in scene.shop.environment.items() if not name.startswith("STREAM_")}
    number = sum(name.startswith("relay") for name in scene.processes)
    started = replace(scene.shop, environment=own).start("relay", "--state", "served", "--media", "none", *words)
    until((scene.served / "relay.json").exists, "the relay")
    settings = {"backend": {"kind": "relay", "endpoint": scene.endpoint, "regions": ["local"]}}
    (scene.shop.folder / "reconciler.yaml").write_text(json.dumps(settings))
    place = Path(f"/proc/{started.process.pid}")
    scene.processes[f"relay {number}"] = (place / "environ").read_bytes() + (place / "cmdline").read_bytes()
    return started


def stop(scene: Scene, started: Started) -> None:
    """End the relay, and keep what it said."""
    started.stop()
    (scene.served / "relay.json").unlink(missing_ok=True)
    scene.said[f"relay {len(scene.said)}"] = started.said()
