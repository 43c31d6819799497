"""
GitHub: a status of the commit, and one comment on each of its pull requests.

Sources: https://docs.github.com/rest/commits/statuses, /rest/commits/commits, /rest/issues/comments,
/rest/using-the-rest-api/rate-limits-for-the-rest-api; tests hold each call against GitHub's own description of its API.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.notifying.failures import Remedy, UndeliveredError
from reconciler.notifying.forge import MOST_REQUESTS, Api, Session, Token, number_in, objects, set_comment
from reconciler.notifying.reports import Report, comment, description
from reconciler.ports.notifier import Stage

MOST_DESCRIPTION: Final = 140
_HEADERS: Final = {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}
_TOKEN: Final = Token("authorization", "Bearer ")
_STATES: Final[Mapping[Stage, str]] = {
    Stage.PENDING: "pending",
    Stage.APPLIED: "success",
    Stage.BLOCKED: "pending",
    Stage.FAILED: "failure",
    Stage.REFUSED: "failure",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHub:
    """Implements `Sink` for a repository on GitHub."""

    name: str
    account: str
    repository: str
    """OWNER/NAME."""
    api: Api

    async def send(self, draft: Report) -> None:
        """
        Tell this.

        Raises:
            UndeliveredError: it was not told, or nobody knows.

        """
        async with self.api.session(_HEADERS, _TOKEN) as session:
            state, said = _STATES[draft.stage], description(draft, MOST_DESCRIPTION)
            await self._set_status(session, draft.revision, state=state, said=said)
            if draft.stage is Stage.PENDING:
                return
            found = objects(await session.call("GET", f"{self._path}/commits/{draft.revision}/pulls"))
            # What was merged is what most commits of a branch come from; what was turned down is of no interest.
            alive = [each for each in found if each.get("state") == "open" or each.get("merged_at")]
            for pull in alive[:MOST_REQUESTS]:
                await set_comment(
                    session,
                    f"{self._path}/issues/{number_in(pull, 'number')}/comments",
                    f"{self._path}/issues/comments/{{id}}",
                    text=comment(draft, self.account),
                    way="PATCH",
                )

    async def test(self) -> str:
        """
        Give the newest commit a status that says that this is a test; return what was done.

        Raises:
            UndeliveredError: it was not done.

        """
        async with self.api.session(_HEADERS, _TOKEN) as session:
            found = objects(await session.call("GET", f"{self._path}/commits?per_page=1"))
            sha = str(found[0].get("sha", "")) if found else ""
            if not sha:
                raise UndeliveredError(f"{self.repository} has no commits yet", remedy=Remedy.SETTING)
            await self._set_status(session, sha, state="success", said="a test; nothing was changed", of="/test")
        return f"took a test status of {sha[:12]} in {self.repository}"

    @property
    def _path(self) -> str:
        return f"/repos/{self.repository}"

    async def _set_status(self, session: Session, sha: str, *, state: str, said: str, of: str = "") -> None:
        status = {"state": state, "context": f"reconciler/{self.account}{of}", "description": said}
        await session.call("POST", f"{self._path}/statuses/{sha}", status)
