"""Tests of `cli.decision_view`: what `why` tells."""

import shlex
from dataclasses import replace
from typing import Final

import pytest

from reconciler.cli import decision_view
from reconciler.cli.decision import InJournal, InTree, Standing, in_tree
from reconciler.cli.holds import HOLDS
from reconciler.domain.model import Care, DriftMode, FlowKey
from reconciler.domain.policies import Move, Policies
from reconciler.ports.journal import Note, Settled
from reconciler.ports.source import Snapshot, Verdict
from tests.unit.cli.decided import (
    BLOCKED,
    FINISHED,
    IN_TREE,
    OTHERS,
    POLICIES,
    READY,
    RELEASE,
    REVISION,
    TOWER,
    UNREAD,
    Told,
    looked,
    plain,
)

pytestmark = pytest.mark.anyio

LOOKED_FOR: Final = "the next pass looks for it before anything is sent again"


async def test_what_holds_it_back_is_told_with_what_to_do(told: Told) -> None:
    """At night people want the guard, its numbers, the change's id, and the next step."""
    await told.write(Settled.REFUSED, None, BLOCKED, FINISHED)

    text = told.text()

    assert text.splitlines() == [
        "output/news/tower: held back since 2026-01-01T00:00:03Z",
        "  decision    2026-01-01T00:00:03Z: edit blocked (change c0ffee): 2 receivers.",
        "  manifest    m/tower.yaml:3:1",
        f"  guard       {HOLDS['on-air']}",
        f"  release     {RELEASE}",
        "  window      no calendar is about it",
        "  last call   2026-01-01T00:00:02Z: edit, open",
        f"  open        what became of the edit of 2026-01-01T00:00:02Z is not known: {LOOKED_FOR}",
        "  last pass   2026-01-01T00:00:04Z: finished; 1 done, 2 blocked",
        "  next try    2026-01-01T00:01:04Z, in 1 min 0 s",
    ]


@pytest.mark.parametrize("hold", [*HOLDS, "a guard of tomorrow"])
async def test_every_hold_is_told(told: Told, hold: str) -> None:
    """One that this program has no sentence for is at least named."""
    await told.write(replace(BLOCKED, fields={"hold": hold}))

    assert told.decision().hold == hold
    assert f"  guard       {HOLDS.get(hold, hold)}" in told.text().splitlines()


async def test_a_hold_that_is_over_is_none(told: Told) -> None:
    """What held it back before its last call does not hold it now."""
    await told.write(BLOCKED, Settled.DONE)

    assert told.decision().hold == ""
    assert "guard       nothing holds it back" in told.text()


@pytest.mark.parametrize(
    ("passed_s", "is_held", "expected"),
    [
        pytest.param(20, True, "2026-01-01T00:01:01Z, in 40 s", id="soon"),
        pytest.param(70, True, "2026-01-01T00:01:01Z, now", id="now"),
        pytest.param(
            3_760,
            True,
            "within 1 min 0 s where `run` is at work: a pass without news is not written down",
            id="long ago",
        ),
        pytest.param(20, False, "nobody is at work on the state directory: `reconciler run`", id="nobody runs"),
    ],
)
async def test_when_the_next_try_is(told: Told, passed_s: int, expected: str, *, is_held: bool) -> None:
    """It is said when, and that there is none when nobody is at work."""
    await told.write(FINISHED)
    await told.clock.advance(passed_s)

    assert f"  next try    {expected}" in told.text(is_held=is_held)


async def test_a_pass_that_says_no_time(told: Told) -> None:
    """An `apply` has no next one; nothing is made up."""
    await told.write(replace(FINISHED, fields={}))

    assert told.decision().next_try is None
    assert "next try    nobody has said when" in told.text()


async def test_the_backend_that_could_not_be_read(told: Told) -> None:
    """The reason of the whole pass is the reason of each resource."""
    await told.write(UNREAD)

    assert "last pass   2026-01-01T00:00:01Z: failed, and nothing was sent: nobody answers" in told.text()


async def test_the_revision_that_was_seen_and_the_one_here(told: Told) -> None:
    """Where the files are others than those of the last pass, nobody is to be fooled by what they say."""
    await told.write(Note(kind="tree.refused", revision="an-older-revision", why="m/a.yaml:1:1: SL101 error"))

    text = told.text()

    assert "an-older-rev was the last that was seen, refused 2026-01-01T00:00:01Z: m/a.yaml:1:1: SL101 error" in text
    assert "the files here are another one, 0123456789ab" in text
    assert "another one" not in told.text(replace(IN_TREE, revision="an-older-revision"))


