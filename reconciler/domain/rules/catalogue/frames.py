"""The documents that the examples of rules are parts of."""

from textwrap import dedent
from typing import Final

from reconciler.domain.findings import HERE, Example

_HEAD: Final = "apiVersion: reconciler/v1\nkind: Flow\nmetadata: {name: city_news}\n"
_INPUT: Final = "input: {protocol: RTMP, allowlist: [203.0.113.0/28]}"
_SPEC: Final = f"spec:\n  region: ap-singapore\n  state: idle\n  {_INPUT}\n"
_SECURED: Final = "encryption: {keyLength: 16, passphrase: {env: STREAM_CITY_NEWS}}"
_SRT_FLOW: Final = (
    f"{_HEAD}spec:\n  region: ap-singapore\n  state: idle\n  input:\n"
    f"    protocol: SRT\n    allowlist: [203.0.113.0/28]\n"
    f"    srt: {{{_SECURED}}}\n"
)
_RTMP_FLOW: Final = f"{_HEAD}{_SPEC}"
_OUTPUT: Final = (
    "---\napiVersion: reconciler/v1\nkind: Output\nmetadata: {name: tower_north}\nspec:\n  flow: city_news\n"
)

WHOLE: Final = HERE
"""Whole documents."""
HEADER: Final = f"{HERE}\n{_SPEC}"
"""A flow but for its spec."""
METADATA: Final = f"apiVersion: reconciler/v1\nkind: Flow\n{HERE}\n{_SPEC}"
"""The metadata of a flow."""
FLOW: Final = f"{_HEAD}spec:\n  state: idle\n  {_INPUT}\n  {HERE}\n"
"""Properties of a flow beside its input and state."""
MORE_OF_FLOW: Final = f"{_HEAD}{_SPEC}  {HERE}\n"
"""Properties of a flow beside its region, too."""
INPUT: Final = f"{_HEAD}spec:\n  region: ap-singapore\n  state: idle\n  input:\n    {HERE}\n"
"""The input of a flow."""
SRT_INPUT: Final = (
    f"{_HEAD}spec:\n  region: ap-singapore\n  state: idle\n  input:\n    protocol: SRT\n"
    f"    allowlist: [203.0.113.0/28]\n    srt:\n      {_SECURED}\n      {HERE}\n"
)
"""The SRT settings of an encrypted listener."""
SRT_OUTPUT: Final = f"{_SRT_FLOW}{_OUTPUT}  {HERE}\n"
"""An output of a flow with an SRT input."""
SRT_CALLER: Final = f"{_SRT_FLOW}{_OUTPUT}  protocol: SRT\n  srt:\n    mode: caller\n    {_SECURED}\n    {HERE}\n"
"""The SRT settings of an output that calls, encrypted."""
PUSH: Final = f"{_RTMP_FLOW}{_OUTPUT}  protocol: RTMP_PUSH\n  rtmpPush:\n    destinations:\n      {HERE}\n"
"""The destinations of a push."""
PULL: Final = f"{_RTMP_FLOW}{_OUTPUT}  {HERE}\n"
"""An output of a flow with an RTMP input."""
PULL_METADATA: Final = (
    f"{_RTMP_FLOW}---\napiVersion: reconciler/v1\nkind: Output\n{HERE}\n"
    "spec: {flow: city_news, protocol: RTMP_PULL, allowlist: [203.0.113.0/28]}\n"
)
"""The metadata of an output that players pull."""
TREE: Final = f"{_RTMP_FLOW}{_OUTPUT}  protocol: RTMP_PULL\n  allowlist: [203.0.113.0/28]\n---\n{HERE}\n"
"""Documents beside the flow city_news and its output tower_north."""
_CALENDAR: Final = "apiVersion: reconciler/v1\nkind: Calendar\nmetadata: {name: cup_final}\nspec:\n"
CALENDAR: Final = (
    f"{_CALENDAR}  {HERE}\n  windows:\n    - {{kind: freeze, from: 2026-11-28T19:00, to: 2026-11-28T23:00}}\n"
)
"""Properties of a calendar beside its windows."""
WINDOWS: Final = f"{_CALENDAR}  zone: Europe/Berlin\n  windows:\n    {HERE}\n"
"""The windows of a calendar."""
OUTPUTS: Final = f"{_SRT_FLOW}---\n{HERE}\n"
"""Outputs of a flow with an SRT input."""


def example(wrong: str, right: str, *, frame: str = WHOLE) -> Example:
    """Return an example whose parts were written with the indentation of the code around them."""
    return Example(wrong=dedent(wrong).strip("\n"), right=dedent(right).strip("\n"), frame=frame)
