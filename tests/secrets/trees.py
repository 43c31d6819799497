"""Trees with a secret at every place that may hold one: as they should be, and as a slip writes them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconciler.manifests.schemas import schema_of
from tests.secrets.canaries import Canary, canary

_NAMES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("flow", "encryption.passphrase"): ("STREAM_INPUT", "STREAM_CALLED"),
    ("flow", "rtmpAddress.streamKey"): ("STREAM_SOURCE",),
    ("flow", "rtspSource.credentials.password"): ("STREAM_CAMERA",),
    ("output", "encryption.passphrase"): ("STREAM_TOWER", "listener"),
    ("output", "rtmpAddress.streamKey"): ("STREAM_MAIN", "backup"),
}
"""What the secrets of a place are called, by the schema and the place in it; capitals are variables, others files."""
CANARIES: Final[Mapping[str, Canary]] = {
    name: canary(f"{schema} {place}, {name}", number)
    for number, (schema, place, name) in enumerate(
        ((schema, place, name) for (schema, place), names in _NAMES.items() for name in names), start=10
    )
}
"""By the name of the variable or file."""
LITERALS: Final = tuple(canary(f"a literal of the wrong tree, number {number}", number) for number in range(50, 63))
ACCOUNT: Final = canary("the relay's account", 80)
CLOUD: Final = tuple(canary(f"a cloud account's {what}", number) for number, what in enumerate(("key", "token"), 90))

GOOD: Final = """\
apiVersion: reconciler/v1
kind: Flow
metadata: {name: stadium, contacts: [control@example.org]}
spec:
  region: local
  input:
    protocol: SRT
    srt: {latency: 120, encryption: {keyLength: 16, passphrase: {env: STREAM_INPUT, version: 1}}}
---
apiVersion: reconciler/v1
kind: Flow
metadata: {name: called}
spec:
  region: local
  input:
    protocol: SRT
    srt:
      mode: caller
      source: {host: 127.0.0.1, port: 9}
      encryption: {keyLength: 24, passphrase: {env: STREAM_CALLED}}
---
apiVersion: reconciler/v1
kind: Flow
metadata: {name: origin}
spec:
  region: local
  input: {protocol: RTMP_PULL, rtmpPull: {url: "rtmp://127.0.0.1:9/live", streamKey: {env: STREAM_SOURCE}}}
---
apiVersion: reconciler/v1
kind: Flow
metadata: {name: camera}
spec:
  region: local
  input:
    protocol: RTSP
    rtsp: {url: "rtsp://127.0.0.1:9/1", credentials: {username: viewer, password: {env: STREAM_CAMERA}}}
---
apiVersion: reconciler/v1
kind: Output
metadata: {name: tower}
spec:
  flow: stadium
  protocol: SRT
  srt:
    mode: caller
    destination: {host: 127.0.0.1, port: 9}
    latency: 120
    encryption: {keyLength: 32, passphrase: {env: STREAM_TOWER}}
---
apiVersion: reconciler/v1
kind: Output
metadata: {name: listener}
spec:
  flow: stadium
  protocol: SRT
  srt: {mode: listener, encryption: {keyLength: 16, passphrase: {file: listener}}}
---
apiVersion: reconciler/v1
kind: Output
metadata: {name: push}
spec:
  flow: origin
  protocol: RTMP_PUSH
  rtmpPush:
    destinations:
      - {url: "rtmp://127.0.0.1:9/main", streamKey: {env: STREAM_MAIN}}
      - {url: "rtmp://127.0.0.1:9/backup", streamKey: {file: backup}}
---
apiVersion: reconciler/v1
kind: Output
metadata: {name: monitor}
spec: {flow: camera, protocol: RTSP}
"""

_FLOW: Final = """\
apiVersion: reconciler/v1
kind: Flow
metadata: {name: NAME}
spec: {region: local, input: INPUT}
---
"""
_SLIPS: Final = (
    '{protocol: SRT, srt: {encryption: {keyLength: 16, passphrase: "SECRET"}}}',
    '{protocol: SRT, srt: {encryption: {keyLength: 16, passphrase: {env: "SECRET"}}}}',
    '{protocol: SRT, srt: {encryption: {keyLength: 16, passphrase: {value: "SECRET"}}}}',
    '{protocol: SRT, srt: {encryption: {keyLength: 16, passphrase: {"SECRET": 1}}}}',
    '{protocol: SRT, srt: {encryption: {keyLength: 16, passphrase: ["SECRET"]}}}',
    '{protocol: RTMP_PULL, rtmpPull: {url: "rtmp://a.example/live", streamKey: "SECRET"}}',
    '{protocol: RTMP_PULL, rtmpPull: {url: "rtmp://a.example/live", streamKey: {file: "/SECRET"}}}',
    '{protocol: RTMP_PULL, rtmpPull: {url: "rtmp://user:SECRET@a.example/live", streamKey: {env: STREAM_A}}}',
    '{protocol: RTMP_PULL, rtmpPull: {url: "http://a.example/live?key=SECRET", streamKey: {env: STREAM_A}}}',
    '{protocol: RTSP, rtsp: {url: "rtsp://user:SECRET@a.example/1"}}',
    '{protocol: RTSP, rtsp: {url: "rtsp://a.example/1", credentials: {username: u, password: "SECRET"}}}',
    '{protocol: RTSP, rtsp: {url: "rtsp://a.example/1", credentials: {username: u, password: !!binary "SECRET"}}}',
    '{protocol: SRT, srt: {encryption: {keyLength: 16, passphrase: "SECRET',
)
"""Inputs with a secret where a reference belongs; the last is no YAML."""


def wrong_files() -> Iterator[tuple[str, str]]:
    """Yield files that each hold a literal secret, by their names."""
    for number, (slip, literal) in enumerate(zip(_SLIPS, LITERALS, strict=True)):
        value = json.dumps(literal.value)[1:-1]
        # In a URL a slash or a number sign would end the part that is a secret.
        written = slip.replace("SECRET", literal.core if "://" in slip else value)
        yield f"slip_{number:02d}.yaml", _FLOW.replace("NAME", f"slip_{number}").replace("INPUT", written)


def places() -> set[tuple[str, str]]:
    """Return every place of the schemas that may hold a secret."""
    return {(name, place) for name in ("flow", "output") for place in _places(schema_of(name)["$defs"], ())}


def covered() -> set[tuple[str, str]]:
    """Return the places of which the good tree has a secret."""
    return {place for place, names in _NAMES.items() if all(f" {name}" in GOOD for name in names)}


def _places(part: Any, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(part, Mapping):
        if part.get("$ref") == "#/$defs/secret":
            yield ".".join(step for step in path if step != "properties")
        for name, inner in part.items():
            yield from _places(inner, (*path, name))
    elif isinstance(part, list):
        for inner in part:
            yield from _places(inner, path)
