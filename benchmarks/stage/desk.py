"""What an operator works with: a tree of manifests, and the command line, against a relay on this machine."""

import asyncio
import contextlib
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from benchmarks.stage.relay import Json, StagedRelay, StageError

DEADLINE_S: Final = 180.0
"""How long one verb may take."""
_APPROVAL: Final = re.compile(r"--approve (\S+:[0-9a-f]{12})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a verb said, and how it ended."""

    status: int
    text: str
    """Both streams."""

    @property
    def approvals(self) -> tuple[str, ...]:
        """The approvals that it asks for, as it prints them."""
        return tuple(dict.fromkeys(_APPROVAL.findall(self.text)))


class Desk:
    """Writes manifests, and runs verbs in the folder that they are in."""

    def __init__(self, relay: StagedRelay) -> None:
        self._relay = relay
        self.tree: Final = relay.home / "manifests"
        self.tree.mkdir()

    def write(self, documents: Iterable[Json]) -> None:
        """Have the tree hold these documents alone, at once, as a commit does."""
        draft = self._relay.home / "draft"
        draft.write_text(yaml.safe_dump_all({"apiVersion": "reconciler/v1", **each} for each in documents))
        draft.replace(self.tree / "tree.yaml")

    def settle(self, **settings: Any) -> None:
        """Write the settings file."""
        (self._relay.home / "reconciler.yaml").write_text(yaml.safe_dump(settings))

    async def apply(self, *approvals: str) -> Said:
        """Make the account as the tree says, with these approvals."""
        async with self.applying(*approvals) as ended:
            return await ended

    async def must_apply(self, *approvals: str) -> Said:
        """
        Make the account as the tree says.

        Raises:
            StageError: something of it was not done.

        """
        said = await self.apply(*approvals)
        if said.status != 0:
            raise StageError(f"`apply` ended with {said.status}:\n{said.text}")
        return said

    @asynccontextmanager
    async def applying(self, *approvals: str) -> AsyncIterator["asyncio.Task[Said]"]:
        """Apply meanwhile, and lend what comes of it; what goes on at the end is ended."""
        asked = [word for approval in approvals for word in ("--approve", approval)]
        reason = ("--reason", "it is a show") if approvals else ()
        child = await self._start("apply", self.tree, "--auto-approve", *asked, *reason)
        task = asyncio.create_task(_ended(child))
        try:
            yield task
        finally:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.terminate()
            await asyncio.wait({task})

    async def verb(self, *words: str | Path) -> Said:
        """Run one verb to its end."""
        return await _ended(await self._start(*words))

    async def _start(self, *words: str | Path) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "reconciler", "--state", str(self._relay.state), *map(str, words)),
            cwd=self._relay.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )


def flow_document(name: str, source: Json, **spec: Any) -> Json:
    """Return a flow, as a manifest."""
    return {"kind": "Flow", "metadata": {"name": name}, "spec": {"region": "local", **spec, "input": source}}


def output_document(flow: str, name: str, spec: Json, **metadata: Any) -> Json:
    """Return an output, as a manifest."""
    return {"kind": "Output", "metadata": {"name": name, **metadata}, "spec": {"flow": flow, **spec}}


async def _ended(child: asyncio.subprocess.Process) -> Said:
    async with asyncio.timeout(DEADLINE_S):
        out, _ = await child.communicate()
    return Said(status=child.returncode or 0, text=out.decode(errors="replace"))
