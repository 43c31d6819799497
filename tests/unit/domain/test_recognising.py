"""Which resource a live object is, for whoever asks of it: the same one as for a plan."""

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.marks import Mark, Owner
from reconciler.domain.model import Actual, Desired, Flow, FlowKey, FlowState, FoundFlow, Key, Output, OutputKey
from reconciler.domain.recognising import Recognised, Recogniser
from tests.builders import LOCAL, US, flow, found_flow, found_output, output

NEWS: Final = replace(flow(), live_name="studio")
TOWER: Final = replace(output(), live_name="leg_a")
FORMER: Final = Mark(owner=US, name="former")


def seen(*found: FoundFlow, wanted: tuple[Flow, ...] = (NEWS,), outputs: tuple[Output, ...] = (TOWER,)) -> Recognised:
    """Return what is recognised of these flows."""
    actual = Actual(regions={LOCAL: found})
    return Recogniser().recognised(Desired(flows=wanted, outputs=outputs), actual, owner=US, moved={})


def live(of: Recognised) -> dict[str, list[str]]:
    """Return the live names of the outputs that are recognised, by their keys."""
    return {str(key): [found.live_name for _, found in lives] for key, lives in of.outputs.items()}


@pytest.mark.parametrize("mark", [Mark(owner=US, name="news"), FORMER])
def test_a_flow_is_recognised_by_its_live_name(mark: Mark) -> None:
    """Whatever name is in its mark, and so are the outputs in it."""
    found = replace(found_flow(NEWS, found_output(TOWER)), mark=mark)

    assert dict(seen(found).flows) == {found.id: FlowKey("news")}
    assert live(seen(found)) == {"output/news/tower": ["leg_a"]}


@pytest.mark.parametrize(
    ("live_name", "name", "expected"),
    [
        pytest.param("leg_a", "tower", "output/news/tower", id="by both"),
        pytest.param("leg_a", "former", "output/news/tower", id="by its live name, with a former name in its mark"),
        pytest.param("another", "tower", "output/news/tower", id="by its mark, with a former live name"),
        pytest.param("another", "former", "output/news/former", id="as its mark says, for no manifest names it"),
    ],
)
def test_an_output_is_recognised(live_name: str, name: str, expected: str) -> None:
    """As a plan recognises it."""
    one = replace(found_output(TOWER), live_name=live_name, mark=Mark(owner=US, name=name))

    assert live(seen(found_flow(NEWS, one))) == {expected: [live_name]}


def test_a_live_name_that_is_wanted_goes_before_the_mark() -> None:
    """What bears the live name of one and the mark of another is the first one, and stands in for no other."""
    spare = replace(output("spare"), live_name="leg_b")
    one = replace(found_output(TOWER), mark=Mark(owner=US, name="spare"))

    assert live(seen(found_flow(NEWS, one), outputs=(TOWER, spare))) == {"output/news/tower": ["leg_a"]}


def test_a_twin_is_recognised_with_what_it_replaces() -> None:
    """Both are live of one output."""
    twin = replace(found_output(TOWER), id="twin", live_name="leg_a_t", mark=Mark(owner=US, name="tower", twin=True))

    assert live(seen(found_flow(NEWS, found_output(TOWER), twin))) == {"output/news/tower": ["leg_a", "leg_a_t"]}


def test_what_is_not_ours_is_not_recognised() -> None:
    """Neither a flow under the wanted live name, nor an output under one in a flow of ours."""
    theirs = Mark(owner=Owner("others"), name="tower")

    assert seen(replace(found_flow(NEWS, found_output(TOWER)), mark=None)).flows == {}
    assert seen(found_flow(NEWS, replace(found_output(TOWER), mark=theirs))).outputs == {}
    assert seen(found_flow(NEWS, replace(found_output(TOWER), mark=None)), outputs=()).outputs == {}


def test_what_moved_is_recognised_by_its_name_of_before() -> None:
    """As long as the mark holds that."""
    moved: dict[Key, Key] = {OutputKey("news", "former"): OutputKey("news", "tower")}
    one = replace(found_output(TOWER), live_name="another", mark=FORMER)
    actual = Actual(regions={LOCAL: (found_flow(NEWS, one),)})

    found = Recogniser().recognised(Desired(flows=(NEWS,), outputs=(TOWER,)), actual, owner=US, moved=moved)

    assert live(found) == {"output/news/tower": ["another"]}


SPARE: Final = output("spare")
SPORT: Final = flow("sport")
WANTED: Final = (
    Desired(flows=(NEWS, SPORT), outputs=(TOWER, SPARE)),
    Desired(flows=(NEWS,), outputs=(replace(TOWER, live_name="spare"), replace(SPARE, live_name="leg_a"))),
    Desired(flows=(SPORT,), outputs=(output("tower", of="sport"),)),
    Desired(flows=(NEWS, SPORT)),
    Desired(flows=(SPORT,)),
    Desired(),
)
HELD: Final = tuple(
    replace(found_flow(each, *outputs), id=id_, mark=replace(FORMER, name=name, twin=id_ == "f2"))
    for each in (NEWS, SPORT)
    for id_ in ("f1", "f2")
    for name in ("news", "sport", "former")
    for outputs in ((), (found_output(TOWER),), (found_output(TOWER), replace(found_output(SPARE), mark=FORMER)))
)
Reading = tuple[Desired, list[FoundFlow], dict[Key, Key], Owner]
MOVED: Final[tuple[dict[Key, Key], ...]] = (
    {},
    {FlowKey("former"): FlowKey("news")},
    {OutputKey("news", "former"): OutputKey("news", "spare")},
)


def readings(pool: list[FoundFlow]) -> st.SearchStrategy[list[Reading]]:
    """Return readings that show some of a few flows."""
    found = st.lists(st.sampled_from(pool), max_size=2, unique_by=lambda flow: flow.id)
    owners = st.sampled_from((US, Owner("somebody")))
    return st.lists(st.tuples(st.sampled_from(WANTED), found, st.sampled_from(MOVED), owners), min_size=2, max_size=5)


@given(st.lists(st.sampled_from(HELD), min_size=1, max_size=2).flatmap(readings))
def test_reading_after_reading_is_recognised_as_if_it_were_the_first(listed: list[Reading]) -> None:
    """Whatever is remembered of the readings before."""
    kept = Recogniser()
    for desired, found, moved, owner in listed:
        actual = Actual(regions={LOCAL: tuple(found)})

        again = kept.recognised(desired, actual, owner=owner, moved=moved)

        assert again == Recogniser().recognised(desired, actual, owner=owner, moved=moved)


def test_all_that_bear_one_name_are_recognised() -> None:
    """Also in two flows that bear one name."""
    flows = [replace(found_flow(NEWS, found_output(TOWER)), id=id_) for id_ in ("old", "new")]

    found = seen(*flows)

    assert [flow.id for flow, _ in found.outputs[TOWER.key]] == ["old", "new"]


def test_what_has_not_changed_is_the_very_same() -> None:
    """So that nobody need look at it again."""
    kept, news = Recogniser(), found_flow(NEWS, found_output(TOWER))
    sports = [replace(found_flow(SPORT), id="other", state=state) for state in FlowState]

    first, second = (
        kept.recognised(WANTED[0], Actual(regions={LOCAL: (news, sport)}), owner=US, moved={}) for sport in sports
    )

    assert second.outputs_in[news.id] is first.outputs_in[news.id]
    assert second.outputs_in["other"] is not first.outputs_in["other"]
