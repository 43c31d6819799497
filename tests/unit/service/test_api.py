"""The API: what it says, and how it refuses."""

import asyncio
import json
import threading
from typing import Any, Final

import jsonschema
import pytest

from reconciler.domain.conditions import Aspect, Reason, Standing
from reconciler.domain.errors import EnvironmentFailedError
from reconciler.domain.model import FlowKey, OutputKey
from reconciler.domain.orders import Given, Halt, Pause, Pin
from reconciler.ports.journal import History, Intent, Note, Settled
from reconciler.ports.status import Phase
from reconciler.service.api import openapi
from reconciler.service.archive import ANSWER_S, MOST_WAITING
from tests.fakes.board import EPOCH, FakeBoard, condition, status
from tests.unit.service.serving import PATIENCE_S, Stage

pytestmark = pytest.mark.anyio

GIVEN: Final = Given(author="anna@studio-7", reason="a match", at=EPOCH, until=EPOCH)
NEWS, TOWER, MAST, ART = FlowKey("news"), OutputKey("news", "tower"), OutputKey("news", "mast"), FlowKey("art")
DRIFTED: Final = condition(Aspect.DRIFTED, Standing.TRUE, Reason.DRIFT, message="a console <b>")
BLOCKED: Final = condition(Aspect.READY, Standing.FALSE, Reason.BLOCKED)
FULL: Final = (
    status(NEWS, condition(), DRIFTED, pause=Pause(resource=NEWS, given=GIVEN)),
    status(ART),
    status(TOWER, BLOCKED, bitrate_bps=5_000_000, looked_at=EPOCH),
    status(MAST, pin=Pin(resource=MAST, revision="old", manifest="", against="", given=GIVEN)),
)


def filled() -> Stage:
    """Return a stage with four resources and something in the journal."""
    stage = Stage(board=FakeBoard(*FULL))
    numbers = [
        stage.journal.intend(Intent(pass_id="p", revision="one", resource=resource, action="edit", change="c0ffee"))
        for resource in ("output/news/tower", "flow/news", "output/news/tower")
    ]
    stage.journal.settle(numbers[-1], Settled.DONE, request_id="r", duration_s=0.5)
    stage.journal.note(
        Note(kind="change.blocked", resource="output/news/tower", why="on air", fields={"hold": "on-air", "n": 1})
    )
    stage.journal.note(Note(kind="tree.accepted", revision="one"))
    return stage


DESCRIBED: Final = openapi()


def check(template: str, code: int, said: Any) -> None:
    """Hold an answer against the description of the API."""
    method = "post" if template.startswith("/hooks") else "get"
    (content,) = DESCRIBED["paths"][template][method]["responses"][str(code)]["content"].values()
    jsonschema.Draft202012Validator(
        {**content["schema"], "components": DESCRIBED["components"]},
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    ).validate(said)


@pytest.mark.parametrize(
    ("query", "addresses"),
    [
        pytest.param("", ["flow/art", "flow/news", "output/news/mast", "output/news/tower"], id="all"),
        pytest.param("kind=Flow", ["flow/art", "flow/news"], id="a kind"),
        pytest.param("flow=news", ["flow/news", "output/news/mast", "output/news/tower"], id="a flow and its outputs"),
        pytest.param("aspect=Drifted", ["flow/news"], id="an aspect"),
        pytest.param("aspect=Ready&standing=False", ["output/news/tower"], id="a condition"),
        pytest.param("aspect=Drifted&standing=False", [], id="one condition, not two halves of two"),
        pytest.param("reason=Blocked", ["output/news/tower"], id="a reason"),
        pytest.param("paused=true", ["flow/news"], id="paused"),
        pytest.param("pinned=false&kind=Output", ["output/news/tower"], id="not pinned"),
        pytest.param("after=flow/news", ["output/news/mast", "output/news/tower"], id="after one"),
        pytest.param("after=flow/gone", ["flow/news", "output/news/mast", "output/news/tower"], id="after one gone"),
    ],
)
async def test_resources_are_found(query: str, addresses: list[str]) -> None:
    """By what they are and by what is true of them, in the order of their addresses."""
    async with filled().asked() as client:
        said = (await client.get(f"/api/v1/resources?{query}")).json()

    check("/api/v1/resources", 200, said)
    assert [item["address"] for item in said["items"]] == addresses