async def test_what_released_it_and_what_was_learnt(told: Told) -> None:
    """Whoever asks in a year sees who let it happen, and why this edit stops the flow."""
    await told.write(
        Note(kind="approval.used", resource=TOWER, why="agreed with Jo", fields={"name": "ok_tower"}),
        Note(kind="override.used", resource=TOWER, why="half time", fields={}),
        Note(kind="fields.learnt", resource=TOWER, fields={"rules": "console-2022"}),
    )

    text = told.text()

    assert "released    2026-01-01T00:00:02Z: override.used: one from the command line: half time" in text
    assert "so its edit rules are taken to be console-2022" in text


async def test_a_terminal_is_not_overrun(told: Told) -> None:
    """Sentences are broken between words, and stay in their column."""
    await told.write(BLOCKED, FINISHED)

    lines = plain(told.decision(), width=60).splitlines()

    assert max(map(len, lines[1:])) <= 62
    assert sum(line.startswith("  guard ") for line in lines) == 1
    assert " ".join(" ".join(lines).replace(" \\ ", " ").split()) == " ".join(told.text().split())


async def test_the_command_that_releases_is_broken_only_where_a_shell_goes_on(told: Told) -> None:
    """Half a command, pasted, does something else."""
    await told.write(BLOCKED, FINISHED)

    lines = plain(told.decision(), width=70).splitlines()

    (first,) = [number for number, line in enumerate(lines) if line.startswith("  release ")]
    pasted = "\n".join(line[14:] for line in lines[first : first + 3])
    assert shlex.split(pasted.replace("\\\n", "")) == shlex.split(RELEASE)


@pytest.mark.parametrize("release", [{}, {"release": f"{RELEASE[:40]}…"}])
async def test_a_command_that_is_not_there_as_a_whole_is_not_told(told: Told, release: dict[str, str]) -> None:
    """The journal cuts what is too long for it."""
    await told.write(replace(BLOCKED, fields={"action": "edit", "hold": "on-air", **release}), FINISHED)

    assert told.decision().release is None
    assert "  release  " not in told.text()


async def test_everything_is_in_the_document(told: Told) -> None:
    """Programs are told the same, by fields."""
    await told.write(None, Settled.DONE, BLOCKED, FINISHED)
    tree = replace(IN_TREE, policies=POLICIES)

    document = decision_view.document(told.decision(tree))

    assert (document["standing"], document["hold"]) == ("blocked", "on-air")
    assert document["next_try"] == "2026-01-01T00:01:04+00:00"
    assert document["tree"]["places"] == [{"file": "m/tower.yaml", "line": 3, "column": 1}]
    assert document["journal"]["last_call"]["request_id"] == "req-1"
    assert [call["result"] for call in document["journal"]["open"]] == [None]
    assert document["journal"]["decided"]["fields"]["change"] == "c0ffee"
    assert document["journal"]["learnt"] is None
    assert [each["name"] for each in document["tree"]["approvals"]] == ["ours", "flow"]
    assert [each["lifts"] for each in document["tree"]["overrides"]] == [["budget", "window"]] * 4


def test_without_a_journal_the_manifests_are_told(told: Told) -> None:
    """And without manifests the journal; each trouble is said."""
    tree = InTree(trouble="there is nothing at manifests")
    decision = replace(told.decision(tree), journal=InJournal(trouble="no journal yet"))

    text = plain(decision)

    assert "  journal     no journal yet" in text
    assert "  manifest    not looked at: there is nothing at manifests" in text
    assert decision_view.document(decision)["journal"]["last_call"] is None


async def test_what_the_manifests_say_is_told(told: Told) -> None:
    """Its findings, its protection, its group, and each release with its reason and expiry."""
    text = told.text(looked(TOWER))
    await told.clock.advance(2 * 3600)
    later = told.text(looked(TOWER))

    assert "finding     m/tower.yaml:9:3: " in text
    assert "move        ours: output/news/mast is called output/news/tower from now on" in text
    assert "errors      the manifests have 2, and until they are mended nothing is changed" in text
    assert "it is protected" in text
    assert "redundancy group paris" in text
    assert "approval    ours lets edit as change c0ffee, until 2026-01-01T01:00:00Z: agreed" in text
    assert "override    ours lets delete past budget, window, until 2026-01-01T01:00:00Z: moving" in text
    assert "change c0ffee, expired 2026-01-01T01:00:00Z" in later


