"""The real command line, as a process, against a state directory."""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command said, and how it ended."""

    status: int
    out: str
    err: str

    @property
    def everything(self) -> str:
        """Return both streams."""
        return self.out + self.err


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """Runs verbs in one working directory, on one state directory."""

    home: Path
    state: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    async def __call__(self, *words: str | Path) -> Said:
        """Run one verb to its end."""
        process = await self.start(*words)
        out, err = await asyncio.wait_for(process.communicate(), DEADLINE_S)
        return Said(status=process.returncode or 0, out=out.decode(), err=err.decode())

    async def start(self, *words: str | Path) -> asyncio.subprocess.Process:
        """Start one verb, with pipes."""
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "reconciler",
            "--state",
            str(self.state),
            *map(str, words),
            cwd=self.home,
            env=self._environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TENCENTCLOUD_", "RECONCILER_", "STREAM_"))
        }
        return {**kept, **self.variables}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A tree of manifests, and the command line that makes an account as it says."""

    tree: Path
    reconciler: Shell

    async def apply(self) -> Said:
        """Make the account as the tree says."""
        return await self.reconciler("apply", self.tree, "--auto-approve")

    async def differs(self) -> bool:
        """Return whether a plan would change something."""
        said = await self.reconciler("plan", self.tree, "--detailed-exitcode")
        assert said.status in {0, 2}, said.everything
        return said.status == 2
