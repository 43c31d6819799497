"""Tests of `manifests.plan_file`: what was saved is read back, and whatever else is there is refused in words."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.changes import Action, Blocked, Hold
from reconciler.domain.errors import UsageError
from reconciler.domain.impact import Impact
from reconciler.domain.model import FlowKey, OutputKey
from reconciler.domain.saved_plans import Circumstances, SavedChange, SavedPlan
from reconciler.manifests import plan_file
from reconciler.manifests.plan_file import MAX_BYTES, document, read_plan
from reconciler.manifests.schemas import judge_of

_names = st.from_regex(r"[A-Za-z0-9_]{1,32}", fullmatch=True)
_keys = st.builds(FlowKey, _names) | st.builds(OutputKey, _names, _names)
_digests = st.from_regex(r"[0-9a-f]{12}", fullmatch=True)
_moments = st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
_changes = st.builds(
    SavedChange,
    key=_keys,
    action=st.sampled_from(Action),
    id=_digests,
    impact=st.sampled_from(Impact),
    found=_digests,
    wanted=_digests,
)
_plans = st.builds(
    SavedPlan,
    made=st.builds(
        Circumstances,
        at=_moments,
        tool=st.just("0.1.0"),
        backend=st.text(min_size=1, max_size=40),
        owner=st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True),
        revision=st.from_regex(r"[0-9a-f]{40}", fullmatch=True),
    ),
    paths=st.lists(st.from_regex(r"[a-z/. ]{1,20}", fullmatch=True), min_size=1, max_size=3).map(tuple),
    changes=st.lists(_changes, max_size=4, unique_by=lambda change: (change.key, change.action)).map(tuple),
    blocked=st.lists(
        st.builds(
            Blocked,
            key=_keys,
            action=st.sampled_from(Action),
            why=st.text(max_size=40),
            hold=st.sampled_from(Hold),
            release=st.text(max_size=40),
        ),
        max_size=2,
    ).map(tuple),
)
PLAN = SavedPlan(
    made=Circumstances(
        at=datetime(2026, 1, 1, tzinfo=UTC), tool="0.1.0", backend="memory", owner="local", revision="5b2c"
    ),
    paths=("manifests",),
    changes=(
        SavedChange(
            key=OutputKey("news", "tower"),
            action=Action.EDIT,
            id="0" * 12,
            impact=Impact.NONE,
            found="1" * 12,
            wanted="2" * 12,
        ),
    ),
)


HALF = {"resource": "flow/news", "action": "stop", "hold": "on-air", "why": "on air", "release": "\ud800"}


def written(plan: SavedPlan) -> bytes:
    """Return the file of a plan."""
    return json.dumps(document(plan)).encode()


@given(plan=_plans)
def test_what_was_saved_is_read_back(plan: SavedPlan) -> None:
    """Nothing is lost on the way, and every file fits the published schema."""
    assert judge_of("plan")(document(plan))
    assert read_plan(written(plan), called="p.json") == plan


def but(change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return the file of a plan with something done to it."""
    whole = json.loads(written(PLAN))
    change(whole)
    return json.dumps(whole).encode()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(b"", "no JSON at line 1, column 1", id="empty"),
        pytest.param(b"changes: []", "no JSON at line 1", id="yaml"),
        pytest.param(b"\xff\xfe\x00", "no UTF-8", id="bytes"),
        pytest.param(b"[" * 200_000, "nested deeper", id="deep"),
        pytest.param(b'{"a":' * 200 + b"1" + b"}" * 200, "the whole does not keep", id="deep enough"),
        pytest.param(b"1" * 5000, "is not a plan", id="a huge number"),
        pytest.param(b"NaN", "NaN is no number", id="no number"),
        pytest.param(b"[]", "the whole does not keep `type`", id="a list"),
        pytest.param(b'{"version": 1, "version": 1}', "a member stands in it twice", id="a member twice"),
        pytest.param(written(PLAN) + b"{}", "no JSON at line 1", id="more behind it"),
        pytest.param(but(lambda whole: whole.update(version=2)), "version does not keep `const`", id="version"),
        pytest.param(but(lambda whole: whole.update(force=True)), "`additionalProperties`", id="more members"),
        pytest.param(but(lambda whole: whole.pop("revision")), "the whole does not keep `required`", id="fewer"),
        pytest.param(but(lambda whole: whole.update(paths="x")), "paths does not keep `type`", id="type"),
        pytest.param(but(lambda whole: whole.update(paths=["a\0b"])), "paths[0] does not keep", id="a path with NUL"),
        pytest.param(but(lambda whole: whole.update(backend="\ud800")), "half of a character", id="half a character"),
        pytest.param(but(lambda whole: whole.update(blocked=[HALF])), "half of a character", id="in a command"),
        pytest.param(but(lambda whole: whole.update(made="2026-13-01T00:00:00Z")), "month", id="no such month"),
        pytest.param(
            but(lambda whole: whole["changes"][0].update(resource="output/../x\x1b")),
            "changes[0].resource does not keep",
            id="no address",
        ),
        pytest.param(
            but(lambda whole: whole["changes"][0].update(action="destroy")),
            "changes[0].action does not keep",
            id="action",
        ),
        pytest.param(
            but(lambda whole: whole["changes"].append(whole["changes"][0])), "one change stands in it twice", id="twice"
        ),
        pytest.param(b" " * (MAX_BYTES + 1), f"more than {MAX_BYTES} bytes", id="huge"),
    ],
)
def test_what_is_no_plan_is_refused_in_words(content: bytes, why: str) -> None:
    """A hostile file is the user's mistake, never a bug of ours."""
    with pytest.raises(UsageError) as caught:
        read_plan(content, called="p.json")

    assert str(caught.value).startswith("p.json is not a plan that `reconciler plan --out` has written: ")
    assert why in str(caught.value)
    assert str(caught.value).isprintable()


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_members = sorted(document(PLAN))


@given(content=st.binary(max_size=80) | _json.map(lambda value: json.dumps(value).encode()))
def test_whatever_is_no_plan_is_refused(content: bytes) -> None:
    """No byte sequence does anything but that."""
    with pytest.raises(UsageError):
        read_plan(content, called="p.json")


def read_or_refused(content: bytes) -> SavedPlan | None:
    """Return the plan; None where it is refused in words that are fit to be shown."""
    try:
        return read_plan(content, called="p.json")
    except UsageError as error:
        return None if str(error).isprintable() else PLAN


@given(member=st.sampled_from(_members), value=_json)
def test_whatever_stands_at_a_member_it_is_read_or_refused(member: str, value: object) -> None:
    """Strange values at any place do no harm."""
    content = but(lambda whole: whole.update({member: value}))

    plan = read_or_refused(content)

    assert plan is None or json.loads(json.dumps(document(plan)))[member] == value


@given(member=st.sampled_from(["resource", "action", "id", "impact", "found", "wanted"]), value=_json)
def test_whatever_stands_in_a_change_it_is_read_or_refused(member: str, value: object) -> None:
    """The same within a change."""
    content = but(lambda whole: whole["changes"][0].update({member: value}))

    plan = read_or_refused(content)

    assert plan is None or document(plan)["changes"][0][member] == value


def test_the_limit_is_the_modules_own() -> None:
    """A plan of a hundred thousand changes is below it."""
    assert 100_000 * (len(written(PLAN)) + 64) < plan_file.MAX_BYTES
