"""
Failures, as a closed set; what is wrong in manifests is a `Finding`, a value, and never one of these.

```
ReconcilerError
├── UsageError                   the command line or the settings are wrong
├── EnvironmentFailedError       this machine lacks something: an engine, a free port, a writable folder
├── StateHeldError               another process holds the state directory
├── PlanStaleError               a saved plan is no longer what was looked at
├── SourceUnreadableError        the manifests cannot be read at all
├── SecretUnavailableError       one secret cannot be resolved; fails its resource alone
├── UnresolvedLinkError          an output calls a flow whose address is not known yet
└── BackendError                 an answer of the backend, or the lack of one
    ├── ThrottledError           too many calls; nothing was done
    ├── UnavailableError         no usable answer; `maybe_applied` says whether the call may have been carried out
    ├── GarbledError             an answer outside the contract
    ├── CredentialsRefusedError  the account does not accept us
    ├── NotFoundError            the object is gone
    ├── WrongStateError          not while the flow is in this state
    ├── QuotaExceededError       the account is full
    ├── HaltedError              somebody stopped all writes; nothing was sent
    └── RejectedError            refused until the manifest changes
```
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import ClassVar, Final

from reconciler.domain.secrets import SecretRef


class ExitStatus(IntEnum):
    """What a verb tells the shell; `docs/exit-status.md` explains each to people."""

    OK = 0
    ALL_FAILED = 1
    CHANGES_PRESENT = 2
    FINDINGS = 3
    BLOCKED = 4
    SOME_FAILED = 5
    HELD = 6
    BACKEND = 7
    USAGE = 64
    BUG = 70


class ReconcilerError(Exception):
    """A foreseen failure; its text is complete and fit to be shown."""

    exit_status: ClassVar[ExitStatus] = ExitStatus.ALL_FAILED
    retryable: ClassVar[bool] = False


class UsageError(ReconcilerError):
    """The command line, the environment or the settings ask for something that cannot be."""

    exit_status = ExitStatus.USAGE


class EnvironmentFailedError(ReconcilerError):
    """This machine lacks what was asked for: an engine, a free port, a writable folder."""


_BESIDE_ANYONE: Final = (
    ". Two reconcilers on one state would fight over the same streams: give this one a directory of its own with "
    "--state DIR, or stop that one first, unless it carries streams."
)
_BESIDE: Final[Mapping[str, str]] = {
    "relay": (
        ", a `reconciler relay`: what it carries goes off the air when it ends. `plan` and `apply` use it as it runs. "
        "For `run`, say where it is and give `run` a state of its own: reconciler --state DIR run --backend relay "
        "--endpoint URL, as docs/relay.md has it."
    ),
    "run": (
        ", a `reconciler run`, which does what the manifests say already; a relay that it started ends with it, and "
        "what that carries goes off the air. `plan`, `apply` and `status` work beside it. For another tree or account "
        "give this one a directory of its own with --state DIR."
    ),
}
"""What can be done beside a holder, by what it was started as."""


class StateHeldError(ReconcilerError):
    """Another process holds the state directory."""

    exit_status = ExitStatus.HELD

    def __init__(self, *, state: str, pid: int | None, verb: str = "") -> None:
        """Say who holds it, and what can be done beside it; `verb` is what the holder was started as, "" if unknown."""
        self.pid = pid
        holder = f"process {pid}" if pid is not None else "another process"
        super().__init__(f"The state directory {state} is held by {holder}{_BESIDE.get(verb, _BESIDE_ANYONE)}")


class PlanStaleError(ReconcilerError):
    """A saved plan is no longer what somebody looked at; nothing was sent."""

    exit_status = ExitStatus.HELD
    shown: ClassVar[int] = 10
    """Reasons that are told one by one."""

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        """What differs, each in words."""
        shown = self.reasons[: self.shown]
        more = len(self.reasons) - len(shown)
        tail = (f"and {more} more",) if more else ()
        lines = "\n".join(f"  {line}" for line in (*shown, *tail))
        super().__init__(
            f"The saved plan is stale, so nothing was sent:\n{lines}\n"
            "Plan again, look at what it says now, and apply that: reconciler plan --out FILE"
        )


class SourceUnreadableError(ReconcilerError):
    """The manifests cannot be read at all, so nothing is known of what is desired."""

    retryable = True


class SecretUnavailableError(ReconcilerError):
    """One secret cannot be resolved. The resource that needs it fails alone; encryption is never turned off."""

    retryable = True

    def __init__(self, ref: SecretRef, why: str) -> None:
        self.ref = ref
        super().__init__(f"The secret {ref} cannot be used: {why}")


class UnresolvedLinkError(ReconcilerError):
    """An output calls another flow's input, and that input has no address yet."""

    retryable = True


class BackendError(ReconcilerError):
    """An answer of the backend, or the lack of one."""

    exit_status = ExitStatus.BACKEND

    def __init__(self, message: str, *, code: str = "", request_id: str = "") -> None:
        self.code = code
        """The API's own code, or "" when the failure is on our side of it."""
        self.request_id = request_id
        super().__init__(message)


class ThrottledError(BackendError):
    """Too many calls; the service did nothing, so the same call may be sent again later."""

    retryable = True


class UnavailableError(BackendError):
    """No usable answer: a time-out, a broken connection, an internal error."""

    retryable = True

    def __init__(
        self,
        message: str,
        *,
        maybe_applied: bool,
        code: str = "",
        request_id: str = "",
        retry_in_s: float | None = None,
    ) -> None:
        self.maybe_applied = maybe_applied
        """Whether the call may have been carried out: observe before anything else, and never re-send a create."""
        self.retry_in_s = retry_in_s
        """Seconds for which nothing is sent, where a service that is down is left alone; None where a call was sent."""
        super().__init__(message, code=code, request_id=request_id)


class GarbledError(UnavailableError):
    """An answer outside the contract: HTML, broken JSON, an envelope without `Response`."""


class CredentialsRefusedError(BackendError):
    """The account does not accept us; nothing else will work until that is mended."""


class NotFoundError(BackendError):
    """The object is gone, or never was."""

    exit_status = ExitStatus.ALL_FAILED


class WrongStateError(BackendError):
    """The flow is in a state in which this change is refused."""

    exit_status = ExitStatus.ALL_FAILED


class HaltedError(BackendError):
    """Somebody stopped all writes while the call waited for its turn; nothing was sent."""

    exit_status = ExitStatus.BLOCKED


class QuotaExceededError(BackendError):
    """The account is full; the same call fails until something is freed."""

    exit_status = ExitStatus.ALL_FAILED


class RejectedError(BackendError):
    """Refused for what it says; the same call fails until the manifest changes."""

    exit_status = ExitStatus.ALL_FAILED

    def __init__(self, message: str, *, field: str = "", code: str = "", request_id: str = "") -> None:
        self.field = field
        """The API's name of the offending field, or "" when it did not say."""
        super().__init__(message, code=code, request_id=request_id)
