"""A tree of valid manifests of any size, the same every time."""

from pathlib import Path
from typing import Final

OUTPUTS_PER_FLOW: Final = 9
"""So every tenth document is a Flow."""

_FLOW: Final = """\
apiVersion: reconciler/v1
kind: Flow
metadata:
  name: {flow}
  labels:
    event: cup_final
    tier: gold
  annotations:
    ticket: OPS-{number}
spec:
  region: eu-frankfurt
  maxBandwidth: 20M
  state: running
  description: Programme feed of studio {number}
  input:
    protocol: SRT
    allowlist:
      - 203.0.113.0/28
      - 198.51.100.{host}/32
    srt:
      mode: listener
      latency: 120
      peerIdleTimeout: 5000
      encryption:
        keyLength: 16
        passphrase: {{env: STREAM_IN_{number}}}
"""

_OUTPUT: Final = """\
apiVersion: reconciler/v1
kind: Output
metadata:
  name: tower_{index}
  labels:
    event: cup_final
    tier: gold
  annotations:
    ticket: OPS-{number}
spec:
  flow: {flow}
  region: eu-frankfurt
  protocol: SRT
  description: Transmitter {index} of studio {number}
  srt:
    mode: caller
    destination:
      host: tower-{index}.site-{number}.example
      port: {port}
    latency: 200
    peerIdleTimeout: 5000
    streamId: "#!::r=tower_{index},m=publish"
    encryption:
      keyLength: 32
      passphrase: {{env: STREAM_OUT_{number}_{index}}}
"""


_SLIPS: Final = (
    ("peerIdleTimeout: 5000", "peerIdleTimeout: 500"),
    ("latency: 200", "latency: fast"),
    ("keyLength: 32", "keyLength: 256"),
    ("mode: caller", "mod: caller"),
    ("flow: studio", "flow: stadium"),
    ("protocol: SRT", "protocol: RTP"),
)
"""What people do wrong, in turn: a range, a type, a value, a name, a reference, a protocol."""


def document(position: int, *, bad_every: int = 0) -> str:
    """
    Return the document at this position of the endless tree: a Flow, then its outputs, then the next Flow.

    Args:
        position: from 0.
        bad_every: one document in so many has a fault, an output always; 0 for none.

    """
    number, index = divmod(position, OUTPUTS_PER_FLOW + 1)
    flow = f"studio_{number}"
    if index == 0:
        return _FLOW.format(flow=flow, number=number, host=number % 254 + 1)
    text = _OUTPUT.format(flow=flow, number=number, index=index, port=9000 + index)
    if bad_every and position % bad_every == 1:
        right, wrong = _SLIPS[position // bad_every % len(_SLIPS)]
        return text.replace(right, wrong)
    return text


def write(root: Path, *, documents: int, per_file: int, bad_every: int = 0) -> None:
    """Write a tree of that many documents below `root`, `per_file` in each file and a hundred files in each folder."""
    for number, first in enumerate(range(0, documents, per_file)):
        folder = root / f"group_{number // 100:04}"
        folder.mkdir(parents=True, exist_ok=True)
        positions = range(first, min(first + per_file, documents))
        (folder / f"file_{number:06}.yaml").write_text(
            "---\n".join(document(position, bad_every=bad_every) for position in positions), encoding="utf-8"
        )
