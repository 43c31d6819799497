"""Lists that are not whole or in no order, and a day on which everything is wrong."""

import asyncio

import pytest

from reconciler.domain.errors import ExitStatus
from reconciler.relay.faults.knobs import (
    AllowedProtocolsNull,
    Begin,
    DelayedStates,
    Drop,
    InternalError,
    Knob,
    ListOrder,
    MaskedSecrets,
    MissingPage,
    Order,
    PageSizeCap,
    RepeatedPage,
    Throttle,
    UnknownFields,
    When,
)
from tests.endtoend.commands import DEADLINE_S
from tests.endtoend.sdk import Sdk
from tests.endtoend.studio import (
    CREATE_FLOW,
    CREATE_OUTPUT,
    REST_S,
    START,
    Studio,
    three_flows,
    write_three_flows,
)

pytestmark = pytest.mark.anyio


BAD_LISTS = {
    "another order for every page": (PageSizeCap(rows=2), ListOrder(order=Order.SHUFFLED)),
    "the second page repeats the first": (PageSizeCap(rows=1), RepeatedPage(page=2)),
    "the first page is missing": (PageSizeCap(rows=1), MissingPage(page=1)),
    "the last page is missing": (PageSizeCap(rows=1), MissingPage(page=3)),
}


@pytest.mark.parametrize("knobs", BAD_LISTS.values(), ids=BAD_LISTS.keys())
async def test_a_list_that_is_not_whole_is_an_error(studio: Studio, knobs: tuple[Knob, ...]) -> None:
    """
    What is missing from it would look like something to create, so nothing is sent, no delete either, and it is said
    why.
    """
    await three_flows(studio)
    for name in ("sport", "sport_feed"):
        (studio.tree / f"{name}.yaml").unlink()
    sent = studio.writes
    studio.faults.turn(*knobs)

    applied = await studio.apply()

    assert (applied.status, studio.writes) == (7, sent), applied.everything
    assert "does not add up" in applied.everything


async def test_a_list_that_is_bad_once_is_read_again(studio: Studio) -> None:
    """The second reading is whole, and nothing is to be done."""
    await three_flows(studio)
    sent = studio.writes
    studio.faults.turn(PageSizeCap(rows=1), RepeatedPage(page=2, times=1))

    applied = await studio.apply()

    assert (applied.status, studio.writes) == (0, sent), applied.everything


@pytest.mark.parametrize(
    "knobs",
    [
        pytest.param((ListOrder(order=Order.REVERSED),), id="reversed"),
        pytest.param((PageSizeCap(rows=1),), id="small pages"),
        pytest.param((PageSizeCap(rows=2), ListOrder(order=Order.REVERSED)), id="both"),
        pytest.param((PageSizeCap(rows=2, begin=Begin.ASKED),), id="pages cut short"),
    ],
)
async def test_neither_order_nor_size_of_pages_matters(studio: Studio, knobs: tuple[Knob, ...]) -> None:
    """The list is whole, so the same plan comes of it: none."""
    await three_flows(studio)
    studio.faults.turn(*knobs)

    assert not await studio.differs()


async def test_the_loop_gets_through_a_bad_day_and_comes_to_rest(studio: Studio) -> None:
    """With everything wrong at once the account becomes as it is wanted, nothing is there twice, and writing ends."""
    write_three_flows(studio)
    (studio.reconciler.home / "reconciler.yaml").write_text("loop: {observeS: 1}\n")
    studio.faults.turn(
        Throttle(every=4),
        Drop(when=When.AFTER_COMMIT, every=3, actions=frozenset({CREATE_FLOW, CREATE_OUTPUT, START})),
        InternalError(when=When.BEFORE_COMMIT, every=7),
        MaskedSecrets(even_empty=True),
        UnknownFields(),
        AllowedProtocolsNull(),
        DelayedStates(reads=2),
        PageSizeCap(rows=1),
        RepeatedPage(page=2, every=5),
        ListOrder(order=Order.REVERSED),
    )
    run = await studio.reconciler.start(
        "run", studio.tree, "--backend", "relay", "--endpoint", studio.relay.endpoint, "--region", "local"
    )
    try:
        async with asyncio.timeout(REST_S):
            await studio.rest()
            # Passes that are spoilt altogether send nothing either: it rests once a plan that can be made is empty.
            while (await studio.reconciler("plan", studio.tree, "--detailed-exitcode")).status != ExitStatus.OK:
                await studio.rest()
    finally:
        run.terminate()
        said, _ = await asyncio.wait_for(run.communicate(), DEADLINE_S)

    studio.faults.turn()
    assert run.returncode == 0, said
    assert studio.relay.calls["ModifyStreamLinkOutputInfo"] + studio.relay.calls["ModifyStreamLinkInput"] == 0
    assert sorted(await Sdk(studio.relay.address, studio.relay.credentials).names()) == ["news", "sport", "talk"]
    assert not await studio.differs()
