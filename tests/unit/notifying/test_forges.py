"""GitHub and GitLab: a status of the commit, and one comment that is changed in its place."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.notifying.failures import Remedy, UndeliveredError
from reconciler.notifying.forge import PAGE, Api
from reconciler.notifying.github import GitHub
from reconciler.notifying.gitlab import GitLab
from reconciler.notifying.http import Wire
from reconciler.notifying.reports import Report, comment
from reconciler.ports.notifier import Held, Stage
from tests.fakes.clock import FakeClock
from tests.fakes.forges import TOKEN, Forge, GitHubForge, GitLabForge
from tests.fakes.http_server import Reply, serving
from tests.unit.notifying.bulletins import SHA, TOWER

pytestmark = pytest.mark.anyio

OLDER = "a" * 40
MARK = "<!-- reconciler:local -->"


def report(stage: Stage = Stage.BLOCKED, *, revision: str = SHA, why: str = "on air until 18:00") -> Report:
    """Return what has become of a revision."""
    held = (Held(resource=TOWER, why=why),) if stage is Stage.BLOCKED else ()
    findings = ("a.yaml:1:1: SL101 error: there is no property `x`",) if stage is Stage.REFUSED else ()
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Report(revision=revision, stage=stage, at=at, backend="the relay", held=held, findings=findings)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One of the two forges, and what is different there."""

    forge: type[Forge]
    failed: str
    """The word for a failure."""
    context: str
    """Under what a status has its name."""
    unknown: Remedy
    """What helps where it does not know the commit."""

    def sink(self, folder: Path, url: str, token: str = TOKEN) -> GitHub | GitLab:
        """Return a sink that tells it."""
        (folder / "token").write_text(f"{token}\n")
        wire, clock = Wire(), FakeClock()
        if self.forge is GitHubForge:
            api = Api(url=url, token_file=folder / "token", wire=wire, clock=clock)
            return GitHub(name="forge", account="local", repository="acme/streams", api=api)
        api = Api(url=f"{url}/api/v4", token_file=folder / "token", wire=wire, clock=clock)
        return GitLab(name="forge", account="local", project="acme/live/streams", api=api)


GITHUB = Kind(forge=GitHubForge, failed="failure", context="context", unknown=Remedy.NOTHING)
GITLAB = Kind(forge=GitLabForge, failed="failed", context="name", unknown=Remedy.SETTING)
BOTH = pytest.mark.parametrize("kind", [pytest.param(GITHUB, id="GitHub"), pytest.param(GITLAB, id="GitLab")])


async def tell(kind: Kind, forge: Forge, folder: Path, *reports: Report, token: str = TOKEN) -> None:
    """Tell these reports."""
    async with serving(forge.answer) as server:
        for each in reports:
            await kind.sink(folder, server.url, token).send(each)


@BOTH
async def test_a_commit_has_its_status(kind: Kind, tmp_path: Path) -> None:
    """In the forge's words, in one line that fits, under the account's name."""
    forge = kind.forge(commits=[SHA])

    await tell(kind, forge, tmp_path, *(report(stage) for stage in Stage))

    told = {said["description"]: said["state"] for said in forge.statuses if said[kind.context] == "reconciler/local"}
    assert told == {
        "pending": "pending",
        "applied": "success",
        f"blocked: {TOWER}: on air until 18:00": "pending",
        "failed": kind.failed,
        "refused: a.yaml:1:1: SL101 error: there is no property `x`": kind.failed,
    }


@BOTH
async def test_a_long_reason_fits(kind: Kind, tmp_path: Path) -> None:
    """It is cut, and how much else there is stays."""
    forge = kind.forge(commits=[SHA])

    await tell(kind, forge, tmp_path, report(why="x" * 1000))

    assert len(forge.statuses[0]["description"]) == (140 if kind is GITHUB else 255)


@BOTH
async def test_one_comment_is_changed_in_its_place(kind: Kind, tmp_path: Path) -> None:
    """However often it is told, by however many processes, on each request that was not turned down."""
    forge = kind.forge(commits=[SHA], requests={SHA: [7, 8]})

    await tell(kind, forge, tmp_path, report(Stage.PENDING), report(Stage.BLOCKED), report(Stage.APPLIED))

    assert {number: [each["body"] for each in of] for number, of in forge.comments.items()} == {
        number: [comment(report(Stage.APPLIED), "local")] for number in (7, 8)
    }


