"""Following a branch: ask for its newest commit, fetch it, judge it, and remember the last one that counted."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from reconciler.domain.errors import EnvironmentFailedError, SourceUnreadableError
from reconciler.sources.git.errand import Errands, OverdueError
from reconciler.sources.git.mirror import ACCEPTED, TIP, Mirror
from reconciler.sources.git.remote import Remote
from reconciler.sources.git.trust import Trust

_BROKEN: Final = re.compile(
    r"corrupt|missing|bad (?:object|tree|config|ref)|unable to read|not a git repository|invalid|did not send all|"
    r"cannot be accessed|reference broken|cannot lock ref|could not (?:read|parse)|inflate|packfile",
    re.IGNORECASE,
)
"""Words of git that may be about the mirror; then it is looked at as a whole, and fetched anew where it is broken."""

_NO_BRANCH: Final = "couldn't find remote ref"
"""Words of git, where what it is to fetch is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look at the server came to."""

    accepted: str = ""
    """The last commit that counts, "" when there has been none."""
    tip: str = ""
    """The newest commit of the branch, "" when it is not known."""
    unreachable: str = ""
    """Why it is not known, "" when it is."""
    refused: str = ""
    """Why the newest commit does not count, "" when it does."""
    left: str = ""
    """The accepted commit that this one does not come after; "" where it does."""
    has_fetched: bool = False

    @property
    def trouble(self) -> str:
        """Return why the accepted commit is not the newest that there is, "" when it is."""
        return self.unreachable or self.refused


class Follower:
    """Follows one branch; its methods wait, and are called from one thread at a time."""

    def __init__(self, mirror: Mirror, remote: Remote, *, trust: Trust, within: str) -> None:
        """
        Know what is followed.

        Args:
            mirror: where commits are kept.
            remote: the branch.
            trust: whose commits count.
            within: where the manifests are; a commit without that does not count.

        """
        self._mirror = mirror
        self._remote = remote
        self._trust = trust
        self._within = within

    def look(self, *, doubts: bool = False, is_told: bool = False) -> Look:
        """
        Return what the branch has now, as far as it can be known; never fails for a server's sake.

        Args:
            doubts: whether the mirror could not be read, so that it is looked at as a whole first.
            is_told: whether somebody says that there is something new, so that it is fetched without asking first.

        """
        errands, timeout_s = self._remote.errands, self._remote.timeout_s
        try:
            with self._mirror.held(errands, timeout_s=timeout_s) as lock:
                if doubts and not self._mirror.is_sound():
                    self._mirror.discard()
                return self._look(lock, is_told=is_told)
        except (SourceUnreadableError, EnvironmentFailedError) as error:
            # Nothing could be written, so nothing is newer than what was accepted before.
            return Look(accepted=self._known(), unreachable=str(error))

    def collect(self) -> None:
        """Keep the mirror from growing for ever."""
        try:
            with self._mirror.held(self._remote.errands, timeout_s=self._remote.timeout_s) as lock:
                self._mirror.collect(self._remote.errands, lock)
        except SourceUnreadableError:
            # Another process is at it; it is done after the next fetch.
            return

    def again(self) -> "Follower":
        """Return one that follows the same, for when this one was cancelled; what this one runs still ends."""
        remote = replace(self._remote, errands=Errands())
        return Follower(self._mirror, remote, trust=self._trust, within=self._within)

    def cancel(self) -> None:
        """End what is waited for, from any thread, for good."""
        self._remote.errands.cancel()

    def _look(self, lock: int, *, is_told: bool) -> Look:
        known = ""
        if self._mirror.home.is_dir():
            known = self._mirror.made()
            self._judge_again()
        try:
            return self._newest(lock, known, is_told=is_told)
        except OverdueError as error:
            self._mirror.tidy()
            return self._unreachable(error)
        except (SourceUnreadableError, EnvironmentFailedError) as error:
            self._mirror.tidy()
            if not _BROKEN.search(str(error)) or self._mirror.is_sound():
                return self._unreachable(error)
        self._mirror.discard()
        try:
            return self._newest(lock, "", is_told=False)
        except (SourceUnreadableError, EnvironmentFailedError) as error:
            self._mirror.tidy()
            return self._unreachable(error)

    def _newest(self, lock: int, known: str, *, is_told: bool) -> Look:
        """Fetch the newest commit, where it is another one than is known, and judge it."""
        mirror = self._mirror
        self._fetch(lock, known, is_told=is_told)
        tip, before, is_there = mirror.known(self._within)
        has_fetched = tip != known
        refused = self._problem(tip, is_there=is_there) if tip != before else ""
        if refused:
            return Look(accepted=before, tip=tip, refused=refused, has_fetched=has_fetched)
        is_new = tip != before
        left = before if is_new and before and not mirror.leads_to(before, tip) else ""
        if is_new:
            mirror.accept(tip, rules=self._rules)
        return Look(accepted=tip, tip=tip, left=left, has_fetched=has_fetched)

    def _fetch(self, lock: int, known: str, *, is_told: bool) -> None:
        """See that the newest commit is in the mirror."""
        mirror = self._mirror
        if is_told and known:
            try:
                self._remote.fetch(mirror.home, lock, TIP)
            except SourceUnreadableError as error:
                # Whoever asks is told of branches that come and go; what else is wrong, a second try does not mend.
                if _NO_BRANCH not in str(error):
                    raise
            else:
                return
        tip = self._remote.tip(mirror.home if mirror.home.is_dir() else mirror.home.parent, lock)
        if not tip:
            raise SourceUnreadableError(
                f"There is no branch {self._remote.branch} in {self._remote.address.text}. Was it deleted or renamed, "
                "or never pushed? Push it, or set source.branch"
            )
        if tip == known:
            return
        if not mirror.home.is_dir():
            mirror.made(id_length=len(tip))
        self._remote.fetch(mirror.home, lock, TIP)

    def _judge_again(self) -> None:
        """Judge the accepted commit once more where the rules are others now: an older trust is none."""
        if self._mirror.rules == self._rules:
            return
        before = self._mirror.reference(ACCEPTED)
        if before and self._problem(before, is_there=self._mirror.has(before, self._within)):
            self._mirror.forget()
        self._mirror.note_rules(self._rules)

    def _problem(self, commit: str, *, is_there: bool) -> str:
        """Return why a commit does not count, "" when it does; it must have something at the path."""
        if not is_there:
            return (
                f"commit {commit} has nothing at {self._within}, and an empty tree would mean that nothing is wanted. "
                "Was it moved? Set source.path; a file that is no manifest, such as .gitkeep, keeps an empty folder"
            )
        return self._trust.problem(self._mirror.git, commit)

    @property
    def _rules(self) -> str:
        return f"{self._trust.name} {self._within}"

    def _unreachable(self, error: Exception) -> Look:
        return Look(accepted=self._known(), unreachable=str(error))

    def _known(self) -> str:
        """Return the commit that counts under the rules of now; one that could not be judged by them does not."""
        if self._mirror.rules != self._rules:
            return ""
        return _or_nothing(lambda: self._mirror.reference(ACCEPTED))


def _or_nothing(read: Callable[[], str]) -> str:
    try:
        return read()
    except EnvironmentFailedError:
        # Without git nothing can be read, and that is told already.
        return ""
