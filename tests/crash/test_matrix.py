"""The crash matrix: whoever is killed at a write leaves nothing that the next apply does not put right."""

import os
from pathlib import Path

from tests.crash import staging

EVERY = 13
"""Of about a hundred points, so many apart are tried here; `make long ARGS=crash` tries them all."""


def test_a_killed_apply_is_finished_by_the_next(tmp_path: Path, figures: list[str]) -> None:
    """Nothing is there twice, others' flows are as they were, what was to go went, and the journal explains it."""
    with staging.staged(tmp_path, os.environ) as arguments:
        matrix = staging.run((*arguments, str(EVERY)), os.environ)

    figures.extend(matrix.stdout.splitlines())
    assert matrix.returncode == 0, matrix.stdout + matrix.stderr
    assert " deaths around " in matrix.stdout
