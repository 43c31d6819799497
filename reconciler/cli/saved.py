"""Plans in files: what `plan --out` writes and `apply --plan` chooses by."""

import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler import __version__
from reconciler.domain.errors import EnvironmentFailedError, UsageError
from reconciler.domain.saved_plans import Circumstances, SavedPlan, choose, saved

if TYPE_CHECKING:
    from reconciler.domain.changes import Plan
    from reconciler.domain.saved_plans import Chosen
    from reconciler.engine.plan import Preview
    from reconciler.engine.world import World


def demand_place(path: Path) -> None:
    """
    Go on only where a plan can be put.

    Raises:
        UsageError: something else than a file is there, or its folder is not.

    """
    try:
        is_other, has_folder = path.exists() and not path.is_file(), path.parent.is_dir()
    except OSError as error:
        raise UsageError(f"A plan cannot be written to {path}: {error.strerror}") from error
    if is_other:
        raise UsageError(f"{path} is no file, and a plan is written into one")
    if not has_folder:
        raise UsageError(f"There is no folder {path.parent} to write the plan into")


def write(path: Path, plan: SavedPlan) -> None:
    """
    Write a plan for its owner alone (0600), whole or not at all.

    Raises:
        EnvironmentFailedError: it cannot be written; what was there before is there still.

    """
    from reconciler import wiring

    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        with os.fdopen(os.open(draft, flags, 0o600), "w", encoding="utf-8") as file:
            json.dump(wiring.saved_document(plan), file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise EnvironmentFailedError(f"The plan cannot be written to {path}: {error.strerror}") from error


def kept(preview: "Preview", plan: "Plan", world: "World", paths: tuple[Path, ...]) -> SavedPlan:
    """Return what is kept of a plan that was made of these paths."""
    return saved(plan, made=_circumstances(preview, world), paths=tuple(map(str, paths)))


def chosen(plan_kept: SavedPlan, preview: "Preview", plan: "Plan", world: "World") -> "Chosen":
    """
    Return what of the present plan was looked at.

    Raises:
        PlanStaleError: it is not what was looked at.

    """
    return choose(plan_kept, plan, now=_circumstances(preview, world))


def _circumstances(preview: "Preview", world: "World") -> Circumstances:
    return Circumstances(
        at=world.clock.now().replace(microsecond=0),
        tool=__version__,
        backend=world.backend.name,
        owner=str(world.owner),
        revision=str(preview.tree.revision),
    )
