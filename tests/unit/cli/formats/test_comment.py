"""A plan as one comment of a pull request."""

import re
from dataclasses import replace
from typing import Any

import pytest

from reconciler.cli.formats.comment import MARKER, MAX_CHARACTERS, Comparison, comment, notice
from reconciler.domain.changes import Action, Blocked, Change, Create, Delete, Edit, FlowAt, Hold, Plan
from reconciler.domain.impact import Impact
from reconciler.domain.model import FlowKey, OutputKey
from reconciler.domain.properties import PropertyChange, PropertyValue
from reconciler.domain.secrets import Secret
from tests.builders import LOCAL, found_output, output
from tests.unit.cli.formats.samples import ERROR, HOSTILE

AT = FlowAt(LOCAL, "news")
CANARY = "canary-of-a-passphrase"


def edit(
    name: str = "tower", path: str = "srt.latency", found: PropertyValue = 120, wanted: PropertyValue = 500
) -> Edit:
    """Return an edit of one property."""
    return Edit(
        key=OutputKey("news", name),
        at=AT,
        wanted=output(),
        found=found_output(output()),
        differences=(PropertyChange(path=path, found=found, wanted=wanted),),
        impact=Impact.RECONNECT,
    )


def delete(name: str = "gone", impact: Impact = Impact.INTERRUPT) -> Delete:
    """Return the delete of an output."""
    return Delete(key=OutputKey("news", name), at=AT, found=found_output(output()), impact=impact)


def told(*changes: Change, **more: Any) -> str:
    """Return the comment on these changes."""
    comparison = Comparison(plan=Plan(changes=changes, unchanged=4), title="From a to b")
    return comment(replace(comparison, **more))


def test_what_viewers_notice_comes_first() -> None:
    """Before the totals, and before any detail; the marker is the first line of all."""
    page = told(Create(key=output().key, at=AT, wanted=output()), edit(), delete())

    assert page.splitlines()[0] == MARKER
    assert page.index("**Viewers notice: 1 output ends, 1 output reconnects.**") < page.index("1 to create")
    assert page.index("1 to create, 1 to edit, 1 to delete; 4 unchanged.") < page.index("<details>")


def test_deletes_and_interruptions_lead_the_table() -> None:
    """Then what reconnects, then what nobody notices."""
    page = told(Create(key=output().key, at=AT, wanted=output()), edit(), delete())

    rows = [line.split(" | ")[1] for line in page.splitlines() if line.startswith("| ") and "`" in line]
    assert rows == ["delete", "edit", "create"]


def test_the_details_are_folded_and_secrets_masked() -> None:
    """Field by field, from what to what."""
    page = told(edit(), edit("relay", "srt.encryption.passphrase", Secret("old"), Secret(CANARY)))

    folded = page[page.index("<details>") : page.index("</details>")]
    assert "- `srt.latency`: `120` → `500`" in folded
    assert "- `srt.encryption.passphrase`: `***` → `***`" in folded
    assert CANARY not in page


def test_nothing_to_notice_is_said() -> None:
    """And so is that there is nothing to do."""
    assert notice([]) == "Viewers notice nothing."
    assert "nothing to change; 4 unchanged." in told()


def test_what_is_made_anew_gets_new_addresses() -> None:
    """Partners have to be told, so it is said at the top."""
    anew = replace(delete(), impact=Impact.RECREATE)

    assert notice([anew]) == "Viewers notice: 1 output is made anew. What is made anew gets new addresses."


def test_findings_and_what_is_held_back_are_told() -> None:
    """Without a plan the reason is there."""
    why = "it holds outputs without our mark"
    blocked = Blocked(key=FlowKey("sport"), action=Action.DELETE, why=why, hold=Hold.OWNERSHIP)

    assert "- blocked `flow/sport` (delete): it holds outputs without our mark" in told(plan=Plan(blocked=(blocked,)))
    page = told(plan=None, findings=(ERROR,))
    assert "No plan: the manifests have errors" in page
    assert "- `manifests/a.yaml:3:7` SL305 error: an input" in page


def test_drift_stands_apart() -> None:
    """It is put right whether this is merged or not."""
    page = told(edit(), drift=Plan(changes=(delete("strange"),)))

    assert page.index("output/news/tower") < page.index("#### Drift") < page.index("output/news/strange")


@pytest.mark.parametrize("count", [200, 3000])
def test_a_large_plan_fits_into_a_comment(count: int) -> None:
    """What has no room is counted, the worst is never what is left out, and nothing is cut within."""
    changes: list[Change] = [edit(f"tower_{number}") for number in range(count)]

    page = told(*changes, delete("the_worst"))

    assert len(page) <= MAX_CHARACTERS
    assert "`output/news/the_worst`" in page
    rows = page.count("| reconnect&#58; its receivers |")
    left_out = re.search(r"(\d+) rows of changes", page)
    assert rows + (int(left_out[1]) if left_out is not None else 0) == count
    assert page.count("<details>") == page.count("</details>")


@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_text(text: str) -> None:
    """Nothing in it mentions anybody, ends a row, or is markup."""
    change = replace(edit(found=text, wanted=text), why=text)

    page = told(change, title=text, notes=(text,), findings=(replace(ERROR, message=text),))

    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", page)
    assert "@everyone" not in outside
    assert "<img" not in outside
    assert "\x1b" not in page
    (row,) = [line for line in page.splitlines() if line.startswith("| reconnect")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 5


def test_deletes_come_before_what_is_made_anew() -> None:
    """And before findings: whatever else there is, none of them is left out."""
    changes = [replace(edit(f"tower_{number}"), impact=Impact.RECREATE) for number in range(2000)]
    far = replace(ERROR, at=replace(ERROR.at, file="x" * 200), message="y" * 900)

    page = told(*changes, delete("the_worst"), findings=(far,) * 120)

    first = next(line for line in page.splitlines() if line.startswith("| **"))
    assert "the_worst" in first
    assert len(page) <= MAX_CHARACTERS
    told_of = page.count("SL305 error")
    assert f"{120 - told_of} findings" in page
