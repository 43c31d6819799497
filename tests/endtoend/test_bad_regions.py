"""A region whose list is not whole, beside one whose list is."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reconciler.domain.model import Region
from reconciler.relay.faults.injection import Faults
from reconciler.relay.faults.knobs import Begin, Knob, MissingPage, PageSizeCap, RepeatedPage
from reconciler.relay.service import Relay
from reconciler.relay.settings import MediaKind, RelaySettings
from tests.endtoend.commands import Shell
from tests.endtoend.manifests import FLOW, PLATFORM
from tests.endtoend.studio import Studio

pytestmark = pytest.mark.anyio

FAR = Region("eu-frankfurt")
BAD_LISTS = {
    "a page shows what the one before showed": (PageSizeCap(rows=1), RepeatedPage(page=2)),
    "a flow is on no page": (PageSizeCap(rows=1), MissingPage(page=2)),
    "what is cut off is on no page": (PageSizeCap(rows=1, begin=Begin.ASKED), RepeatedPage(page=2)),
}


@pytest.fixture
async def studio(tmp_path: Path, tree: Path, reconciler: Shell) -> AsyncIterator[Studio]:
    """Serve two regions: the far one has two flows, so that its list has two pages where a page holds one."""
    faults = Faults()
    settings = RelaySettings(
        state=tmp_path / "state", regions=(Region("local"), FAR), media=MediaKind.NONE, faults=faults
    )
    (tree / "platform.yaml").unlink()
    for name in ("one", "two"):
        write_far_flow(tree, name)
    async with Relay(settings) as relay:
        studio = Studio(
            relay=relay,
            faults=faults,
            tree=tree,
            reconciler=reconciler,
            delayed=asyncio.Event(),
            released=asyncio.Event(),
        )
        applied = await studio.apply()
        assert applied.status == 0, applied.everything
        yield studio


def write_far_flow(tree: Path, name: str) -> None:
    """Have a flow with an output in the far region."""
    flow = FLOW.replace("name: news", f"name: {name}").replace("region: local", f"region: {FAR}")
    feed = PLATFORM.replace("name: platform", "name: feed").replace("flow: news", f"flow: {name}")
    (tree / f"{name}.yaml").write_text(f"{flow}---\n{feed.replace('9/live', f'9/{name}')}")


@pytest.mark.parametrize("knobs", BAD_LISTS.values(), ids=BAD_LISTS.keys())
async def test_nothing_is_made_or_deleted_where_the_list_is_not_whole(studio: Studio, knobs: tuple[Knob, ...]) -> None:
    """It is said of each flow there, with the figures; the other region goes on, deletes included."""
    (studio.tree / "two.yaml").unlink()
    write_far_flow(studio.tree, "three")
    studio.set_latency(333)
    studio.faults.turn(*knobs)
    sent = studio.writes

    applied = await studio.apply()

    studio.faults.turn()
    assert (applied.status, studio.writes) == (4, sent + 1), applied.everything
    assert studio.relay.calls["ModifyStreamLinkOutputInfo"] == 1
    assert f"region {FAR} could not be read: The list of flows in {FAR} does not add up" in applied.everything


async def test_a_bad_list_is_told_where_nothing_is_wanted_any_more(studio: Studio) -> None:
    """With the last manifest of a region gone its flows are to be deleted, and it is said why they are not."""
    for name in ("one", "two"):
        (studio.tree / f"{name}.yaml").unlink()
    studio.faults.turn(PageSizeCap(rows=1), RepeatedPage(page=2))
    sent = studio.writes

    applied = await studio.apply()

    assert studio.writes == sent
    assert "does not add up" in applied.everything, applied.everything
