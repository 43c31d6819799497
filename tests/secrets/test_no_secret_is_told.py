"""Every place that may hold a secret, filled with a value that is looked for in all that is said and written."""

import signal
from collections.abc import Iterator

import pytest

from reconciler.domain.errors import ExitStatus
from tests.secrets.canaries import Canary
from tests.secrets.scene import (
    FORMATS,
    Scene,
    broken,
    crashing,
    failing,
    offline,
    prepared,
    refused,
    serve,
    stop,
    telling,
    working,
)
from tests.secrets.trees import ACCOUNT, CANARIES, CLOUD, LITERALS, covered, places

ALL = (*CANARIES.values(), *LITERALS, ACCOUNT, *CLOUD)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Return a day's work, once for all tests."""
    day = prepared(tmp_path_factory.mktemp("day"))
    offline(day)
    for title, words in (("", ()), ("faults", ("--faults", "faults.yaml")), ("still", ("--edit-rules", "strict-2021"))):
        relay = serve(day, *words)
        try:
            failing(day, title) if title else working(day)
            broken(day) if not title else None
            if title == "faults":
                telling(day)
                refused(day)
            crashing(day) if title == "still" else None
        finally:
            stop(day, relay)
    return day


def told(sources: Iterator[tuple[str, bytes]]) -> list[tuple[str, str]]:
    """Return what tells which secret."""
    return [(name, each.place) for name, content in sources for each in ALL if each.told_by(content)]


def test_every_place_of_the_schemas_has_a_canary() -> None:
    """A new property that may hold a secret has none yet, and fails here."""
    assert covered() == places()


@pytest.mark.parametrize("each", [pytest.param(each, id=name) for name, each in CANARIES.items()])
def test_every_secret_went_to_the_backend(scene: Scene, each: Canary) -> None:
    """Else nothing could have told it."""
    assert each.core.encode() in scene.kept_by_relay()


def test_everything_went_as_badly_as_it_should(scene: Scene) -> None:
    """What was looked through holds changes that were done, refused, held back, unknown, and bugs."""
    ended = scene.statuses

    assert {ended[f"validate wrong {form}"] for form in FORMATS} == {ExitStatus.FINDINGS}
    assert (ended["too short"], ended["apply"]) == (ExitStatus.SOME_FAILED, ExitStatus.OK)
    assert (ended["refused"], ended["refused run"]) == (ExitStatus.BACKEND, ExitStatus.BACKEND)
    assert (ended["broken 200"], ended["broken 502 run"]) == (ExitStatus.BACKEND, ExitStatus.BACKEND)
    assert (ended["crash"], ended["bug plan"], ended["bug validate"]) == (
        -signal.SIGABRT,
        ExitStatus.BUG,
        ExitStatus.BUG,
    )
    assert "HTTP 200 with a body of" in scene.said["broken 200"]
    assert "HTTP 502 with a body of" in scene.said["broken 502"]
    assert "may have been carried out" in scene.said["faults apply"]
    assert "want it stopped" in scene.said["still apply"]


@pytest.mark.parametrize(("one", "other"), [("plan whole", "plan longer"), ("plan short", "plan shorter")])
def test_how_long_a_secret_is_changes_nothing(scene: Scene, one: str, other: str) -> None:
    """Neither of one that is good, nor of one that is refused for its length."""
    assert scene.said[one] == scene.said[other]


def test_what_is_said_tells_nothing(scene: Scene) -> None:
    """Findings, plans, results, statuses, logs, histories, exports and crashes."""
    assert told((title, text.encode()) for title, text in scene.said.items()) == []


def test_what_is_written_tells_nothing(scene: Scene) -> None:
    """Plans, exports, the journal and its log, logs of crashes, and what git was told; but not what is asked to."""
    written = dict(scene.written())

    assert {"git.told", "text.plan", ".reconciler/journal.sqlite3", "exported/stadium.yaml"} <= written.keys()
    assert told(iter(written.items())) == []


def test_what_can_be_seen_of_processes_tells_nothing(scene: Scene) -> None:
    """Their command lines, and the environments of those that were given no secret."""
    assert {"relay 0", "run"} <= scene.processes.keys()
    assert told(iter(scene.processes.items())) == []
