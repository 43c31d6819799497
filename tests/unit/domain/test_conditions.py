"""What is true of a resource, since when, and of which generation."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.domain.conditions import Aspect, Condition, Reason, Standing, generation_of, transition
from reconciler.domain.model import FlowKey, FlowLink, Srt
from reconciler.domain.protocols import SrtMode
from tests.builders import flow, output

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
READY = Condition(aspect=Aspect.READY, standing=Standing.TRUE, reason=Reason.IN_STEP, since=BEGAN)
LATER = replace(READY, reason=Reason.IDLE, since=BEGAN + timedelta(hours=1))
BROKEN = replace(LATER, standing=Standing.FALSE, reason=Reason.FAILED)


@pytest.mark.parametrize(
    ("now", "before", "since"),
    [
        pytest.param(LATER, None, LATER.since, id="seen for the first time"),
        pytest.param(LATER, READY, READY.since, id="the same standing keeps its time"),
        pytest.param(BROKEN, READY, BROKEN.since, id="another standing has its own"),
    ],
)
def test_a_condition_keeps_the_time_of_its_last_transition(
    now: Condition, before: Condition | None, since: datetime
) -> None:
    """Another reason or message moves no clock; another standing does."""
    assert now.after(before).since == since


@pytest.mark.parametrize(
    ("before", "after", "is_news"),
    [
        pytest.param(None, READY, True, id="the first"),
        pytest.param(READY, replace(READY, message="other words"), False, id="other words"),
        pytest.param(READY, LATER, True, id="another reason"),
        pytest.param(READY, BROKEN, True, id="another standing"),
    ],
)
def test_a_transition_is_another_standing_or_reason(
    before: Condition | None, after: Condition, *, is_news: bool
) -> None:
    """Who is told is told of these, and not of new words for the same."""
    found = transition("flow/news", before, after)

    assert (found is not None) is is_news
    assert found is None or (found.aspect, found.after) == (Aspect.READY, after)


def test_a_generation_is_of_what_the_manifest_asks_for() -> None:
    """The same manifest has the same generation, also after a restart; another spec or live name has another one."""
    news = flow("news")
    other = replace(news, spec=replace(news.spec, max_bandwidth_bps=50_000_000))

    # Written down on purpose: whoever upgrades finds what was put back or left alone by the same name.
    assert generation_of(news) == generation_of(flow("news")) == "5dd12a0a784e"
    assert len({generation_of(news), generation_of(other), generation_of(replace(news, live_name="x"))}) == 3


def test_a_link_has_the_generation_that_it_had_before() -> None:
    """Of what the product makes the key of a flow takes no part in it: upgrades change no generation."""
    tower = output("tower", of="news")
    settings = Srt(mode=SrtMode.CALLER, peer=FlowLink(flow=FlowKey("backup")))
    linked = replace(tower, spec=replace(tower.spec, settings=settings))

    assert generation_of(linked) == "622cecf7a7ad"
    assert generation_of(linked) != generation_of(
        replace(linked, spec=replace(tower.spec, settings=replace(settings, peer=FlowLink(flow=FlowKey("spare")))))
    )
