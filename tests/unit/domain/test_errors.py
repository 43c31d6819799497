"""Failures: a closed set, each with its exit status."""

import pytest

from reconciler.domain.errors import (
    BackendError,
    ExitStatus,
    GarbledError,
    PlanStaleError,
    ReconcilerError,
    RejectedError,
    SecretUnavailableError,
    StateHeldError,
    UnavailableError,
)
from reconciler.domain.secrets import SecretRef, SecretSource


def test_a_held_state_names_its_holder() -> None:
    """Whoever meets the lock learns which process to stop, or how to go beside it."""
    error = StateHeldError(state=".reconciler", pid=4711)

    assert "process 4711" in str(error)
    assert "--state DIR" in str(error)
    assert error.exit_status is ExitStatus.HELD
    assert "another process" in str(StateHeldError(state=".reconciler", pid=None))


@pytest.mark.parametrize(
    ("verb", "instead"), [("relay", "`plan` and `apply` use it as it runs"), ("run", "work beside it")]
)
def test_nobody_is_told_to_stop_what_carries_streams(verb: str, instead: str) -> None:
    """A relay ends with its streams: what can be done beside it is said."""
    said = str(StateHeldError(state=".reconciler", pid=4711, verb=verb))

    assert f"process 4711, a `reconciler {verb}`" in said
    assert "off the air" in said
    assert instead in said
    assert "stop" not in said


def test_a_missing_secret_names_its_reference() -> None:
    """The message says which secret, and why."""
    error = SecretUnavailableError(SecretRef(source=SecretSource.FILE, name="tower"), "there is no such file")

    assert str(error) == "The secret file:tower cannot be used: there is no such file"
    assert error.retryable


def test_an_answer_outside_the_contract_may_have_been_applied() -> None:
    """Garbage behind a write is treated like no answer: observe before anything else."""
    error = GarbledError("HTML", maybe_applied=True, request_id="r")

    assert isinstance(error, UnavailableError)
    assert (error.maybe_applied, error.request_id, error.exit_status) == (True, "r", ExitStatus.BACKEND)


def test_a_rejection_says_which_field() -> None:
    """The API's field is kept for the message and for tests."""
    error = RejectedError("no", field="Output", code="InvalidParameter.Output")

    assert (error.field, error.code, error.exit_status) == ("Output", "InvalidParameter.Output", ExitStatus.ALL_FAILED)


def test_every_failure_has_a_status_that_is_no_success() -> None:
    """No failure ends with 0."""
    seen: list[type[ReconcilerError]] = [ReconcilerError]
    for error in seen:
        seen.extend(error.__subclasses__())

    assert BackendError in seen
    assert all(error.exit_status is not ExitStatus.OK for error in seen)


def test_a_stale_plan_names_ten_reasons_and_counts_the_rest() -> None:
    """Nobody reads a thousand lines that say "plan again"."""
    few, many = PlanStaleError(["the tree"]), PlanStaleError([f"reason {number}" for number in range(12)])

    assert "more" not in str(few)
    assert "  reason 9\n  and 2 more\nPlan again" in str(many)
    assert len(many.reasons) == 12
