"""The control plane without engines."""

import pytest

from reconciler.relay.engines.none import NoMedia
from reconciler.relay.media import EndHealth, EndId, EndState, FlowMedia, InputMedia, NotCarried, OutputMedia

pytestmark = pytest.mark.anyio

END = NotCarried(protocol="SRT")
FLOW = FlowMedia(id="flow", input=InputMedia(id=EndId("in"), end=END), outputs=(OutputMedia(id=EndId("out"), end=END),))


async def test_every_end_of_a_carried_flow_is_idle() -> None:
    """Without engines nothing is ever connected, and nothing is known of flows that are not carried."""
    media = NoMedia()
    idle = EndHealth(state=EndState.IDLE)

    await media.carry(FLOW)
    carried = await media.health("flow")
    await media.drop("flow")
    dropped = await media.health("flow")
    await media.close()

    assert carried == {"in": idle, "out": idle}
    assert dropped == {}
