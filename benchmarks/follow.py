"""A file is written, and the relay has what it says: how long that takes, on the examples with real engines."""

import asyncio
import re
import shutil
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from reconciler import wiring
from reconciler.cli import logs
from reconciler.domain.model import Srt
from reconciler.ports.backend import Backend

EXAMPLES: Final = Path(__file__).parents[1] / "manifests"
EDITED: Final = "studio.yaml"
DEBOUNCE_MS: Final = 100
LOOK_EVERY_S: Final = 0.005
WITHIN_S: Final = 30.0


def measure(*, rounds: int) -> None:
    """Edit the latency of the studio's listener again and again, and print from write to live."""
    logs.configure(None)
    took_ms = asyncio.run(_measure(rounds))
    print(  # noqa: T201 -- a benchmark prints its table
        f"\nfile written -> live at the relay, {rounds} edits, debounce {DEBOUNCE_MS} ms included: "
        f"median {statistics.median(took_ms):.0f} ms, longest {max(took_ms):.0f} ms (limit: debounce + 1000 ms)"
    )


async def _measure(rounds: int) -> list[float]:
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder:
        home = Path(folder)
        shutil.copytree(EXAMPLES, home / "manifests")
        vault = home / ".reconciler" / "secrets"
        vault.mkdir(parents=True, mode=0o700)
        for text in (home / "manifests").glob("*.yaml"):
            for name in re.findall(r"\{file: (\w+)\}", text.read_text(encoding="utf-8")):
                (vault / name).write_text("made-up-for-a-benchmark", encoding="utf-8")
        program = str(Path(sys.executable).with_name("reconciler"))
        quiet = asyncio.subprocess.DEVNULL
        running = await asyncio.create_subprocess_exec(
            program, "run", "manifests", cwd=home, stdin=quiet, stdout=quiet, stderr=quiet
        )
        try:
            await _until_there(home / ".reconciler" / "relay.json")
            settings = wiring.load_settings(flags={"state": home / ".reconciler"}, environment={})
            async with wiring.existing_backend(settings) as backend:
                return [await _follow(backend, home / "manifests" / EDITED, 210 + turn) for turn in range(rounds)]
        finally:
            running.send_signal(signal.SIGTERM)
            await running.wait()


async def _follow(backend: Backend, path: Path, latency_ms: int) -> float:
    began_s = _edit(path, latency_ms)
    async with asyncio.timeout(WITHIN_S):
        while await _latency_ms(backend) != latency_ms:  # noqa: ASYNC110 -- the relay tells nobody; it is asked
            await asyncio.sleep(LOOK_EVERY_S)
    return (time.monotonic() - began_s) * 1000


def _edit(path: Path, latency_ms: int) -> float:
    """Give the listener another latency; return when its file was in place."""
    head, _, tail = path.read_text(encoding="utf-8").partition("metadata: {name: monitor}")
    edited = re.sub(r"latency: \d+", f"latency: {latency_ms}", tail, count=1)
    draft = path.with_suffix(".new")
    draft.write_text(f"{head}metadata: {{name: monitor}}{edited}", encoding="utf-8")
    began_s = time.monotonic()
    draft.replace(path)
    return began_s


async def _latency_ms(backend: Backend) -> int | None:
    for region in await backend.regions():
        for flow in await backend.observe(region):
            for output in flow.outputs:
                settings = None if output.spec is None else output.spec.settings
                if output.live_name == "monitor" and isinstance(settings, Srt):
                    return settings.latency_ms
    return None


async def _until_there(path: Path) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not path.exists():  # noqa: ASYNC110, ASYNC240 -- a look at one file, until it is there
            await asyncio.sleep(LOOK_EVERY_S)
