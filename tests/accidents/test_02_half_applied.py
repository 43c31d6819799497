"""
Half of a set is applied, and only the first error is shown.

kustomize-controller#1231, #1168, #756, fluxcd/pkg#293: people mended one error after the other, while half of the
revision was live already. Here a tree with errors is told with all of them, and not a single call comes of it.
"""

import pytest

from tests.accidents.house import House, until
from tests.accidents.manifests import flow, flows, output

pytestmark = pytest.mark.anyio

WRONG = {
    "a_range": output("tower", of="alpha", latency=9000),
    "b_protocol": output("cdn", of="alpha").replace("protocol: SRT", "protocol: RIST"),
    "c_reference": output("lost", of="nobody"),
    "d_syntax": "kind: [\n",
}


async def test_every_error_is_told_at_once_and_nothing_is_sent(house: House) -> None:
    """Four errors in four files are four findings at their places; the good flows beside them wait, too."""
    house.write(**flows(("alpha", "bravo")))
    await house.apply()
    before, writes = await house.everything(), house.writes
    house.write(**flows(("charlie",)), **WRONG, alpha=flow("alpha", latency=333))

    said = await house.apply()

    assert said.status == 3, said.everything
    for name in WRONG:
        assert f"{name}.yaml:" in said.err
    assert "Nothing was sent" in said.err
    assert (await house.everything(), house.writes) == (before, writes)


async def test_a_loop_keeps_to_the_last_good_tree(house: House) -> None:
    """While the tree is broken, what drifts is put right as the last good revision says, and nothing else is sent."""
    await house.applied(**flows(("alpha",)))
    async with house.running() as work:
        await work.passed()
        house.write(d_syntax="kind: [\n", bravo=flow("bravo"), alpha=flow("alpha", latency=333))
        await house.sdk.create_listener((await house.flows())["alpha"], "stranger")
        await house.delete_by_hand("alpha", "tower")

        await until(lambda: back(house))
        await work.passed(2)

    assert await house.names() == {"alpha": ["cdn", "stranger", "tower"]}
    assert (await house.flows())["alpha"].InputGroup[0].SRTSettings.Latency == 120


async def back(house: House) -> bool:
    """Return whether the output is there again."""
    return "tower" in (await house.names())["alpha"]