@BOTH
async def test_ours_is_found_among_many(kind: Kind, tmp_path: Path) -> None:
    """Also on a later page, with other line ends; and one that somebody else wrote with our mark is left alone."""
    others: list[dict[str, object]] = [{"id": number, "body": "ok", "ours": False} for number in range(PAGE + 3)]
    others[2] = {"id": 2, "body": f"{MARK}\nnot ours", "ours": False}
    ours = {"id": 99, "body": f"{MARK}\r\nbefore", "ours": True}
    forge = kind.forge(commits=[SHA], requests={SHA: [7]}, comments={7: [*others, ours]})

    await tell(kind, forge, tmp_path, report())

    assert len(forge.comments[7]) == PAGE + 4
    assert forge.comments[7][-1]["body"] == comment(report(), "local")
    assert forge.comments[7][2]["body"] == f"{MARK}\nnot ours"


@BOTH
async def test_what_is_there_already_is_not_written_again(kind: Kind, tmp_path: Path) -> None:
    """Nobody gets a mail for a comment that says the same; and a status that is so already is no failure."""
    forge = kind.forge(commits=[SHA], requests={SHA: [7]})

    async with serving(forge.answer) as server:
        for _ in range(2):
            await kind.sink(tmp_path, server.url).send(report())

    writes = [asked.method for asked in server.asked if "comments" in asked.target or "notes" in asked.target]
    assert writes == ["GET", "POST", "GET"]


@BOTH
async def test_a_commit_that_it_does_not_know(kind: Kind, tmp_path: Path) -> None:
    """Its reason is told, and there is no comment."""
    forge = kind.forge(commits=[OLDER], requests={SHA: [7]})

    with pytest.raises(UndeliveredError, match="ommit") as caught:
        await tell(kind, forge, tmp_path, report())

    assert caught.value.remedy is kind.unknown
    assert forge.comments == {}


@BOTH
async def test_a_token_that_it_does_not_know(kind: Kind, tmp_path: Path) -> None:
    """The reason is told without the token, whatever the forge says of it; the next file is read at the next try."""
    forge = kind.forge(commits=[SHA], fails=[Reply(status=401, body=b'{"message": "no canary-of-another here"}')])

    with pytest.raises(UndeliveredError) as caught:
        await tell(kind, forge, tmp_path, report(), token="canary-of-another")
    await tell(kind, forge, tmp_path, report())

    assert "(no *** here)" in str(caught.value)
    assert caught.value.remedy is Remedy.SETTING
    assert len(forge.statuses) == 1


@BOTH
@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"<html>", b"[1]", b'{"message": {"a": ["b"]}}', b'"x"', b"[[]]"),
        pytest.param(b"[" * 200_000, id="as deep as it is long"),
    ],
)
async def test_an_answer_that_is_none(kind: Kind, tmp_path: Path, body: bytes) -> None:
    """Something else answers at that address: it is no bug of ours."""
    forge = kind.forge(commits=[SHA], fails=[Reply(body=body), Reply(body=body), Reply(status=400, body=body)])

    with pytest.raises(UndeliveredError):
        await tell(kind, forge, tmp_path, report(), report())


@BOTH
async def test_a_test_is_beside_the_real_status(kind: Kind, tmp_path: Path) -> None:
    """Of the newest commit, so that the token's rights are tried, too."""
    forge = kind.forge(commits=[SHA, OLDER])

    async with serving(forge.answer) as server:
        done = await kind.sink(tmp_path, server.url).test()

    assert [(said["sha"], said[kind.context]) for said in forge.statuses] == [(SHA, "reconciler/local/test")]
    assert done.startswith(f"took a test status of {SHA[:12]} in acme/")


@BOTH
async def test_a_test_of_an_empty_repository(kind: Kind, tmp_path: Path) -> None:
    """There is nothing to give a status to."""
    with pytest.raises(UndeliveredError, match="no commits yet"):
        async with serving(kind.forge().answer) as server:
            await kind.sink(tmp_path, server.url).test()


async def test_a_limit_that_was_reached_is_waited_for(tmp_path: Path) -> None:
    """As GitHub says it: a 403 with the second at which the next hour begins."""
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1767226200"}
    forge = GitHubForge(commits=[SHA], fails=[Reply(status=403, headers=headers)])

    with pytest.raises(UndeliveredError) as caught:
        await tell(GITHUB, forge, tmp_path, report())

    assert (caught.value.remedy, caught.value.retry_in_s) == (Remedy.TIME, 600)
