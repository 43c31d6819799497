"""What tests say of ends that carry something, and of those that do not."""

from reconciler.domain.model import FoundFlow
from reconciler.ports.backend import EndStatus
from tests.unit.engine.worlds import Worldlet

PICTURE_BPS = 5_000_000


def put_on_air(small: Worldlet, *ids: str, bitrate_bps: int = PICTURE_BPS) -> None:
    """Let outputs have receivers."""
    for id_ in ids:
        small.backend.statuses[id_] = EndStatus(
            id=id_, is_input=False, state="Connected", bitrate_bps=bitrate_bps, connected_ms=60_000, reconnections=0
        )


def output_id(found: FoundFlow, live_name: str = "tower") -> str:
    """Return the id of an output of a flow."""
    return next(output.id for output in found.outputs if output.live_name == live_name)
