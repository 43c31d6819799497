"""A relay of its own for each test, without media, and the real command in a folder of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

DEADLINE_S: Final = 30.0
MANIFESTS: Final = """\
apiVersion: reconciler/v1
kind: Flow
metadata: {name: news}
spec:
  region: local
  input:
    protocol: SRT
    allowlist: [127.0.0.0/8]
    srt:
      mode: listener
      latency: 120
      encryption: {keyLength: 16, passphrase: {env: STREAM_NEWS}}
"""
TOWER: Final = """\
apiVersion: reconciler/v1
kind: Output
metadata: {name: tower}
spec:
  flow: news
  protocol: SRT
  srt:
    mode: caller
    destination: {host: 127.0.0.1, port: 9}
    latency: 120
    encryption: {keyLength: 16, passphrase: {env: STREAM_TOWER}}
"""
CANARIES: Final = {"STREAM_NEWS": "canary-of-the-input-1", "STREAM_TOWER": "canary-of-the-tower-2"}


def until(holds: Callable[[], bool], what: str) -> None:
    """Look again and again until it holds; fail, saying what did not come, at the deadline."""
    deadline_s = time.monotonic() + DEADLINE_S
    nobody = threading.Event()
    while not holds():
        assert time.monotonic() < deadline_s, f"{what} did not come within {DEADLINE_S:g} s"
        nobody.wait(0.05)


@dataclass
class Shop:
    """A working folder, and the environment that its commands are run in."""

    folder: Path
    environment: dict[str, str]

    @property
    def manifests(self) -> Path:
        """Return where the manifests are."""
        return self.folder / "manifests"

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Return what became of the command."""
        return subprocess.run(
            [sys.executable, "-m", "reconciler", *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=DEADLINE_S,
        )

    def on_terminal(self, *words: str, answer: str) -> tuple[int, str]:
        """Return how a command ended that asks on a terminal and is answered so, and all that stood there."""
        ours, theirs = os.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "reconciler", *words],
            cwd=self.folder,
            env=self.environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        os.write(ours, f"{answer}\n".encode())
        shown = b""
        # Linux tells the end of a terminal's last writer as an I/O error.
        with contextlib.suppress(OSError):
            while piece := os.read(ours, 65536):
                shown += piece
        os.close(ours)
        return process.wait(DEADLINE_S), shown.decode()

    def start(self, *words: str) -> "Started":
        """Start a command that goes on."""
        log = self.folder / f"{words[0]}.log"
        with log.open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "reconciler", *words],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        return Started(process=process, log=log)


@dataclass
class Started:
    """A command that goes on."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def said(self) -> str:
        """Return all that it said so far."""
        return self.log.read_text()

    def events(self, name: str) -> list[dict[str, object]]:
        """Return its events of this name so far."""
        lines = (line for line in self.said().splitlines() if line.startswith("{") and line.endswith("}"))
        return [event for event in map(json.loads, lines) if event.get("event") == name]

    def stop(self) -> int:
        """End it as an operator does; return how it ended."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Return a folder with one flow and one output, and an environment without settings of anybody else's."""
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "news.yaml").write_text(MANIFESTS)
    (tmp_path / "manifests" / "tower.yaml").write_text(TOWER)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RECONCILER_", "TENCENTCLOUD_"))}
    return Shop(folder=tmp_path, environment={**kept, **CANARIES})


@pytest.fixture
def relay(shop: Shop) -> Iterator[Started]:
    """Lend a relay without media on the folder's state directory."""
    started = shop.start("relay", "--media", "none")
    try:
        until((shop.folder / ".reconciler" / "relay.json").exists, "the relay")
        yield started
    finally:
        started.stop()
