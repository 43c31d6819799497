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
OUTPUTS: Final = f"{_SRT_FLOW}---\n{HERE}\n"
"""Outputs of a flow with an SRT input."""


def example(wrong: str, right: str, *, frame: str = WHOLE) -> Example:
    """Return an example whose parts were written with the indentation of the code around them."""
    return Example(wrong=dedent(wrong).strip("\n"), right=dedent(right).strip("\n"), frame=frame)
