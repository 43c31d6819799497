"""`reconciler run` as a service has it: a process of its own, beside a relay of another one."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.stage.desk import Desk
from benchmarks.stage.hearing import Program, hearing
from benchmarks.stage.relay import REGION, StagedRelay, StageError
from reconciler.relay import credentials, registration


def state_of(relay: StagedRelay) -> Path:
    """Return the state directory of the `run` beside a relay."""
    return relay.home / "run-state"


@asynccontextmanager
async def working(relay: StagedRelay, desk: Desk, *paths: Path, **settings: Any) -> AsyncIterator[Program]:
    """
    Have it keep the relay meanwhile as the manifests say, with these groups of settings.

    Raises:
        StageError: there is no relay.

    """
    found = registration.read(relay.state)
    if found is None:
        raise StageError("the relay is not running")
    backend = {"kind": "relay", "endpoint": found.endpoint, "regions": [REGION], **settings.pop("backend", {})}
    desk.settle(backend=backend, **settings)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RECONCILER_", "TENCENTCLOUD_"))}
    lines = (relay.state / credentials.FILE_NAME).read_text().splitlines()
    keys = dict(line.split("=", 1) for line in lines if line)
    command = (sys.executable, "-m", "reconciler", "--state", str(state_of(relay)), "run", *map(str, paths))
    async with hearing(*command, cwd=relay.home, environment={**kept, **keys}) as program:
        yield program
