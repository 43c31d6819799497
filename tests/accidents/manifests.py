"""Small manifests: flows that stand still unless told otherwise, and SRT callers."""

from collections.abc import Iterable


def flow(name: str, *, state: str = "idle", latency: int = 120, care: str = "") -> str:
    """Return a flow with an SRT listener input."""
    return f"""\
---
apiVersion: reconciler/v1
kind: Flow
metadata: {{name: {name}{care}}}
spec:
  region: local
  state: {state}
  input: {{protocol: SRT, allowlist: [127.0.0.0/8], srt: {{latency: {latency}}}}}
"""


def output(name: str, *, of: str, latency: int = 120, more: str = "", care: str = "") -> str:
    """Return an SRT caller output; its destination is its own, so that no two look like one another."""
    return f"""\
---
apiVersion: reconciler/v1
kind: Output
metadata: {{name: {name}{care}}}
spec:
  flow: {of}
  protocol: SRT
  srt: {{mode: caller, destination: {{host: {name}.{of}.example, port: 9000}}, latency: {latency}}}
{more}"""


def flows(names: Iterable[str], *, outputs: Iterable[str] = ("tower", "cdn"), state: str = "idle") -> dict[str, str]:
    """Return a file for each flow, with these outputs."""
    kept = tuple(outputs)
    return {name: flow(name, state=state) + "".join(output(each, of=name) for each in kept) for name in names}


def override(lifts: str, *, of: str, action: str = "delete", name: str = "meant") -> str:
    """Return an override, for a kind or a resource."""
    key = "resource" if "/" in of else "kind"
    return f"""\
---
apiVersion: reconciler/v1
kind: Override
metadata: {{name: {name}}}
spec: {{{key}: {of}, action: {action}, lifts: [{lifts}], reason: the cup is over, expires: 2099-01-01T00:00:00Z}}
"""


def move(before: str, now: str, *, name: str = "renamed") -> str:
    """Return a Move."""
    return f"""\
---
apiVersion: reconciler/v1
kind: Move
metadata: {{name: {name}}}
spec: {{from: {before}, to: {now}}}
"""
