"""Tests of `cli.render`: plans."""

import json
from dataclasses import replace

import click
import pytest

from reconciler.cli import render
from reconciler.cli.formats.comment import Comparison, comment
from reconciler.cli.formats.totals import MAY_STOP
from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import (
    Action,
    Blocked,
    Create,
    Delete,
    Edit,
    Failed,
    Hold,
    Plan,
    Sequence,
    Start,
    Stop,
    Waiting,
)
from reconciler.domain.impact import Impact
from reconciler.domain.model import Desired, FlowKey, OutputKey
from reconciler.domain.properties import PropertyChange
from reconciler.domain.safety.judging import held_back
from reconciler.domain.safety.releases import command_for
from reconciler.domain.secrets import HIDDEN, Secret
from reconciler.engine.apply import Outcome, Result
from reconciler.engine.plan import Preview, Tree
from reconciler.engine.reconcile import PassOutcome
from reconciler.ports.source import Revision, Verdict
from tests.builders import flow, found_flow, found_output, output, resolved
from tests.unit.cli.plans import AT, CANARY, edit, plain
from tests.unit.engine.worlds import BROKEN


def test_an_edit_says_found_and_wanted_why_and_impact() -> None:
    """A reader learns what changes, from what to what, and what viewers notice."""
    change = edit("srt.latency", 120, 500)

    lines = plain(Plan(changes=(change,), unchanged=4))

    head = "~ edit output/news/tower  impact: reconnect: its receivers  (differs from its manifest)"
    assert lines == [
        f"{head}  [{change_id(change)}]",
        "    srt.latency  120 -> 500",
        "Plan: 1 to edit; 4 unchanged. Viewers notice: 1 to reconnect.",
    ]


def test_a_create_says_what_will_be_there() -> None:
    """Every property of a new resource is shown, in order."""
    lines = plain(Plan(changes=(Create(key=output().key, at=AT, wanted=output()),)))

    assert lines[0].startswith("+ create output/news/tower  impact: none  (not on the backend)  [")
    assert "    srt.destination      tower.example:9000" in lines
    assert lines[1:-1] == sorted(lines[1:-1])


def test_a_new_flow_says_its_input() -> None:
    """A flow shows its own properties."""
    lines = plain(Plan(changes=(Create(key=flow().key, at=AT, wanted=flow()),)))

    assert any(line.split() == ["input.protocol", "SRT"] for line in lines)
    assert any(line.split() == ["input.allowlist", "[]"] for line in lines)


def test_a_sequence_says_its_calls() -> None:
    """A recreate shows each step that it takes."""
    found = found_flow(flow())
    delete = Delete(key=flow().key, at=AT, found=found, impact=Impact.RECREATE)
    create = Create(key=flow().key, at=AT, wanted=flow())
    changed = (PropertyChange(path="region", found="local", wanted="eu-frankfurt"),)
    sequence = Sequence(
        key=flow().key,
        at=AT,
        action=Action.RECREATE,
        calls=(delete, create),
        differences=changed,
        impact=Impact.RECREATE,
        why="region cannot be edited",
    )

    assert plain(Plan(changes=(sequence,)))[1:-1] == [
        "    region  local -> eu-frankfurt",
        "    in 2 calls: delete flow/news, create flow/news",
    ]


def test_what_is_held_back_is_named_with_its_reason() -> None:
    """Blocked, waiting and failed resources stand below the changes."""
    plan = Plan(
        blocked=(Blocked(key=FlowKey("old"), action=Action.DELETE, why="no Flow at all", hold=Hold.OWNERSHIP),),
        waiting=(Waiting(key=OutputKey("news", "link"), why="no address yet"),),
        failed=(Failed(key=OutputKey("news", "a"), why="no secret"),),
    )

    assert plain(plan) == [
        "! blocked flow/old (delete): no Flow at all",
        "! waiting output/news/link: no address yet",
        "! failed output/news/a: no secret",
        "Plan: 1 blocked, 1 waiting, 1 failed; 0 unchanged. Viewers notice: nothing.",
    ]


def test_what_a_window_holds_back_now_is_told_with_the_change() -> None:
    """In each form; it is planned all the same, for a window ends."""
    first, second = edit("srt.latency", 120, 500), Start(key=FlowKey("news"), at=AT)
    why = "the calendar cup freezes everything until 2026-11-28 23:00 UTC; it is 2026-11-28 19:00 there"
    window = Blocked(key=first.key, action=first.action, why=why, hold=Hold.WINDOW, change=first)
    plan = Plan(changes=(first, second), windows=(window,))

    text, document, page = plain(plan), render.plan_document(plan), comment(Comparison(plan=plan, title="now"))

    assert text[2] == f"    held back now: {why}"
    assert sum("held back now" in line for line in text) == 1
    assert text[-1].startswith("Plan: 1 to edit, 1 to start, 1 of them held back by a window now; 0 unchanged.")
    assert [(held["resource"], held["why"], held["release"]) for held in document["windows"]] == [
        ("output/news/tower", why, None)
    ]
    assert "A window would hold back now:\n\n- `output/news/tower` (edit): the calendar cup freezes everything" in page
    assert "held back now" not in "".join(plain(Plan(changes=(first, second))))


