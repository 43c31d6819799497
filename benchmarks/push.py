"""A commit is pushed, and the relay has what it says: how long that takes, told and polled, beside a `git pull`."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import math
import os
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import structlog

from reconciler import wiring

POLL_S: Final = 5.0
NEVER_S: Final = 3600.0
WITHIN_S: Final = 3600.0
"""The first pass makes every flow."""
_SIGNING: Final = b"what-the-forge-signs-with-is-long-enough"
BETWEEN_S: Final = 1.0
"""Between two pushes: of a burst, a webhook wakes for five at once, and then for one a second."""
_NO_AUTHORITIES: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_GOLDEN: Final = (math.sqrt(5) - 1) / 2
OUTPUTS: Final = 9
"""Of each flow, so that one manifest in ten is a flow."""
_FLOW: Final = """\
apiVersion: reconciler/v1
kind: Flow
metadata: {{name: flow_{number}}}
spec:
  region: local
  state: idle
  description: version {version}
  input: {{protocol: RTMP, allowlist: [127.0.0.0/8]}}
"""
_OUTPUT: Final = """\
apiVersion: reconciler/v1
kind: Output
metadata: {{name: output_{place}}}
spec:
  flow: flow_{number}
  protocol: RTMP_PULL
  description: version {version}
  allowlist: [127.0.0.0/8]
"""
_STEPS: Final = {
    "fetched": "source.fetched",
    "read": "tree.accepted",
    "applied": "change.applied",
    "pass over": "reconcile.pass_finished",
}


@dataclass(slots=True)
class _Steps:
    """When the steps of a commit were reached, as the events say."""

    at_s: dict[str, float] = field(default_factory=dict)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    revision: str = ""
    """The commit that is waited for."""
    serves_at: str = ""
    """Where the service listens."""

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Take an event, and let nobody print it."""
        if event["event"] == "service.started":
            self.serves_at = event["url"]
        if event.get("revision", event.get("commit")) == self.revision:
            self.at_s.setdefault(event["event"], time.monotonic())
            if event["event"] == _STEPS["pass over"]:
                self.over.set()
        raise structlog.DropEvent


class _Remote:
    """A bare repository with one manifest a file."""

    def __init__(self, home: Path, files: int) -> None:
        self.home = home / "forge.git"
        self._files, self.pushes = files, 0
        _git(home, "init", "--quiet", "--bare", "--initial-branch=main", str(self.home))

    def push(self) -> str:
        """Commit: all files the first time, then one of them; return the commit."""
        self.pushes += 1
        numbers = range(self._files) if self.pushes == 1 else [self.pushes * 97 % self._files]
        lines = [f"commit refs/heads/main\nmark :1\ncommitter n <n@e> {1_700_000_000 + self.pushes} +0000\ndata 1\nx"]
        lines += ["from refs/heads/main^0"] if self.pushes > 1 else []
        for number in numbers:
            text = _manifest(number, self.pushes)
            lines.append(f"M 644 inline manifests/{number % 100}/{number}.yaml\ndata {len(text)}\n{text}")
        return _git(
            self.home, "fast-import", "--quiet", given="\n".join(["feature done", *lines, "get-mark :1\ndone\n"])
        )


def _manifest(number: int, version: int) -> str:
    flow, place = divmod(number, OUTPUTS + 1)
    return (_OUTPUT if place else _FLOW).format(number=flow, place=place, version=version)


def measure(*, files: int, rounds: int) -> None:
    """Push one changed file again and again, and print how long it takes until it is fetched, read and applied."""
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder:
        home = Path(folder)
        remote = _Remote(home, files)
        remote.push()
        _git(home, "clone", "--quiet", str(remote.home), "checkout")
        sys.stdout.write(f"\n{files:,} files, one of them changed, {rounds} pushes each; ms from the push, p50 / p99\n")
        with _daemon(home) as port:
            for name, url in (("a path", str(remote.home)), ("git daemon", f"git://127.0.0.1:{port}/forge.git")):
                asyncio.run(_measure(remote, url, home / "state", name=name, rounds=rounds))


