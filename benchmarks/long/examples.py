"""
The example flows carried for minutes, while one output is edited again and again.

Receivers at the far ends of the other outputs count discontinuities; there should be none. Everything is done with the
command itself, as its users would: `run`, `signal` and `probe`, each a process of its own.
"""

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

EXAMPLES: Final = Path(__file__).parents[2] / "manifests"
EDIT_EVERY_S: Final = 15
START_WITHIN_S: Final = 60
GRACE_S: Final = 30

EDITED: Final = """\
apiVersion: reconciler/v1
kind: Output
metadata: {{name: edited}}
spec:
  flow: studio
  protocol: SRT
  allowlist: [127.0.0.0/8]
  srt: {{mode: listener, latency: {latency_ms}}}
"""
"""The sibling that is never left alone."""


class Show:
    """A working tree of its own, and the processes that carry it."""

    def __init__(self, tree: Path) -> None:
        self._tree = tree
        self._running: list[subprocess.Popen[str]] = []
        shutil.copytree(EXAMPLES, tree / "manifests")
        vault = tree / ".reconciler" / "secrets"
        vault.mkdir(parents=True, mode=0o700)
        for name in self._names(r"\{file: (\w+)\}"):
            (vault / name).touch(mode=0o600)
            (vault / name).write_text(secrets.token_hex(16), encoding="utf-8")

    def _names(self, pattern: str) -> list[str]:
        texts = [path.read_text(encoding="utf-8") for path in sorted((self._tree / "manifests").glob("*.yaml"))]
        return sorted({name for text in texts for name in re.findall(pattern, text)})

    @property
    def flows(self) -> list[str]:
        """The example flows, by name."""
        return self._names(r"kind: Flow\nmetadata:\n  name: (\w+)")

    @property
    def outputs(self) -> list[str]:
        """The example outputs, as FLOW/NAME."""
        found: list[str] = []
        for path in sorted((self._tree / "manifests").glob("*.yaml")):
            text = path.read_text(encoding="utf-8")
            pairs = re.findall(r"kind: Output\nmetadata: \{name: (\w+)\}\nspec:\n  flow: (\w+)", text)
            found.extend(f"{flow}/{name}" for name, flow in pairs if name != "edited")
        return found

    def start(self, *words: str, answers: bool = False) -> subprocess.Popen[str]:
        """Start the command with these words; what it says goes to a file unless it answers."""
        name = "-".join(word.strip("-/").replace("/", "-") for word in words[:2])
        with (self._tree / f"{name}.log").open("w", encoding="utf-8") as log:
            child = subprocess.Popen(  # noqa: S603 -- argv is built here
                (sys.executable, "-m", "reconciler", "--state", str(self._tree / ".reconciler"), *words),
                cwd=self._tree,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if answers else log,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._running.append(child)
        return child

    def edit(self, latency_ms: int) -> None:
        """Give the sibling another latency, by rename, as editors and git do."""
        draft = self._tree / "edited.draft"
        draft.write_text(EDITED.format(latency_ms=latency_ms), encoding="utf-8")
        draft.replace(self._tree / "manifests" / "edited.yaml")

    def end(self) -> None:
        """End everything, the newest first, as Ctrl-C would."""
        for child in reversed(self._running):
            if child.poll() is None:
                child.send_signal(signal.SIGINT)
        for child in reversed(self._running):
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(GRACE_S)
                continue
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    def complaints(self) -> Iterator[str]:
        """Yield the last lines of what each process said."""
        for log in sorted(self._tree.glob("*.log")):
            for line in log.read_text(encoding="utf-8").splitlines()[-5:]:
                yield f"{log.stem}: {line}"


def soak(show: Show, *, minutes: float) -> list[dict[str, Any]]:
    """Carry the examples for that long, editing one output all the while; return what each receiver counted."""
    show.edit(200)
    show.start("run", "manifests/")
    wait_for(show)
    for flow in show.flows:
        show.start("signal", flow)
    seconds = round(minutes * 60)
    receivers = {
        output: show.start("probe", output, "-o", "json", "--seconds", str(seconds), answers=True)
        for output in show.outputs
    }
    ends = time.monotonic() + seconds
    latency_ms = 200
    while (left := ends - time.monotonic()) > EDIT_EVERY_S:
        time.sleep(min(EDIT_EVERY_S, left))
        latency_ms = 200 if latency_ms != 200 else 400  # noqa: PLR2004 -- one value and another
        show.edit(latency_ms)
    return [
        {"output": output, **json.loads(child.communicate(timeout=left + GRACE_S + START_WITHIN_S)[0] or "{}")}
        for output, child in receivers.items()
    ]


def wait_for(show: Show) -> None:
    """
    Return once every example is at the relay.

    Raises:
        TimeoutError: it is not, a minute after the start.

    """
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline:
        planned = show.start("plan", "manifests/", "--detailed-exitcode")
        if planned.wait(START_WITHIN_S) == 0:
            return
        time.sleep(1)
    raise TimeoutError("the examples were not in step within a minute")


def report(counted: list[dict[str, Any]]) -> bool:
    """Print what arrived, and say whether every receiver got frames without a discontinuity."""
    table = Table("output", "frames", "discontinuities", "bitrate b/s")
    for row in counted:
        table.add_row(row["output"], *(str(row.get(key, "-")) for key in ("frames", "discontinuities", "bitrate_bps")))
    Console().print(table)
    return all(row.get("frames", 0) > 0 and row.get("discontinuities") == 0 for row in counted)


def show(*, minutes: float) -> bool:
    """Run the soak, print its table, and return whether no receiver was disturbed."""
    with tempfile.TemporaryDirectory(prefix="reconciler-long-") as folder:
        show = Show(Path(folder))
        try:
            clean = report(soak(show, minutes=minutes))
        finally:
            show.end()
        if not clean:
            sys.stderr.write("".join(f"{line}\n" for line in show.complaints()))
    return clean