async def test_pages_follow_each_other() -> None:
    """Until there is no next one, and each resource is on one of them."""
    seen: list[str] = []
    asked = {"limit": "3"}
    async with filled().asked() as client:
        while asked:
            said = (await client.get("/api/v1/resources", params=asked)).json()
            seen += [item["address"] for item in said["items"]]
            assert said["total"] == 4
            asked = {"limit": "3", "after": said["next"]} if said["next"] else {}

    assert seen == ["flow/art", "flow/news", "output/news/mast", "output/news/tower"]


async def test_a_resource_is_told_in_full() -> None:
    """With its orders, and what happened to it lately."""
    async with filled().asked() as client:
        tower = (await client.get("/api/v1/resources/news/tower")).json()
        news = (await client.get("/api/v1/resources/news")).json()
        mast = (await client.get("/api/v1/resources/news/mast")).json()
        gone = await client.get("/api/v1/resources/news/gone")

    check("/api/v1/resources/{flow}/{output}", 200, tower)
    check("/api/v1/resources/{flow}/{output}", 200, mast)
    check("/api/v1/resources/{flow}", 200, news)
    check("/api/v1/resources/{flow}/{output}", 404, gone.json())
    assert tower["conditions"][0]["reason"] == "Blocked"
    assert [call["settled"] for call in tower["recent"]["calls"]] == ["done", None]
    assert tower["recent"]["events"][0]["fields"] == {"hold": "on-air", "n": 1}
    assert news["pause"]["author"] == "anna@studio-7"
    assert (mast["pin"]["revision"], mast["pin"]["until"]) == ("old", "2026-01-01T00:00:00.000Z")
    assert gone.status_code == 404


async def test_the_status_is_the_vitals() -> None:
    """Also where most is unknown, and where somebody stopped all writes."""
    stage = filled()
    async with stage.asked() as client:
        well = (await client.get("/api/v1/status")).json()
        stage.board.say(
            phase=Phase.STARTING, passed_at=None, pass_s=None, next_pass_s=None, halt=Halt(given=GIVEN), revision=""
        )
        young = (await client.get("/api/v1/status")).json()

    check("/api/v1/status", 200, well)
    check("/api/v1/status", 200, young)
    assert (well["phase"], well["halt"]) == ("resting", None)
    assert (young["phase"], young["halt"]["reason"], young["passedAt"]) == ("starting", "a match", None)


async def test_the_journal_is_told_newest_first() -> None:
    """Calls and events, of all or of one."""
    async with filled().asked() as client:
        calls = (await client.get("/api/v1/history?limit=2")).json()
        of_one = (await client.get("/api/v1/history?resource=flow/news")).json()
        events = (await client.get("/api/v1/events")).json()
        of_kind = (await client.get("/api/v1/events?kind=change.blocked&resource=output/news/tower")).json()

    check("/api/v1/history", 200, calls)
    check("/api/v1/events", 200, events)
    assert [call["number"] for call in calls["items"]] == [3, 2]
    assert [call["resource"] for call in of_one["items"]] == ["flow/news"]
    assert [event["kind"] for event in events["items"]] == ["tree.accepted", "change.blocked"]
    assert [event["why"] for event in of_kind["items"]] == ["on air"]


