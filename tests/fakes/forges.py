"""GitHub and GitLab, as far as they are spoken to: what is told them is kept, and shown again."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fakes.http_server import Reply, Request

TOKEN: Final = "canary-of-a-token"
PAGE: Final = 30

Handler = Callable[[dict[str, Any], dict[str, Any]], Reply]
"""Answers to what the path names and what the body says."""


def answered(found: Any, status: int = 200) -> Reply:
    """Return an answer of JSON."""
    return Reply(status=status, body=json.dumps(found).encode(), headers={"content-type": "application/json"})


def refusal(status: int, message: Any) -> Reply:
    """Return a refusal, with its reason."""
    return answered({"message": message}, status)


@dataclass(slots=True, kw_only=True)
class Forge:
    """What both have in common."""

    commits: list[str] = field(default_factory=list)
    """Known ones, the newest first."""
    requests: dict[str, list[int]] = field(default_factory=dict)
    """Numbers of requests by commit: the first is merged, the others are open; another one was turned down."""
    statuses: list[dict[str, Any]] = field(default_factory=list)
    """What was said of commits, the newest last, each with its `sha`."""
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    """By request; each has `id`, `body`, and whether it is `ours`."""
    fails: list[Reply] = field(default_factory=list)
    """Answers to the next requests, whatever they are."""

    def answer(self, request: Request) -> Reply:
        """Answer a request."""
        if self.fails:
            return self.fails.pop(0)
        if TOKEN not in request.headers.get(self.token_header, ""):
            return refusal(401, "Bad credentials")
        place = urlsplit(request.target)
        query = {name: values[0] for name, values in parse_qs(place.query).items()}
        for method, path, handler in self.calls():
            found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path), place.path)
            if found is not None and method == request.method:
                return handler(found.groupdict() | query, json.loads(request.body or b"{}"))
        return refusal(404, "Not Found")

    @property
    def token_header(self) -> str:
        """Return where the token is shown."""
        raise NotImplementedError

    def calls(self) -> tuple[tuple[str, str, Handler], ...]:
        """Return every call that is known."""
        raise NotImplementedError

    def listed(self, number: int, page: int) -> Reply:
        """Return a page of the comments of a request."""
        return answered(self.comments.get(number, [])[(page - 1) * PAGE : page * PAGE])

    def commented(self, number: int, body: str) -> Reply:
        """Take a new comment."""
        of = self.comments.setdefault(number, [])
        made = {"id": 1000 * number + len(of), "body": body, "ours": True}
        of.append(made)
        return answered(made, 201)

    def edited(self, comment: int, body: str) -> Reply:
        """Take another text of a comment, which must be ours."""
        (found,) = [each for of in self.comments.values() for each in of if each["id"] == comment]
        if not found["ours"]:
            return refusal(403, "Resource not accessible by personal access token")
        found["body"] = body
        return answered(found)


class GitHubForge(Forge):
    """GitHub, with one repository, `acme/streams`."""

    @property
    def token_header(self) -> str:
        """Return where the token is shown."""
        return "authorization"

    def calls(self) -> tuple[tuple[str, str, Handler], ...]:
        """Return every call that is known."""
        of = "/repos/acme/streams"
        return (
            ("GET", f"{of}/commits", lambda _, __: answered([{"sha": sha} for sha in self.commits])),
            ("POST", f"{of}/statuses/{{sha}}", self._status),
            ("GET", f"{of}/commits/{{sha}}/pulls", self._pulls),
            ("GET", f"{of}/issues/{{n}}/comments", lambda at, _: self.listed(int(at["n"]), int(at["page"]))),
            ("POST", f"{of}/issues/{{n}}/comments", lambda at, said: self.commented(int(at["n"]), said["body"])),
            ("PATCH", f"{of}/issues/comments/{{id}}", lambda at, said: self.edited(int(at["id"]), said["body"])),
        )

    def _status(self, at: dict[str, Any], said: dict[str, Any]) -> Reply:
        if at["sha"] not in self.commits:
            return refusal(422, f"No commit found for SHA: {at['sha']}")
        self.statuses.append({"sha": at["sha"], **said})
        return answered({}, 201)

    def _pulls(self, at: dict[str, Any], _: dict[str, Any]) -> Reply:
        numbers = self.requests.get(at["sha"], [])
        merged = [{"number": number, "state": "closed", "merged_at": "2026-01-01T00:00:00Z"} for number in numbers[:1]]
        open_ones = [{"number": number, "state": "open", "merged_at": None} for number in numbers[1:]]
        return answered([{"number": 1, "state": "closed", "merged_at": None}, *merged, *open_ones])


class GitLabForge(Forge):
    """GitLab, with one project, `acme/live/streams`, below `/api/v4`."""

    @property
    def token_header(self) -> str:
        """Return where the token is shown."""
        return "private-token"

    def calls(self) -> tuple[tuple[str, str, Handler], ...]:
        """Return every call that is known."""
        of = "/api/v4/projects/{project}"
        notes = f"{of}/merge_requests/{{n}}/notes"
        return tuple(
            (method, path, self._of_the_project(handler))
            for method, path, handler in (
                ("GET", f"{of}/repository/commits", lambda _, __: answered([{"id": sha} for sha in self.commits])),
                ("POST", f"{of}/statuses/{{sha}}", self._status),
                ("GET", f"{of}/repository/commits/{{sha}}/merge_requests", self._merge_requests),
                ("GET", notes, lambda at, _: self.listed(int(at["n"]), int(at["page"]))),
                ("POST", notes, lambda at, said: self.commented(int(at["n"]), said["body"])),
                ("PUT", f"{notes}/{{id}}", lambda at, said: self.edited(int(at["id"]), said["body"])),
            )
        )

    def _of_the_project(self, handler: Handler) -> Handler:
        def checked(at: dict[str, Any], said: dict[str, Any]) -> Reply:
            if unquote(at["project"]) != "acme/live/streams":
                return refusal(404, "404 Project Not Found")
            return handler(at, said)

        return checked

    def _status(self, at: dict[str, Any], said: dict[str, Any]) -> Reply:
        if at["sha"] not in self.commits:
            return refusal(404, "404 Commit Not Found")
        before = [each for each in self.statuses if (each["sha"], each["name"]) == (at["sha"], said["name"])]
        if said["state"] == "pending" and before and before[-1]["state"] == "pending":
            return refusal(400, "Cannot transition status via :enqueue from :pending (Reason(s): …)")
        self.statuses.append({"sha": at["sha"], **said})
        return answered({}, 201)

    def _merge_requests(self, at: dict[str, Any], _: dict[str, Any]) -> Reply:
        numbers = self.requests.get(at["sha"], [])
        merged = [{"iid": number, "state": "merged"} for number in numbers[:1]]
        open_ones = [{"iid": number, "state": "opened"} for number in numbers[1:]]
        return answered([{"iid": 1, "state": "closed"}, *merged, *open_ones])
