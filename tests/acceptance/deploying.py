"""What the tests of `deploy/` share: how a judge is asked, and which settings deployments may name."""

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from reconciler.settings.layers import variable_of
from reconciler.settings.values import SETTINGS

ROOT: Final = Path(__file__).parents[2]
DEPLOY: Final = ROOT / "deploy"
KNOWN: Final = frozenset(SETTINGS)
"""Every setting by its path."""
VARIABLES: Final = frozenset(map(variable_of, KNOWN))
"""The same, as the environment has them."""


def run(*words: str | Path, cwd: Path = ROOT, given: str = "") -> "subprocess.CompletedProcess[str]":
    """Return what a judge says."""
    return subprocess.run(
        [str(word) for word in words], cwd=cwd, input=given, capture_output=True, text=True, check=False, timeout=120
    )


def flat(values: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Yield the path of each setting of a settings file."""
    for key, value in values.items():
        if isinstance(value, Mapping) and not above:
            yield from flat(value, f"{key}.")
        else:
            yield f"{above}{key}"
