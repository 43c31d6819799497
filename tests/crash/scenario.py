"""Two trees, and what an apply has to do between them: create, edit, recreate, delete and move."""

from pathlib import Path
from typing import Final

ON_AIR: Final = "twinned"
"""Live names of outputs that begin so are on air: they are made anew beside the old one."""

_FLOW: Final = """\
---
apiVersion: reconciler/v1
kind: Flow
metadata: {{name: {name}}}
spec:
  region: local
  maxBandwidth: {bandwidth}
  state: {state}
  input: {{protocol: SRT, srt: {{latency: {latency}}}}}
"""
_PUSH: Final = """\
---
apiVersion: reconciler/v1
kind: Output
metadata: {{name: {name}}}
spec:
  flow: {flow}
  region: {region}
  protocol: RTMP_PUSH
  rtmpPush: {{destinations: [{{url: "rtmp://127.0.0.1:9/{flow}/{key}", streamKey: {{env: STREAM_KEY}}}}]}}
"""
_PULL: Final = """\
---
apiVersion: reconciler/v1
kind: Output
metadata: {{name: {name}}}
spec: {{flow: {flow}, region: {region}, protocol: SRT, srt: {{mode: listener, latency: {latency}}}}}
"""
_MOVE: Final = """\
---
apiVersion: reconciler/v1
kind: Move
metadata: {{name: {name}}}
spec: {{from: {before}, to: {now}}}
"""


def flow(name: str, *, latency: int = 120, bandwidth: str = "10M", state: str = "running") -> str:
    """Return the document of a flow."""
    return _FLOW.format(name=name, latency=latency, bandwidth=bandwidth, state=state)


def push(of: str, name: str, *, region: str = "local", key: str = "") -> str:
    """Return the document of an output that sends, so that two at once are not possible."""
    return _PUSH.format(flow=of, name=name, region=region, key=key or name)


def pull(of: str, name: str, *, region: str = "local", latency: int = 120) -> str:
    """Return the document of an output that is called."""
    return _PULL.format(flow=of, name=name, region=region, latency=latency)


def move(before: str, now: str) -> str:
    """Return the document that says that something has another name."""
    return _MOVE.format(name=now.replace("/", "_"), before=before, now=now)


BEFORE: Final = (
    flow("kept"),
    pull("kept", ON_AIR),
    push("kept", "broken"),
    push("kept", "edited"),
    push("kept", "old_name"),
    push("kept", "gone"),
    flow("anew"),
    push("anew", "with_it"),
    flow("leaving", latency=700),
    push("leaving", "with_it"),
    flow("before_move", latency=333),
    push("before_move", "stays", key="same"),
)
AFTER: Final = (
    flow("kept", latency=200),
    pull("kept", ON_AIR, region="eu-frankfurt"),
    push("kept", "broken", region="eu-frankfurt"),
    push("kept", "edited", key="another"),
    push("kept", "new_name", key="old_name"),
    move("output/kept/old_name", "output/kept/new_name"),
    flow("anew", bandwidth="20M"),
    push("anew", "with_it"),
    flow("first", latency=40),
    push("first", "one"),
    pull("first", "two"),
    flow("second", latency=50, state="idle"),
    push("second", "one"),
    pull("second", "two"),
    flow("after_move", latency=333),
    push("after_move", "stays", key="same").replace("/after_move/", "/before_move/"),
    move("flow/before_move", "flow/after_move"),
)


def write(documents: tuple[str, ...], directory: Path) -> Path:
    """Write a tree of one file, and return where it is."""
    directory.mkdir()
    (directory / "all.yaml").write_text("".join(documents))
    return directory
