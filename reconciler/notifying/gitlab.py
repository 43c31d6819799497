"""
GitLab: a status of the commit, and one note on each of its merge requests.

Sources: https://docs.gitlab.com/api/commits/ (statuses, merge requests of a commit), /api/notes/,
/security/rate_limits/.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from reconciler.notifying.failures import Remedy, UndeliveredError
from reconciler.notifying.forge import MOST_REQUESTS, Api, Session, Token, number_in, objects, set_comment
from reconciler.notifying.reports import Report, comment, description
from reconciler.ports.notifier import Stage

MOST_DESCRIPTION: Final = 255
_TOKEN: Final = Token("private-token")
_STATES: Final[Mapping[Stage, str]] = {
    Stage.PENDING: "pending",
    Stage.APPLIED: "success",
    Stage.BLOCKED: "pending",
    Stage.FAILED: "failed",
    Stage.REFUSED: "failed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GitLab:
    """Implements `Sink` for a project on GitLab."""

    name: str
    account: str
    project: str
    """Its path, such as GROUP/NAME, or its number."""
    api: Api

    async def send(self, draft: Report) -> None:
        """
        Tell this.

        Raises:
            UndeliveredError: it was not told, or nobody knows.

        """
        async with self.api.session({}, _TOKEN) as session:
            state, said = _STATES[draft.stage], description(draft, MOST_DESCRIPTION)
            await self._set_status(session, draft.revision, state=state, said=said)
            if draft.stage is Stage.PENDING:
                return
            path = f"{self._path}/repository/commits/{draft.revision}/merge_requests"
            # What was merged is what most commits of a branch come from; what was turned down is of no interest.
            alive = [each for each in objects(await session.call("GET", path)) if each.get("state") != "closed"]
            for request in alive[:MOST_REQUESTS]:
                notes = f"{self._path}/merge_requests/{number_in(request, 'iid')}/notes"
                await set_comment(session, notes, f"{notes}/{{id}}", text=comment(draft, self.account), way="PUT")

    async def test(self) -> str:
        """
        Give the newest commit a status that says that this is a test; return what was done.

        Raises:
            UndeliveredError: it was not done.

        """
        async with self.api.session({}, _TOKEN) as session:
            found = objects(await session.call("GET", f"{self._path}/repository/commits?per_page=1"))
            sha = str(found[0].get("id", "")) if found else ""
            if not sha:
                raise UndeliveredError(f"{self.project} has no commits yet", remedy=Remedy.SETTING)
            await self._set_status(session, sha, state="success", said="a test; nothing was changed", of="/test")
        return f"took a test status of {sha[:12]} in {self.project}"

    @property
    def _path(self) -> str:
        return f"/projects/{quote(self.project, safe='')}"

    async def _set_status(self, session: Session, sha: str, *, state: str, said: str, of: str = "") -> None:
        status = {"state": state, "name": f"reconciler/{self.account}{of}", "description": said}
        try:
            await session.call("POST", f"{self._path}/statuses/{sha}", status)
        except UndeliveredError as error:
            # Refused where it is so already: "Cannot transition status via :enqueue from :pending".
            if "Cannot transition status" not in str(error):
                raise
