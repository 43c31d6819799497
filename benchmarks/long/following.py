"""`run` that follows a branch: polled, told by a webhook, and after the server was away."""

import asyncio
import hashlib
import hmac
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import yaml

from benchmarks.long.recreate import free_port
from benchmarks.long.restarting import FLOWS, documents, edited_s
from benchmarks.long.timings import Timing
from benchmarks.stage.account import HERE
from benchmarks.stage.desk import Desk
from benchmarks.stage.hearing import Program, hearing
from benchmarks.stage.relay import StagedRelay, StageError, until_there
from benchmarks.stage.working import working

POLL_S: Final = 1.0
_LATER_S: Final = 86_400
_WAKE_GAP_S: Final = 1.1
"""Deliveries wake the loop once a second at most; what is measured is one that need not wait for that."""


class Forge:
    """A repository on a server that comes and goes."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._port = free_port()
        self._work = home / "work"
        self._version = 0

    async def begin(self) -> None:
        """Make the repository, and push a first version."""
        bare = str(self._home / "forge.git")
        await _git(self._home, "init", "--quiet", "--bare", "--initial-branch=main", bare)
        await _git(self._home, "clone", "--quiet", bare, str(self._work))
        (self._work / "manifests").mkdir()
        await self.push()

    @property
    def url(self) -> str:
        """Where it is followed."""
        return f"git://{HERE}:{self._port}/forge.git"

    async def push(self) -> float:
        """Commit another version and push it, past the server; return when the branch had it."""
        stated = ({"apiVersion": "reconciler/v1", **each} for each in documents(self._version))
        (self._work / "manifests" / "tree.yaml").write_text(yaml.safe_dump_all(stated))
        self._version += 1
        await _git(self._work, "checkout", "--quiet", "-B", "main")
        await _git(self._work, "add", "--all")
        await _git(self._work, "commit", "--quiet", "--message=x")
        await _git(self._work, "push", "--quiet", "origin", "main")
        return time.monotonic()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Program]:
        """Serve meanwhile, and lend the server, which tells of each connection."""
        words = ("git", "daemon", "--verbose", "--reuseaddr", "--export-all", f"--listen={HERE}")
        command = (*words, f"--port={self._port}", f"--base-path={self._home}", str(self._home))
        async with hearing(*command, cwd=self._home) as server:
            await until_there(self._answers, "the git server")
            yield server

    async def _answers(self) -> bool | None:
        with socket.socket() as one:
            return one.connect_ex((HERE, self._port)) == 0 or None


async def polls(timings: Callable[[str], Timing], rounds: int) -> None:
    """Push, and wait for the next poll; then have the server away while somebody pushes past it."""
    whole = timings(f"a commit is pushed -> applied, polled every {POLL_S:g} s ({FLOWS} flows)")
    rest = timings("  of that, from the poll that found it -> applied")
    back = timings(f"the git server is back -> what was pushed meanwhile is applied, pollS {POLL_S:g}")
    async with _stage() as (relay, desk, forge):
        source = {"git": forge.url, "pollS": POLL_S}
        async with forge.serving() as server, working(relay, desk, source=source) as at_work:
            await at_work.event("tree.accepted")
            for _ in range(rounds):
                pushed_s = await forge.push()
                applied_s = await edited_s(at_work, since_s=pushed_s)
                asked = await server.line(lambda line: "Connection from" in line.text, "a poll", since_s=pushed_s)
                whole.took(applied_s - pushed_s)
                rest.took(applied_s - asked.at_s)
        async with working(relay, desk, source=source) as at_work:
            await at_work.event("tree.accepted")
            since_s = 0.0
            for _ in range(rounds):
                await at_work.event("source.fetch_failed", since_s=since_s)
                await forge.push()
                async with forge.serving():
                    back_s = time.monotonic()
                    back.took(await edited_s(at_work, since_s=back_s) - back_s)
                    since_s = time.monotonic()


async def webhooks(timings: Callable[[str], Timing], rounds: int) -> None:
    """Push, and say so, as a forge does."""
    told = timings(f"a webhook is delivered -> applied ({FLOWS} flows)")
    async with _stage() as (relay, desk, forge):
        secret = secrets.token_hex(32)
        file = relay.home / "webhook-secret"
        file.touch(mode=0o600)
        file.write_text(secret)
        source = {"git": forge.url, "pollS": _LATER_S}
        service = {"listen": f"{HERE}:0", "webhookSecretFile": str(file)}
        async with forge.serving(), working(relay, desk, source=source, service=service) as at_work:
            url = (await at_work.event("service.started")).event["url"].rstrip("/")
            await at_work.event("tree.accepted")
            async with httpx.AsyncClient() as client:
                for _ in range(rounds):
                    await forge.push()
                    began_s = time.monotonic()
                    (await client.post(f"{url}/hooks/generic", headers=_signed(secret))).raise_for_status()
                    told.took(await edited_s(at_work, since_s=began_s) - began_s)
                    await asyncio.sleep(_WAKE_GAP_S)


@asynccontextmanager
async def _stage() -> AsyncIterator[tuple[StagedRelay, Desk, Forge]]:
    async with StagedRelay("--media", "none") as relay:
        desk = Desk(relay)
        forge = Forge(relay.home)
        await forge.begin()
        desk.write(documents(0))
        await desk.must_apply()
        yield relay, desk, forge


def _signed(secret: str) -> dict[str, str]:
    now = str(int(time.time()))
    proof = hmac.new(secret.encode(), f"{now}.".encode(), hashlib.sha256).hexdigest()
    return {"X-Reconciler-Signature": f"t={now},v1={proof}"}


async def _git(where: Path, *words: str) -> None:
    whom = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example", "-c", "commit.gpgSign=false")
    async with hearing("git", *whom, *words, cwd=where) as git:
        if await git.ended() != 0:
            said = "\n".join(line.text for line in git.lines)
            raise StageError(f"git {words[0]} failed:\n{said}")