@pytest.mark.parametrize(
    ("path", "parameter", "why"),
    [
        pytest.param("resources?limit=0", "limit", "a whole number, 1 to 1000", id="too few"),
        pytest.param("resources?limit=1001", "limit", "a whole number, 1 to 1000", id="too many"),
        pytest.param("history?limit=%D9%A3", "limit", "a whole number", id="digits of another script"),
        pytest.param("resources?kind=flow", "kind", "one of Flow, Output", id="no kind"),
        pytest.param("resources?paused=1", "paused", "true or false", id="no flag"),
        pytest.param("resources?after=news", "after", "an address", id="no address"),
        pytest.param("events?kind=", "kind", "1 to 200 printable", id="empty"),
        pytest.param("events?resource=flow/a%00", "resource", "an address", id="a null"),
        pytest.param("resources?flow=a&flow=b", "flow", "given twice", id="twice"),
        pytest.param("resources?label=x", "label", "There is no parameter of this name", id="unknown"),
        pytest.param("status?x", "x", "there are: none", id="none are known"),
    ],
)
async def test_a_wrong_parameter_is_named(path: str, parameter: str, why: str) -> None:
    """With what it must be."""
    async with filled().asked() as client:
        answer = await client.get(f"/api/v1/{path}")

    said = answer.json()
    check("/api/v1/resources", 400, said)
    assert (answer.status_code, said["parameter"]) == (400, parameter)
    assert why in said["detail"]
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "status_code"),
    [
        pytest.param("GET", "/api/v2", 404, id="unknown"),
        pytest.param("GET", "/api/v1/status/", 404, id="a stroke too many"),
        pytest.param("GET", "/api/v1/resources/news%2Ftower", 200, id="an encoded stroke is a stroke"),
        pytest.param("GET", "/api/v1/resources/%ff%00", 404, id="no name"),
        pytest.param("DELETE", "/api/v1/resources/news", 405, id="it only reads"),
        pytest.param("POST", "/metrics", 405, id="not for this path"),
        pytest.param("OPTIONS", "/api/v1/status", 405, id="no other origin is let in"),
        pytest.param("HEAD", "/api/v1/status", 200, id="the head alone"),
    ],
)
async def test_paths_and_methods(method: str, path: str, status_code: int) -> None:
    """What is not there is not there, and what may be done says so."""
    async with filled().asked() as client:
        answer = await client.request(method, path)

    assert answer.status_code == status_code
    assert ("allow" in answer.headers) is (status_code == 405)
    assert not any(name.startswith("access-control") for name in answer.headers)


def _unreadable() -> History:
    raise EnvironmentFailedError("The journal state/journal.db cannot be read: it is no database.")


async def test_a_journal_that_cannot_be_read_is_said() -> None:
    """And nothing else stops working for it."""
    stage = Stage(board=FakeBoard(*FULL), open_history=_unreadable)
    async with stage.asked() as client:
        history = await client.get("/api/v1/history")
        status_code = (await client.get("/api/v1/status")).status_code

    check("/api/v1/history", 503, history.json())
    assert (history.status_code, status_code) == (503, 200)
    assert "it is no database" in history.json()["detail"]


async def test_a_disk_that_hangs_stalls_nobody_else() -> None:
    """Only so many wait for it, and not for long; all else is answered meanwhile."""
    released = threading.Event()
    stage = Stage(board=FakeBoard(*FULL))

    def hanging() -> History:
        released.wait()
        return stage.journal

    stage.open_history = hanging
    try:
        async with asyncio.timeout(PATIENCE_S), stage.asked() as client:
            asking = [asyncio.create_task(client.get("/api/v1/events")) for _ in range(MOST_WAITING + 1)]
            (refused,), waiting = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
            health = await client.get("/livez")
            await stage.clock.advance(ANSWER_S)
            late = [await each for each in waiting]
            released.set()
            mended = [await client.get("/api/v1/events") for _ in range(MOST_WAITING + 1)]
    finally:
        released.set()

    assert "Too many questions" in refused.result().json()["detail"]
    assert health.status_code == 200
    assert {answer.status_code for answer in late} == {503}
    assert {answer.headers["retry-after"] for answer in late} == {"5"}
    assert all("has not answered within 5 s" in answer.json()["detail"] for answer in late)
    assert {answer.status_code for answer in mended} == {200}


async def test_the_description_is_served_as_it_is() -> None:
    """With every word that the values know."""
    async with filled().asked() as client:
        said = (await client.get("/api/v1/openapi.json")).json()

    found = said["components"]["schemas"]["Condition"]["properties"]
    assert said == json.loads(json.dumps(DESCRIBED))
    assert found["aspect"]["enum"] == list(Aspect)
    assert found["standing"]["enum"] == list(Standing)
    assert found["reason"]["enum"] == list(Reason)
    assert said["components"]["schemas"]["Status"]["properties"]["phase"]["enum"] == list(Phase)
    assert said["components"]["schemas"]["Call"]["properties"]["settled"]["enum"] == [*Settled, None]


async def test_the_page_shows_what_needs_a_look() -> None:
    """Without a word of markup that is not ours."""
    async with filled().asked() as client:
        answer = await client.get("/")

    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "2 of 4 resources need a look" in answer.text
    assert "a console &lt;b&gt;" in answer.text
    assert "output/news/tower" in answer.text
    assert "output/news/mast" not in answer.text
