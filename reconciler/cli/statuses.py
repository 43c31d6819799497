"""The exit status of a verb, from what came of it; `docs/exit-status.md` explains each."""

from reconciler.domain.changes import Plan
from reconciler.domain.errors import ExitStatus
from reconciler.engine.reconcile import PassOutcome


def of_plan(plan: Plan | None, *, detailed: bool) -> ExitStatus:
    """Return the status of `plan`; None where the manifests have errors. Changes count only when `detailed`, for CI."""
    if plan is None:
        return ExitStatus.FINDINGS
    if plan.failed:
        return ExitStatus.SOME_FAILED if plan.changes else ExitStatus.ALL_FAILED
    if plan.blocked or plan.windows:
        return ExitStatus.BLOCKED
    if detailed and (plan.changes or plan.waiting):
        return ExitStatus.CHANGES_PRESENT
    return ExitStatus.OK


def of_pass(outcome: PassOutcome) -> ExitStatus:
    """Return the status of `apply` and of `run --once`."""
    if outcome.refused is not None:
        return outcome.refused.exit_status
    if outcome.undone or outcome.left.failed:
        return ExitStatus.SOME_FAILED if outcome.done else ExitStatus.ALL_FAILED
    if outcome.left.blocked or outcome.left.waiting:
        return ExitStatus.BLOCKED
    return ExitStatus.OK
