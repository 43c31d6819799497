"""What GitHub and GitLab have in common: JSON, a token, and one comment of ours that is found again."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reconciler.domain.findings import fit
from reconciler.domain.secrets import Secret
from reconciler.notifying.failures import Remedy, UndeliveredError
from reconciler.notifying.http import Line, Wire, demand_success
from reconciler.notifying.notices import cut
from reconciler.notifying.secret_files import read_secret
from reconciler.ports.clock import Clock

PAGE: Final = 30
"""Comments that are asked for at once: a hundred may be many megabytes."""
MOST_PAGES: Final = 20
"""Of comments that are looked through for ours."""
MOST_REQUESTS: Final = 3
"""Requests of one commit that are commented on."""
MOST_SAID: Final = 200

Json = Any
"""Whatever a forge answers, to be looked into with care."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """How a forge's API is reached."""

    url: str
    """Without a slash at its end, such as https://api.github.com."""
    token_file: Path
    wire: Wire
    clock: Clock

    @asynccontextmanager
    async def session(self, headers: Mapping[str, str], token: "Token") -> AsyncIterator["Session"]:
        """
        Lend a session.

        Raises:
            UndeliveredError: the token cannot be read, or the address is none.

        """
        secret = read_secret(self.token_file)
        named = {**headers, **token.header(secret)}
        async with self.wire.open(self.url, called="apiUrl", headers=named) as line:
            yield Session(line, self.clock, secret)


@dataclass(frozen=True, slots=True)
class Token:
    """How a token is shown to a forge."""

    name: str
    """Of the header."""
    before: str = ""
    """What stands before the token in it."""

    def header(self, secret: Secret) -> Mapping[str, str]:
        """Return the header."""
        return {self.name: f"{self.before}{secret.reveal()}"}


class Session:
    """Calls of one delivery."""

    def __init__(self, line: Line, clock: Clock, secret: Secret) -> None:
        self._line = line
        self._clock = clock
        self._secret = secret

    async def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Json:
        """
        Return what a forge answers.

        Raises:
            UndeliveredError: it refuses, or gives no usable answer.

        """
        content = None if body is None else json.dumps(body).encode("ascii")
        headers = None if body is None else {"content-type": "application/json"}
        answer = await self._line.ask(method, path, content=content, headers=headers)
        try:
            found = json.loads(answer.content or b"null")
        except (ValueError, RecursionError):
            found = None
        demand_success(answer, self._clock.now(), says=self._said(found))
        return found

    def _said(self, found: Json) -> str:
        """Return the reason that a refusal gives, as far as it may be shown."""
        message = found.get("message", found.get("error", "")) if isinstance(found, dict) else ""
        text = message if isinstance(message, str) else json.dumps(message)
        return cut(fit(text.replace(self._secret.reveal(), "***")), MOST_SAID)


async def pages(session: Session, path: str) -> AsyncIterator[Mapping[str, Json]]:
    """Yield the objects of a list, page by page, as far as anybody looks."""
    for number in range(1, MOST_PAGES + 1):
        found = objects(await session.call("GET", f"{path}?per_page={PAGE}&page={number}"))
        for each in found:
            yield each
        if len(found) < PAGE:
            return


def objects(found: Json) -> Sequence[Mapping[str, Json]]:
    """
    Return the objects that a list holds.

    Raises:
        UndeliveredError: it is no list.

    """
    if not isinstance(found, list):
        raise UndeliveredError("the answer is none of a forge; is apiUrl right?", remedy=Remedy.SETTING)
    return [each for each in found if isinstance(each, dict)]


def number_in(found: Mapping[str, Json], key: str) -> int:
    """
    Return the number under a key.

    Raises:
        UndeliveredError: there is none.

    """
    number = found.get(key)
    if not isinstance(number, int):
        raise UndeliveredError(f"the answer has no {key}; is apiUrl right?", remedy=Remedy.SETTING)
    return number


async def set_comment(session: Session, comments: str, one: str, *, text: str, way: str) -> None:
    """
    Have one comment of ours say this: the one that begins as this one does, or a new one.

    Args:
        session: the session.
        comments: path of the list.
        one: path of one of them, with `{id}` for its id.
        text: what it says; its first line is the mark that it is found by.
        way: the method by which it is changed.

    Raises:
        UndeliveredError: it was not done.

    """
    mark = text.partition("\n")[0]
    async for found in pages(session, comments):
        body = found.get("body")
        if not isinstance(body, str) or body.partition("\n")[0].rstrip() != mark:
            continue
        # What a forge gives back may have other line ends.
        if body.replace("\r\n", "\n").strip() == text.strip():
            return
        try:
            await session.call(way, one.format(id=number_in(found, "id")), {"body": text})
        except UndeliveredError as error:
            if error.remedy is not Remedy.SETTING:
                raise
            # Somebody else wrote our mark, and theirs is not ours to change.
            continue
        return
    await session.call("POST", comments, {"body": text})
