"""
One bad resource aborts everything.

octodns#618, octodns-bind#114: the first error of a provider ended the run, and the zones after it were never touched.
Here each resource has a result of its own: the others go on, and the exit status says that some failed.
"""

import pytest

from tests.accidents.house import House
from tests.accidents.manifests import flow, flows, output

pytestmark = pytest.mark.anyio


def refused(name: str, *, of: str) -> str:
    """Return an output in a region that no account has."""
    return output(name, of=of, more="  region: mars-north\n")


async def test_what_the_account_refuses_stops_nobody(house: House) -> None:
    """The first of three flows has an output that is refused; everything else is there, and the status is 5."""
    house.write(**flows(("bravo", "charlie")), alpha=flow("alpha") + refused("lost", of="alpha"))
    house.write(alpha_tower=output("tower", of="alpha"))

    said = await house.apply()

    assert said.status == 5, said.everything
    assert "! failed output/alpha/lost (create)" in said.out
    assert await house.names() == {"alpha": ["tower"], "bravo": ["cdn", "tower"], "charlie": ["cdn", "tower"]}


async def test_a_secret_that_is_missing_fails_its_resource_alone(house: House) -> None:
    """The output whose passphrase nobody set is named; its siblings and the other flows are there."""
    secret = output("sealed", of="alpha").replace(
        "latency: 120}", "latency: 120, encryption: {keyLength: 16, passphrase: {env: STREAM_LOST}}}"
    )
    house.write(**flows(("alpha", "bravo")), sealed=secret)

    said = await house.apply()

    assert said.status == 5, said.everything
    assert "STREAM_LOST" in said.everything
    assert await house.names() == {"alpha": ["cdn", "tower"], "bravo": ["cdn", "tower"]}


async def test_the_mended_one_follows_alone(house: House) -> None:
    """The next apply sends what failed, and nothing else."""
    house.write(**flows(("bravo",)), alpha=flow("alpha") + refused("late", of="alpha"))
    await house.apply()
    before = house.writes
    house.write(alpha=flow("alpha") + output("late", of="alpha"))

    said = await house.apply()

    assert (said.status, house.writes - before) == (0, 1), said.everything
    assert (await house.names())["alpha"] == ["late"]