@pytest.mark.parametrize(
    ("fields", "told_of"),
    [
        pytest.param({"change": "decade"}, " (and not what is held back, which is change decade)", id="another change"),
        pytest.param({}, "", id="this very change"),
        pytest.param({"change": "decade", "action": "delete"}, "", id="another action"),
    ],
)
async def test_an_approval_of_another_change_is_told_as_that(told: Told, fields: dict[str, str], told_of: str) -> None:
    """Whoever reads that an edit is let pass would wait for it in vain."""
    await told.write(replace(BLOCKED, fields={**BLOCKED.fields, **fields}))

    assert f"approval    ours lets edit as change c0ffee{told_of}, until" in told.text(looked(TOWER))


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        pytest.param(DriftMode.CORRECT, [], id="the usual one"),
        pytest.param(
            DriftMode.WARN,
            ["its drift is `warn`: what others change of it is told, and left as it is until its manifest changes"],
            id="warn",
        ),
        pytest.param(
            DriftMode.CORRECT_WHEN_OFF_AIR,
            ["its drift is `correctWhenOffAir`: what others change of it is told, and put right once it is off air"],
            id="once it is off air",
        ),
    ],
)
def test_what_is_done_about_drift_is_told(told: Told, mode: DriftMode, expected: list[str]) -> None:
    """People are told where it is not the usual; programs always."""
    tree = replace(IN_TREE, care=Care(drift=mode))

    lines = [line.strip() for line in told.text(tree).splitlines()]

    assert [line for line in lines if "drift" in line] == expected
    assert decision_view.document(told.decision(tree))["tree"]["drift"] == mode


def test_a_resource_that_no_manifest_names(told: Told) -> None:
    """It is said what that means."""
    assert "manifest    no manifest names it" in told.text(InTree(revision=REVISION))


def test_what_may_stand_in_a_broken_document_is_not_taken_for_gone(told: Told) -> None:
    """With an error anywhere nothing is deleted, and nobody is told that it will be."""
    text = told.text(InTree(revision=REVISION, errors=1))

    assert "manifest    no document that can be read names it; one with an error may" in text
    assert "is deleted" not in text


@pytest.mark.parametrize(
    "said",
    [
        pytest.param([Settled.DONE, FINISHED], id="written"),
        pytest.param([BLOCKED, replace(READY, revision=REVISION)], id="ready again"),
        pytest.param([Note(kind="tree.accepted", revision=OTHERS.revision), Settled.DONE], id="not those any more"),
    ],
)
async def test_it_is_in_step_only_with_the_manifests_of_then(told: Told, said: list[Note | Settled]) -> None:
    """What was edited since is not known to be so; the verb that looks at it is named."""
    await told.write(*said)

    decision, text = told.decision(OTHERS), told.text(OTHERS)

    assert decision.standing is Standing.QUIET
    assert text.startswith(f"{TOWER}: {Standing.QUIET}\n")
    assert decision_view.document(decision)["since"] is None
    assert "nothing holds it back, as far as was said; of the manifests as they are now `reconciler plan` says" in text
    assert told.decision(InTree(trouble="no such folder")).standing is Standing.IN_STEP


def moved(resource: str) -> InTree:
    """Return what is said of a resource where the flow `news` was called `old` before."""
    policies = Policies(moves=(Move(name="m", before=FlowKey("old"), now=FlowKey("news")),))
    verdict = Verdict(findings=(), desired=None, policies=policies)
    return in_tree(resource, Snapshot(revision=REVISION, files=()), verdict, ())


@pytest.mark.parametrize(
    ("old", "new"), [("flow/old", "flow/news"), ("output/old/tower", TOWER)], ids=["a flow", "its output"]
)
def test_what_has_another_name_from_now_on_is_not_taken_for_gone(told: Told, old: str, new: str) -> None:
    """By its old address people are sent to the new one, and from there to its past."""
    before = told.text(moved(old))

    assert f"manifest    it is called {new} from now on: `reconciler why {new}`" in before
    assert "is deleted" not in before
    assert f"written down before that is under {old}: `reconciler history {old}`" in told.text(moved(new))
