"""A relay of its own process, and the matrix beside it."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from reconciler.relay import registration
from tests.crash import scenario

_ROOT: Final = Path(__file__).parents[2]
_DEADLINE_S: Final = 60.0
_LOOK_S: Final = 0.05


@contextmanager
def staged(directory: Path, environment: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """Serve a relay without media, write the two trees, and lend the arguments of `tests.crash.matrix`."""
    state, log = directory / "state", directory / "relay.log"
    before = scenario.write(scenario.BEFORE, directory / "before")
    after = scenario.write(scenario.AFTER, directory / "after")
    words = ["--log-format", "json", "relay", "--media", "none", "--state", str(state)]
    regions = ["--region", "local", "--region", "eu-frankfurt"]
    with log.open("w") as said:
        command = [sys.executable, "-m", "reconciler", *words, *regions]
        relay = subprocess.Popen(command, stderr=said, env=dict(environment), cwd=_ROOT)
        try:
            _wait_for(relay, state, log)
            yield tuple(map(str, (state, before, after, log)))
        finally:
            relay.terminate()
            relay.wait()


def run(arguments: tuple[str, ...], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the matrix to its end."""
    command = [sys.executable, "-m", "tests.crash.matrix", *arguments]
    return subprocess.run(command, cwd=_ROOT, env=dict(environment), capture_output=True, text=True, check=False)


def _wait_for(relay: subprocess.Popen[bytes], state: Path, log: Path) -> None:
    until_s = time.monotonic() + _DEADLINE_S
    while registration.read(state) is None:
        if relay.poll() is not None or time.monotonic() > until_s:
            raise TimeoutError(json.dumps(log.read_text()))
        time.sleep(_LOOK_S)
