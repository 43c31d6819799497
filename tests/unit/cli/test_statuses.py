"""Tests of `cli.statuses`: the precedence that docs/exit-status.md tells."""

import pytest

from reconciler.cli import statuses
from reconciler.domain.changes import Action, Blocked, Failed, Hold, Plan, Start, Waiting
from reconciler.domain.changes import FlowAt as At
from reconciler.domain.errors import CredentialsRefusedError, ExitStatus
from reconciler.domain.model import Desired, FlowKey
from reconciler.engine.apply import Outcome, Result
from reconciler.engine.plan import Preview, Tree
from reconciler.engine.reconcile import PassOutcome
from reconciler.ports.source import Revision, Verdict
from tests.builders import LOCAL

NEWS = FlowKey("news")
START = Start(key=NEWS, at=At(LOCAL, "news"))
BLOCKED = Blocked(key=NEWS, action=Action.DELETE, why="not ours", hold=Hold.OWNERSHIP)
WAITING = Waiting(key=NEWS, why="no address")
FAILED = Failed(key=NEWS, why="no secret")
DONE = Outcome(change=START, result=Result.DONE)
UNDONE = Outcome(change=START, result=Result.FAILED, why="full")
SKIPPED = Outcome(change=START, result=Result.SKIPPED, why="stopping")
REFUSED = CredentialsRefusedError("revoked")


@pytest.mark.parametrize(
    ("plan", "plain", "detailed"),
    [
        pytest.param(None, ExitStatus.FINDINGS, ExitStatus.FINDINGS, id="findings"),
        pytest.param(Plan(unchanged=9), ExitStatus.OK, ExitStatus.OK, id="in step"),
        pytest.param(Plan(changes=(START,)), ExitStatus.OK, ExitStatus.CHANGES_PRESENT, id="changes"),
        pytest.param(Plan(waiting=(WAITING,)), ExitStatus.OK, ExitStatus.CHANGES_PRESENT, id="waiting is a change"),
        pytest.param(
            Plan(changes=(START,), blocked=(BLOCKED,)), ExitStatus.BLOCKED, ExitStatus.BLOCKED, id="blocked first"
        ),
        pytest.param(
            Plan(changes=(START,), windows=(BLOCKED,)), ExitStatus.BLOCKED, ExitStatus.BLOCKED, id="within a window"
        ),
        pytest.param(
            Plan(changes=(START,), failed=(FAILED,), blocked=(BLOCKED,)),
            ExitStatus.SOME_FAILED,
            ExitStatus.SOME_FAILED,
            id="failed before blocked",
        ),
        pytest.param(
            Plan(failed=(FAILED,), unchanged=3), ExitStatus.ALL_FAILED, ExitStatus.ALL_FAILED, id="nothing but failed"
        ),
    ],
)
def test_status_of_a_preview(plan: Plan | None, plain: ExitStatus, detailed: ExitStatus) -> None:
    """The first that holds counts; changes count only when asked for."""
    verdict = Verdict(findings=(), desired=Desired())
    preview = Preview(tree=Tree(revision=Revision("one"), verdict=verdict), plan=plan)

    assert statuses.of_plan(preview.plan, detailed=False) is plain
    assert statuses.of_plan(preview.plan, detailed=True) is detailed


@pytest.mark.parametrize(
    ("outcomes", "left", "refused", "expected"),
    [
        pytest.param((), Plan(), None, ExitStatus.OK, id="nothing to do"),
        pytest.param((DONE,), Plan(), None, ExitStatus.OK, id="all done"),
        pytest.param((DONE, UNDONE), Plan(), None, ExitStatus.SOME_FAILED, id="some failed"),
        pytest.param((DONE, SKIPPED), Plan(), None, ExitStatus.SOME_FAILED, id="not sent is not done"),
        pytest.param((UNDONE,), Plan(), None, ExitStatus.ALL_FAILED, id="all failed"),
        pytest.param((DONE,), Plan(failed=(FAILED,)), None, ExitStatus.SOME_FAILED, id="one secret is missing"),
        pytest.param((), Plan(failed=(FAILED,)), None, ExitStatus.ALL_FAILED, id="nothing but a missing secret"),
        pytest.param((DONE,), Plan(blocked=(BLOCKED,)), None, ExitStatus.BLOCKED, id="blocked"),
        pytest.param((DONE,), Plan(waiting=(WAITING,)), None, ExitStatus.BLOCKED, id="left waiting"),
        pytest.param((UNDONE,), Plan(blocked=(BLOCKED,)), None, ExitStatus.ALL_FAILED, id="failed before blocked"),
        pytest.param((DONE, UNDONE), Plan(), REFUSED, ExitStatus.BACKEND, id="refused before failed"),
    ],
)
def test_status_of_a_pass(
    outcomes: tuple[Outcome, ...], left: Plan, refused: CredentialsRefusedError | None, expected: ExitStatus
) -> None:
    """The first that holds counts."""
    outcome = PassOutcome(revision=Revision("one"), outcomes=outcomes, left=left, refused=refused, duration_s=0.1)

    assert statuses.of_pass(outcome) is expected
