"""Tests of `cli.ends`."""

from dataclasses import replace

import pytest

from reconciler.cli.ends import all_flows, flow_named, output_named
from reconciler.domain.errors import NotFoundError, UsageError
from reconciler.domain.marks import Mark
from reconciler.domain.model import Region
from tests.builders import US, flow, found_flow, found_output, output
from tests.fakes.backend import FakeBackend

TOWER = found_output(output("tower"))
THEIRS = found_output(output("theirs"), owner=None)
NEWS = found_flow(flow("news", live_name="City News"), TOWER, THEIRS)
BY_HAND = found_flow(flow("by_hand"), owner=None)
FLOWS = (NEWS, BY_HAND)


@pytest.mark.parametrize("name", ["news", "flow/news", "City News"])
def test_a_flow_by_any_of_its_names(name: str) -> None:
    """An address, a manifest's name and a console's name mean the same flow."""
    assert flow_named(name, FLOWS, owner=US) is NEWS


def test_a_flow_that_is_not_ours_has_its_live_name() -> None:
    """What people made by hand can be tried, too."""
    assert flow_named("by_hand", FLOWS, owner=US) is BY_HAND


def test_our_own_name_counts_before_a_live_name() -> None:
    """A stranger that is called like our flow is not taken for it."""
    stranger = found_flow(flow("news"), owner=None)

    assert flow_named("news", (stranger, NEWS), owner=US) is NEWS


def test_an_unknown_flow_is_refused_with_what_there_is() -> None:
    """The message lists the names that would do."""
    with pytest.raises(NotFoundError, match="it has City News, by_hand"):
        flow_named("nwes", FLOWS, owner=US)


def test_what_was_meant_is_asked() -> None:
    """By the name in our mark, too; of a long list the first are named."""
    many = tuple(found_flow(flow(f"f{number:02}")) for number in range(12))

    with pytest.raises(NotFoundError, match=r"did you mean news\?"):
        flow_named("nwes", FLOWS, owner=US)
    with pytest.raises(NotFoundError, match=r"no output towre; it has theirs, tower; did you mean tower\?"):
        output_named("news/towre", FLOWS, owner=US)
    with pytest.raises(NotFoundError, match=r"f08, f09 and 2 more$"):
        flow_named("zzz", many, owner=US)
    with pytest.raises(NotFoundError, match="it has none at all"):
        flow_named("news", (), owner=US)


def test_a_name_in_two_regions_is_not_guessed() -> None:
    """Two flows of one name are told apart by the region."""
    twin = replace(BY_HAND, region=Region("eu-frankfurt"))

    with pytest.raises(UsageError, match="by_hand in eu-frankfurt, by_hand in local"):
        flow_named("by_hand", (BY_HAND, twin), owner=US)


@pytest.mark.parametrize("name", ["output/news/tower", "news/tower", "City News/tower"])
def test_an_output_by_any_of_its_names(name: str) -> None:
    """An address with or without its first word means the same output."""
    found = output_named(name, FLOWS, owner=US)

    assert (found.flow, found.output) == (NEWS, TOWER)


def test_an_output_that_is_not_ours_has_its_live_name() -> None:
    """What people made by hand in our flow can be tried, too."""
    assert output_named("news/theirs", FLOWS, owner=US).output is THEIRS


@pytest.mark.parametrize("name", ["tower", "output/tower", "news/"])
def test_an_output_needs_its_flow(name: str) -> None:
    """Output names are unique within a flow only."""
    with pytest.raises(UsageError, match="say output/FLOW/NAME"):
        output_named(name, FLOWS, owner=US)


def test_an_unknown_output_is_refused_with_what_there_is() -> None:
    """The message lists the names that would do."""
    with pytest.raises(NotFoundError, match="it has theirs, tower"):
        output_named("news/towre", FLOWS, owner=US)


def test_an_output_name_found_twice_is_not_guessed() -> None:
    """A name that two outputs bear means neither."""
    doubled = replace(NEWS, outputs=(THEIRS, replace(THEIRS, id="other")))

    with pytest.raises(UsageError, match="2 outputs of news bear the name theirs"):
        output_named("news/theirs", (doubled,), owner=US)


def test_while_one_is_made_anew_its_name_means_the_old_one() -> None:
    """What carries keeps its name until it goes; what is to replace it has its live name, and is ours alone by then."""
    mark = Mark(owner=US, name="tower", twin=True)
    new = replace(TOWER, id="new", live_name="tower_t", mark=mark)
    both, after = replace(NEWS, outputs=(TOWER, new)), replace(NEWS, outputs=(new,))

    found = [
        output_named(name, (flow,), owner=US).output.live_name
        for name, flow in (("news/tower", both), ("news/tower_t", both), ("news/tower", after))
    ]

    assert found == ["tower", "tower_t", "tower_t"]


def test_while_a_flow_is_made_anew_its_name_means_the_old_one() -> None:
    """Whoever publishes goes on where the picture is."""
    new = replace(NEWS, id="new", live_name="City News_t", mark=Mark(owner=US, name="news", twin=True))

    found = [flow_named(name, (new, NEWS), owner=US).id for name in ("news", "City News_t")]

    assert found == [NEWS.id, "new"]


@pytest.mark.anyio
async def test_all_flows_of_all_regions() -> None:
    """Every region is looked into."""
    backend = FakeBackend(regions=("local", "eu-frankfurt"))
    away = replace(BY_HAND, id="away", region=Region("eu-frankfurt"))
    backend.flows.update({each.id: each for each in (NEWS, away)})

    assert set(await all_flows(backend)) == {NEWS, away}