def test_a_twin_at_work_is_in_progress() -> None:
    """For people; programs find it among what is blocked, as ever."""
    why = "the old one goes once tower_t, which replaces it, has carried as much for a few seconds"
    held = Blocked(key=output().key, action=Action.RECREATE, why=why, hold=Hold.TWIN)
    plan = Plan(blocked=(held,))
    outcome = PassOutcome(revision=Revision("one"), outcomes=(), left=plan, refused=None, duration_s=0.1)
    change = edit("srt.latency", 120, 500)

    assert plain(plan) == [
        f"! in progress output/news/tower (recreate): {why}",
        "Plan: 1 in progress; 0 unchanged. Viewers notice: nothing.",
    ]
    assert "- in progress `output/news/tower` (recreate)" in comment(Comparison(plan=plan, title="now"))
    assert render.plan_document(plan)["blocked"][0]["hold"] == "twin"
    assert [click.unstyle(line) for line in render.outcome_text(outcome)][-1] == (
        "Applied: 1 begun; 0 unchanged before; 0 blocked, 0 failed, 0 not sent, 1 in progress."
    )
    assert click.unstyle(render.outcome_line(Outcome(change=change, result=Result.BLOCKED, held=held))) == (
        "in progress edit output/news/tower"
    )


def test_nothing_to_do_is_said_plainly() -> None:
    """An empty plan is one line."""
    assert plain(Plan(unchanged=7)) == ["Nothing to do: all 7 resources are as the manifests say."]


def test_json_holds_the_same_and_no_secret() -> None:
    """The document is complete, plain JSON, and as silent about secrets as the text."""
    change = edit("srt.encryption.passphrase", HIDDEN, Secret(CANARY))
    url = edit("rtsp.url", None, f"rtsp://u:{CANARY}@h/x")
    verdict = Verdict(findings=(), desired=resolved(flow()).desired)
    plan = Plan(
        changes=(change, url, edit("allowlist", (), ("::/0",)), Start(key=flow().key, at=AT)),
        blocked=(Blocked(key=FlowKey("old"), action=Action.DELETE, why="not ours", hold=Hold.OWNERSHIP),),
        unchanged=2,
    )

    document = render.plan_json(
        Preview(tree=Tree(revision=Revision("one"), verdict=verdict), plan=plan), backend="memory"
    )

    assert CANARY not in json.dumps(document)
    assert document["changes"][0] == {
        "resource": "output/news/tower",
        "action": "edit",
        "id": change_id(change),
        "impact": "reconnect",
        "effect": "reconnect: its receivers; srt.encryption.passphrase must change at the other end, too: whom to tell "
        "stands in no metadata.contacts",
        "why": "differs from its manifest",
        "properties": [{"path": "srt.encryption.passphrase", "found": "***", "wanted": "***"}],
        "outputs": [],
        "calls": [],
    }
    assert document["changes"][2]["properties"] == [{"path": "allowlist", "found": [], "wanted": ["::/0"]}]
    assert document["blocked"] == [
        {
            "resource": "flow/old",
            "action": "delete",
            "why": "not ours",
            "hold": "ownership",
            "change": None,
            "release": None,
        }
    ]
    assert document["unchanged"] == 2


def on_air(change: Edit) -> Plan:
    """Return a plan in which a change is held back, and somebody receives what it would disturb."""
    held = held_back(change, Hold.ON_AIR, "is on air.", release=command_for(change))
    return Plan(changes=(change,), blocked=(held,), watched={change.found.id: 2})


def test_what_is_blocked_is_told_with_its_details_and_how_many_receive_it() -> None:
    """The same in the text, the document and the comment: impact, id, properties, and who is connected."""
    change = edit("srt.latency", 120, 500)
    plan = on_air(change)

    lines = plain(plan)
    document = render.plan_document(plan)
    page = comment(Comparison(plan=plan, title="now"))

    command = f"reconciler apply --approve output/news/tower:edit:{change_id(change)} --reason 'WHY'"
    assert lines[2:5] == [
        f"! blocked output/news/tower (edit): is on air. To do it all the same: {command}",
        f"    impact: reconnect: 2 receivers  [{change_id(change)}]",
        "    srt.latency  120 -> 500",
    ]
    (held,) = document["blocked"]
    assert held["change"] == document["changes"][0]
    assert (held["change"]["effect"], held["change"]["id"]) == ("reconnect: 2 receivers", change_id(change))
    assert (held["why"], held["release"]) == ("is on air.", command)
    row = f"- blocked `output/news/tower` (edit), reconnect&#58; 2 receivers, change `{change_id(change)}`: "
    assert f"{row}is on air. To do it all the same&#58; `{command}`" in page.splitlines()
    assert page.count("- `srt.latency`: `120` → `500`") == 2


