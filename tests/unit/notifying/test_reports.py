"""What a forge is told of revisions, and when."""

from typing import Any

import pytest

from reconciler.notifying.entries import KEPT
from reconciler.notifying.reports import LATER, MANY, MOST_LISTED, MOST_REVISIONS, SOON, Report, Reports, comment
from reconciler.ports.notifier import Held, Stage
from tests.unit.cli.formats.samples import HOSTILE
from tests.unit.notifying.bulletins import SHA, TOWER, at, bulletin


def held(*reasons: str) -> tuple[Held, ...]:
    """Return so many held resources."""
    return tuple(Held(resource=f"output/a/o{number}", why=why) for number, why in enumerate(reasons))


def tell(desk: Reports, seconds: float) -> str | None:
    """Return the stage that the forge is told at this time."""
    draft = desk.draft(at(seconds))
    if draft is None:
        return None
    desk.trying(draft)
    desk.told(draft, at(seconds))
    return str(draft.stage)


def test_each_stage_is_told_once() -> None:
    """And not twice within a moment: the newest counts."""
    desk = Reports()
    soon = SOON.total_seconds()

    desk.take(bulletin(0, stage=Stage.PENDING))
    assert tell(desk, 0) == "pending"
    desk.take(bulletin(1, stage=Stage.BLOCKED, held=held("on air")))
    desk.take(bulletin(2, stage=Stage.APPLIED))
    assert tell(desk, 2) is None
    assert desk.due_at() == at(soon)
    assert tell(desk, soon) == "applied"
    desk.take(bulletin(20, stage=Stage.APPLIED, done=3))
    assert tell(desk, 100) is None
    assert desk.due_at() is None


def test_a_number_in_a_reason_is_no_other_reason() -> None:
    """A bitrate is another one at each look."""
    desk = Reports()

    desk.take(bulletin(0, stage=Stage.BLOCKED, held=held("on air at 3,412 kb/s")))
    assert tell(desk, 0) == "blocked"
    desk.take(bulletin(60, stage=Stage.BLOCKED, held=held("on air at 3,398 kb/s")))
    assert tell(desk, 60) is None
    desk.take(bulletin(120, stage=Stage.BLOCKED, held=held("frozen by the calendar")))
    assert tell(desk, 120) == "blocked"


def test_revisions_are_told_in_their_order() -> None:
    """A new one takes nothing from what is still to be said of the old one; a directory has none."""
    desk = Reports()

    desk.take(bulletin(0, revision="a" * 40, stage=Stage.APPLIED))
    desk.take(bulletin(1, revision="b" * 64, stage=Stage.REFUSED, findings=("x",)))
    desk.take(bulletin(1, revision="tree-3f1c", stage=Stage.REFUSED))

    assert [tell(desk, 1), tell(desk, 1), tell(desk, 1)] == ["applied", "refused", None]


def test_there_is_an_end_to_telling() -> None:
    """GitHub takes a thousand statuses of a commit: a revision that goes to and fro for a week stays below."""
    desk, count, seconds = Reports(), 0, 0.0
    while seconds < KEPT.total_seconds():
        desk.take(bulletin(seconds, stage=Stage.BLOCKED if count % 2 else Stage.PENDING))
        count += tell(desk, seconds) is not None
        seconds += SOON.total_seconds() if count < MANY else LATER.total_seconds()

    assert MANY < count < 1000


def test_the_next_process_goes_on() -> None:
    """What was told is not told again, what was not is, and what cannot be read is left out."""
    desk, after = Reports(), Reports()
    kept: dict[str, Any] = {"c" * 40: {"stage": "odd"}}

    desk.take(bulletin(0, stage=Stage.BLOCKED, held=held("on air"), findings=("a", "b")))
    tell(desk, 0)
    desk.take(bulletin(1, revision="b" * 40, stage=Stage.APPLIED))
    kept.update(desk.changed())
    after.restore(kept)
    after.take(bulletin(9, stage=Stage.BLOCKED, held=held("on air"), findings=("a", "b")))

    assert [tell(after, 9), tell(after, 9)] == ["applied", None]


def test_old_revisions_are_forgotten_and_what_was_never_told_is_counted() -> None:
    """But not one that is still reported, however old it is."""
    desk = Reports()
    week = KEPT.total_seconds()

    desk.take(bulletin(0, revision="a" * 40, stage=Stage.APPLIED))
    desk.take(bulletin(0, revision="b" * 40, stage=Stage.APPLIED))
    desk.take(bulletin(0, stage=Stage.APPLIED))
    tell(desk, 0)
    for day in range(1, 9):
        desk.take(bulletin(day * 86_400, stage=Stage.APPLIED))

    assert desk.expire(at(week - 1)) == 0
    assert desk.expire(at(week)) == 1
    assert {key for key, value in desk.changed() if value is None} == {"a" * 40, "b" * 40}
    assert tell(desk, 8 * 86_400) == "applied"
    assert tell(desk, 8 * 86_400) is None


def test_there_is_an_end_to_revisions() -> None:
    """The oldest are forgotten first."""
    desk = Reports()

    for number in range(MOST_REVISIONS + 2):
        desk.take(bulletin(number, revision=f"{number:040x}", stage=Stage.APPLIED))

    draft = desk.draft(at(MOST_REVISIONS + 2))
    assert draft is not None
    assert draft.revision == f"{2:040x}"
    assert desk.give_up(draft) == 1
    assert desk.draft(at(MOST_REVISIONS + 2)) != draft


def test_what_a_comment_looks_like() -> None:
    """The mark by which it is found, what has become of the revision, and all that is held back."""
    desk = Reports()
    paused = Held(resource="flow/a", why="it is paused")
    on_air = Held(resource=TOWER, why="on air at 3 Mb/s", release="reconciler apply --approve x --reason 'WHY'")
    desk.take(bulletin(0, stage=Stage.BLOCKED, held=(on_air, paused)))
    draft = desk.draft(at(0))
    assert draft is not None

    assert comment(draft, "local") == (
        "<!-- reconciler:local -->\n"
        "**Applied, but for what is held back** · `3f1c0de00000` on `local` (the relay), 2026-01-01 00:00:00 UTC\n"
        "\n"
        "Held back:\n"
        "\n"
        f"- `{TOWER}`: on air at 3 Mb/s. To do it all the same: `reconciler apply --approve x --reason 'WHY'`\n"
        "- `flow/a`: it is paused\n"
    )


@pytest.mark.parametrize("text", [*HOSTILE, "@" * 5000, "<!-- reconciler:local -->"])
def test_a_comment_has_bounds_and_the_words_of_others_are_text(text: str) -> None:
    """GitHub takes 65,536 characters; what is left out is counted, and nothing begins a line of its own."""
    desk = Reports()
    many = MOST_LISTED + 7
    desk.take(bulletin(0, stage=Stage.REFUSED, held=held(*[text] * many), findings=(text,) * many))
    draft: Report | None = desk.draft(at(0))
    assert draft is not None

    body = comment(draft, "local")

    assert len(body) < 65_536
    assert body.count("<!--") == 1
    assert "@" not in body.replace("&#64;", "")
    lines = [line for line in body.splitlines()[2:] if line]
    assert all(line.startswith("- ") or line in {"Held back:", "Found:"} for line in lines)
    assert lines[-1].startswith("- and ")


def test_only_commits_are_followed() -> None:
    """The hash of a directory means nothing to a forge."""
    desk = Reports()

    desk.take(bulletin(0, revision=SHA.upper(), stage=Stage.APPLIED))

    assert desk.draft(at(0)) is None