async def _measure(remote: _Remote, url: str, state: Path, *, name: str, rounds: int) -> None:
    secret = state.with_name("secret")
    secret.write_bytes(_SIGNING)
    secret.chmod(0o600)
    for way, poll_s in (("told by a webhook", NEVER_S), (f"polled every {POLL_S:g} s", POLL_S)):
        flags = {"state": state, "source.git": url, "source.pollS": poll_s, "loop.observeS": NEVER_S}
        flags |= {"service.listen": "127.0.0.1:0", "service.webhookSecretFile": secret}
        settings = wiring.load_settings(flags=flags, environment={})
        steps = _Steps(revision=_git(remote.home, "rev-parse", "main"))
        structlog.configure(processors=[structlog.contextvars.merge_contextvars, steps])
        async with wiring.session(settings, media="none") as session:
            loop = session.loop()
            running = asyncio.create_task(loop.run())
            try:
                await _over(steps)
                is_told = poll_s == NEVER_S
                # A loop that rests has read what is there more than once.
                await _push(remote, steps, is_told=is_told)
                took = [await _push(remote, steps, is_told=is_told) for _ in range(rounds)]
                pulled = [_pull(remote, url) for _ in range(rounds)] if poll_s == NEVER_S else []
            finally:
                loop.stop()
                await running
        for index, step in enumerate(_STEPS):
            _row(f"{name}, {way}: {step}", [one[index] for one in took])
        if pulled:
            _row("  the same commits by `git pull` in a checkout", pulled)


async def _push(remote: _Remote, steps: _Steps, *, is_told: bool) -> list[float]:
    """Push a commit, tell it as a forge does or leave it to be found, and return how long its steps took."""
    # People push at any moment between two polls: these are spread evenly over all.
    await asyncio.sleep(BETWEEN_S + (0 if is_told else remote.pushes * _GOLDEN % 1 * POLL_S))
    steps.at_s, steps.over = {}, asyncio.Event()
    steps.revision = remote.push()
    began_s = time.monotonic()
    if is_told:
        await _deliver(steps)
    await _over(steps)
    return [(steps.at_s[event] - began_s) * 1000 for event in _STEPS.values()]


async def _deliver(steps: _Steps) -> None:
    body = json.dumps({"ref": "refs/heads/main", "after": steps.revision}).encode()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": steps.revision,
        "X-Hub-Signature-256": f"sha256={hmac.new(_SIGNING, body, hashlib.sha256).hexdigest()}",
    }
    # A forge is elsewhere: what its own client takes to be made is none of ours. Plain http needs no authorities.
    async with httpx.AsyncClient(verify=_NO_AUTHORITIES) as forge:
        answer = await forge.post(f"{steps.serves_at.rstrip('/')}/hooks/github", content=body, headers=headers)
    answer.raise_for_status()


async def _over(steps: _Steps) -> None:
    async with asyncio.timeout(WITHIN_S):
        await steps.over.wait()


def _pull(remote: _Remote, url: str) -> float:
    remote.push()
    began_s = time.monotonic()
    _git(remote.home.parent / "checkout", "pull", "--quiet", url, "main")
    return (time.monotonic() - began_s) * 1000


def _row(name: str, took_ms: Sequence[float]) -> None:
    last = sorted(took_ms)[math.ceil(len(took_ms) * 0.99) - 1]
    sys.stdout.write(f"  {name:<48} {statistics.median(took_ms):8.0f} / {last:.0f}\n")


@contextlib.contextmanager
def _daemon(home: Path) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    words = ("git", "daemon", "--reuseaddr", "--export-all", "--listen=127.0.0.1", f"--port={port}")
    where = (f"--base-path={home}", str(home))
    # It says of each probe below that somebody has hung up.
    server = subprocess.Popen((*words, *where), start_new_session=True, stderr=subprocess.DEVNULL)  # noqa: S603 -- built here
    try:
        while socket.socket().connect_ex(("127.0.0.1", port)):
            time.sleep(0.01)
        yield port
    finally:
        os.killpg(server.pid, 15)
        server.wait()


def _git(where: Path, *words: str, given: str = "") -> str:
    done = subprocess.run(("git", *words), cwd=where, input=given, capture_output=True, text=True, check=True)  # noqa: S603, S607 -- built here
    return done.stdout.strip()