def test_what_is_not_known_of_the_account_is_said_in_each_form() -> None:
    """Nobody reads "reconnect" where an edit may turn out to stop the flow."""
    plan = Plan(changes=(edit("srt.latency", 120, 500),), may_stop=True)

    assert plain(plan)[-2] == MAY_STOP
    assert render.plan_document(plan)["may_stop"] is True
    assert MAY_STOP in comment(Comparison(plan=plan, title="now"))


def test_the_three_forms_have_the_same_totals() -> None:
    """Whoever reads one of them has read all of them."""
    plan = on_air(edit("srt.latency", 120, 500))

    text, document, page = plain(plan)[-1], render.plan_document(plan), comment(Comparison(plan=plan, title="now"))

    assert text == (
        "Plan: 1 to edit, 1 blocked; 0 unchanged. Viewers notice: 1 to reconnect; 2 receivers connected to them now."
    )
    assert document["effect"] == "1 to reconnect; 2 receivers connected to them now"
    assert "\n**Viewers notice: 1 output reconnects. 2 receivers are connected to them now.**\n" in page
    assert "\n1 to edit, 1 blocked; 0 unchanged.\n" in page


@pytest.mark.parametrize(("count", "times"), [(render.SCREEN // 2, 1), (render.SCREEN // 2 + 1, 2)])
def test_the_totals_of_a_long_plan_stand_at_its_head_too(count: int, times: int) -> None:
    """Whoever sees only its first or its last lines knows what is planned."""
    change = edit("srt.latency", 120, 500)

    lines = plain(Plan(changes=(change,) * count))

    assert [line.startswith("Plan: ") for line in lines].count(True) == times
    assert lines[-1].startswith("Plan: ")


def test_json_of_a_tree_with_errors_has_findings_and_no_changes() -> None:
    """A reader tells "nothing to change" from "not known"."""
    verdict = Verdict(findings=(BROKEN,), desired=None)

    document = render.plan_json(
        Preview(tree=Tree(revision=Revision("one"), verdict=verdict), plan=None), backend="memory"
    )

    assert document["changes"] is None
    assert document["findings"] == [str(BROKEN)]


def test_findings_stand_in_their_own_form() -> None:
    """A finding looks as `validate` prints it."""
    assert [click.unstyle(line) for line in render.findings([BROKEN])] == [str(BROKEN)]


def test_what_is_held_back_for_one_reason_says_it_once() -> None:
    """A paragraph about a budget, a hundred times, hides what else there is."""
    stops = [Stop(key=FlowKey(f"f{number}"), at=AT) for number in range(2)]
    held = [Blocked(key=one.key, action=one.action, why="too much", hold=Hold.BUDGET, change=one) for one in stops]

    lines = plain(Plan(blocked=tuple(held)))

    assert lines[:3] == [
        "! blocked 2: too much",
        "  ! blocked flow/f0 (stop)",
        f"    impact: flow stops: its outputs go off air  [{change_id(stops[0])}]",
    ]
    assert "".join(lines).count("too much") == 1


def test_what_keeps_everything_is_said_once() -> None:
    """The loud line has the reason of all deletes that it holds back."""
    held = Blocked(key=FlowKey("old"), action=Action.DELETE, why="a small tree", hold=Hold.TREE)

    lines = plain(Plan(blocked=(held,)))

    assert lines[0].endswith("1 held back: a small tree")
    assert lines[1] == "! blocked flow/old (delete): as said above"


def test_before_a_result_only_what_is_sent_is_shown() -> None:
    """What is held back stands in the result, and is counted here."""
    held = Blocked(key=FlowKey("old"), action=Action.DELETE, why="not ours", hold=Hold.OWNERSHIP)
    plan = Plan(changes=(edit("srt.latency", 120, 500),), blocked=(held,))

    lines = [click.unstyle(line) for line in render.changes_text(plan)]

    assert not any("not ours" in line for line in lines)
    assert lines[-1].startswith("Plan: 1 to edit, 1 blocked;")


def test_an_output_that_manifests_cannot_say_comes_back_without_a_word_of_how_it_was() -> None:
    """Its flow is made anew, and it with it."""
    strange = replace(found_output(output()), spec=None)
    sequence = Sequence(
        key=flow().key,
        at=AT,
        action=Action.RECREATE,
        calls=(
            Delete(key=output().key, at=AT, found=strange, impact=Impact.INTERRUPT),
            Create(key=output().key, at=AT, wanted=output()),
        ),
        differences=(),
        impact=Impact.RECREATE,
        why="region cannot be edited",
    )

    assert plain(Plan(changes=(sequence,)))[1] == "    with it recreate output/news/tower"


def test_a_tree_that_is_behind_is_told_first() -> None:
    """Whoever reads a plan of yesterday's commit knows it before anything else."""
    seen = Tree(revision=Revision("r"), verdict=Verdict(findings=(), desired=Desired()), trouble="the server is down")

    assert list(render.tree(seen)) == ["warning: these are not the newest manifests: the server is down"]
    assert list(render.tree(replace(seen, trouble=""))) == []
