"""Tests of `pause` and `resume`: what is ordered, for how long, and what is said of it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from reconciler import wiring
from reconciler.cli.main import cli
from reconciler.domain.errors import ExitStatus
from reconciler.domain.model import FlowKey, OutputKey
from reconciler.domain.orders import Orders

NEWS: Final = """\
apiVersion: reconciler/v1
kind: Flow
metadata: {name: news}
spec: {region: local, state: idle, input: {protocol: RTMP, allowlist: [127.0.0.0/8]}}
"""


def run(state: Path, *words: str) -> Result:
    """Run one verb on a state directory."""
    return CliRunner().invoke(cli, ["--state", str(state), *words])


def ordered(state: Path) -> Orders:
    """Return what is ordered on a state directory."""
    return wiring.orders(wiring.load_settings(flags={"state": state}, environment={})).read()


def test_a_pause_lasts_four_hours_where_nobody_says(tmp_path: Path) -> None:
    """What is paused and forgotten comes back by itself."""
    said = run(tmp_path, "pause", "news/tower", "--reason", "the partner works on it")
    (pause,) = ordered(tmp_path).pauses

    assert said.exit_code == ExitStatus.OK, said.output
    assert pause.resource == OutputKey("news", "tower")
    assert pause.given.reason == "the partner works on it"
    assert "@" in pause.given.author
    assert pause.given.until is not None
    assert pause.given.until - pause.given.at == timedelta(hours=4)
    assert "output/news/tower is paused by" in said.output


@pytest.mark.parametrize(
    ("words", "span"),
    [
        pytest.param(("flow/news", "--for", "30m"), timedelta(minutes=30), id="a flow for half an hour"),
        pytest.param(("--all", "--for", "2d"), timedelta(days=2), id="everything for two days"),
        pytest.param(("--all",), None, id="everything until it is lifted"),
    ],
)
def test_a_pause_lasts_as_long_as_somebody_says(tmp_path: Path, words: tuple[str, ...], span: timedelta | None) -> None:
    """The end is there to be read before it comes; what stops everything has none unless somebody gives it."""
    said = run(tmp_path, "pause", *words, "--reason", "a storm", "--author", "anna")
    orders = ordered(tmp_path)
    order = orders.halt or orders.pauses[0]

    assert said.exit_code == ExitStatus.OK, said.output
    assert order.given.author == "anna"
    assert (None if order.given.until is None else order.given.until - order.given.at) == span


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param((), "Say what: reconciler pause flow/NAME", id="nothing"),
        pytest.param(("flow/news", "--all"), "one or everything, not both", id="one and everything"),
        pytest.param(("a/b/c/d",), "is no address", id="no address"),
        pytest.param(("flow/..",), "is no address", id="a name that is none"),
        pytest.param(("flow/news", "--for", "1w"), "--for 1w is no span", id="no span"),
    ],
)
def test_what_is_not_clear_pauses_nothing(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """Nobody believes that something is paused which is not."""
    result = run(tmp_path, "pause", *words, "--reason", "a storm")

    assert result.exit_code == ExitStatus.USAGE
    assert said in result.output
    assert ordered(tmp_path) == Orders()


@pytest.mark.parametrize("reason", [" ", "WHY"])
def test_a_pause_has_a_reason(tmp_path: Path, reason: str) -> None:
    """Whoever finds it paused at night reads why."""
    result = run(tmp_path, "pause", "--all", "--reason", reason)

    assert result.exit_code == ExitStatus.USAGE
    assert ordered(tmp_path).halt is None


def test_what_is_resumed_is_said_with_who_paused_it(tmp_path: Path) -> None:
    """One resource is resumed, and another pause and the halt go on."""
    for words in (("flow/news",), ("flow/sport",), ("--all",)):
        run(tmp_path, "pause", *words, "--reason", "a storm", "--author", "anna")

    said = run(tmp_path, "resume", "news")
    left = ordered(tmp_path)

    assert said.exit_code == ExitStatus.OK, said.output
    assert "flow/news is resumed, which was paused by anna" in said.output
    assert ([pause.resource for pause in left.pauses], left.halt is None) == ([FlowKey("sport")], False)


def test_a_file_that_was_touched_is_lifted(tmp_path: Path) -> None:
    """Whoever made the file by hand, `resume --all` takes it away."""
    (tmp_path / "HALT").write_text("storm")

    said = run(tmp_path, "resume", "--all")

    assert said.exit_code == ExitStatus.OK, said.output
    assert ": storm" in said.output
    assert ordered(tmp_path).halt is None


def test_what_is_not_paused_cannot_be_resumed(tmp_path: Path) -> None:
    """A slip of the name is told, beside what is paused."""
    run(tmp_path, "pause", "news/tower", "--reason", "a storm")

    said = run(tmp_path, "resume", "news/towr")

    assert said.exit_code == ExitStatus.ALL_FAILED
    assert "output/news/towr is neither paused nor rolled back" in said.output
    assert "output/news/tower: it is paused by" in said.output


@pytest.mark.parametrize("is_pressed", [False, True])
def test_what_cannot_be_read_is_not_resumed(tmp_path: Path, *, is_pressed: bool) -> None:
    """It is named, so that somebody looks at it; nobody is told that writes go on."""
    spoiled = tmp_path / "orders" / "pause.flow.news.json"
    spoiled.parent.mkdir()
    spoiled.write_text("{")
    if is_pressed:
        run(tmp_path, "pause", "--all", "--reason", "a storm")

    said = run(tmp_path, "resume", "--all")

    assert said.exit_code == ExitStatus.ALL_FAILED
    assert "All writes stay stopped" in said.output
    assert f"the order {spoiled} cannot be read" in said.output
    assert "Nothing has stopped" not in said.output
    assert "Writes go on" not in said.output
    assert ("is taken back" in said.output) == is_pressed
    assert not (tmp_path / "HALT").exists()


def test_orders_are_in_the_journal(tmp_path: Path) -> None:
    """Who paused what, and who resumed it, is history."""
    run(tmp_path, "pause", "news/tower", "--reason", "a storm", "--author", "anna")
    run(tmp_path, "resume", "news/tower")
    settings = wiring.load_settings(flags={"state": tmp_path}, environment={})
    journal = wiring.reading_journal(settings)

    notes = [noted.note for noted in journal.notes(resource="output/news/tower")]
    journal.close()

    assert [(note.kind, note.why, note.fields["author"]) for note in notes] == [
        ("order.lifted", "a storm", "anna"),
        ("order.given", "a storm", "anna"),
    ]
    assert datetime.fromisoformat(str(notes[1].fields["until"])) > datetime.now(tz=UTC)


def test_an_order_is_shown_by_why(tmp_path: Path) -> None:
    """Whoever asks why a resource is as it is reads who paused it, and nothing of what is paused elsewhere."""
    tree = tmp_path / "manifests"
    tree.mkdir()
    (tree / "news.yaml").write_text(NEWS)
    for words in (("flow/news",), ("flow/sport",)):
        run(tmp_path / "state", "pause", *words, "--reason", f"a storm over {words[0]}", "--author", "anna")

    text = run(tmp_path / "state", "why", "flow/news", str(tree))
    document = json.loads(run(tmp_path / "state", "why", "flow/news", str(tree), "-o", "json").stdout)

    assert "it is paused by anna" in text.output
    (order,) = document["orders"]
    assert "a storm over flow/news" in order
    assert "flow/sport" not in text.output
