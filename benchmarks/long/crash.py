"""An apply killed at every point of every write, before a real relay that carries no media."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.stage.terminal import console
from tests.crash import staging


def show(*, every: int) -> bool:
    """Try every so-many-th point, print what was seen, and return whether no promise was broken."""
    with TemporaryDirectory() as directory, staging.staged(Path(directory), os.environ) as arguments:
        matrix = staging.run((*arguments, str(every)), os.environ)
    console().print(matrix.stdout + matrix.stderr)
    return matrix.returncode == 0
